// The timeline as a person uses it: a canvas that scrolls with its rows; zoom and pan by wheel, drag and keys; what is
// under the pointer in words. It draws when it is told to, at most once a frame.
import { button, make, setShown } from '../dom';
import { perFrame } from '../frames';
import type { Look } from '../protocol';
import { asSpans, emptyLog } from '../spans';
import { elapsed, horizon, isOver, NO_ITEMS, type State } from '../state';
import { arranged, covers, type Close } from './closer';
import { tell, type Told } from './hover';
import { Looker } from './looker';
import { contextOf, paint, widthOfNames } from './paint';
import { between, laidOut, rowAt, type Row, type Rows } from './rows';
import { AXIS_PX, type Scene } from './scene';
import { Steering } from './steering';
import { themeAt } from './theme';
import { tipOf } from './tip';
import { Tracks } from './tracks';
import { clamped, followed, whole, type Viewport } from './viewport';

const MAX_ROWS_PX = 300;

export interface LanesView {
  /** Take in what has come, without drawing: cheap, and never twice. */
  follow(state: State): void;
  update(state: State): void;
  destroy(): void;
  /** Bytes that are held besides the state, for the benchmark. */
  readonly bytes: number;
}

/** Put a timeline into an element; `look` asks the kernel for a part of it. */
export function mountLanes(element: HTMLElement, look: ((wanted: Omit<Look, 'type' | 'run'>) => void) | null): LanesView {
  return new Timeline(element, look);
}

class Timeline implements LanesView {
  private readonly tracks = new Tracks();
  private readonly folded = new Map<string, boolean>();
  private readonly canvas = make('canvas', { class: 'canvas', role: 'img' });
  private readonly spacer = make('div', { class: 'rows' }, this.canvas);
  private readonly scroller = make('div', {
    class: 'scroller', tabindex: 0, role: 'group', 'data-lm-suppress-shortcuts': 'true',
    'aria-label': 'Timeline of the workers. Plus and minus zoom, left and right move, 0 shows all, '
      + 'up and down choose a worker, comma and point go from span to span.',
  }, this.spacer);
  private readonly tip = tipOf();
  private readonly frame = perFrame(() => this.draw());
  private readonly looker: Looker | null;
  private readonly steering: Steering;
  private readonly watcher: ResizeObserver | null;
  private readonly themes: MutationObserver;
  /** A page that is zoomed has other pixels, even where our width stays. */
  private readonly zoomed = (): void => this.frame.ask();
  private state: State | null = null;
  private rows: Rows = { rows: [], height: 0 };
  private view: Viewport = whole(1);
  private close: Close | null = null;
  private closeOf: State['closer'] = null;
  private keptItems = NO_ITEMS;
  private kept = arranged({ items: NO_ITEMS, spans: asSpans(emptyLog()) });
  private marked: Row | null = null;
  private width = 0;
  private namesWidth = 0;
  private namesFont = '';

  constructor(private readonly element: HTMLElement, look: ((wanted: Omit<Look, 'type' | 'run'>) => void) | null) {
    this.looker = look && new Looker(look);
    element.append(this.scroller, this.buttons(), this.tip.element);
    this.steering = new Steering(this.scroller, {
      view: () => this.view,
      end_s: () => this.end_s,
      span: () => [this.gutter, this.width],
      show: (view) => this.show(view),
      point: (x, y) => this.point(x, y),
      pick: (x, y) => this.pick(x, y),
      toggle: () => this.toggle(this.marked),
      step: (rows, spans) => this.step(rows, spans),
    });
    this.watcher = typeof ResizeObserver === 'undefined' ? null : new ResizeObserver(() => this.resized());
    this.watcher?.observe(this.scroller);
    window.addEventListener('resize', this.zoomed);
    this.scroller.addEventListener('scroll', () => this.frame.ask());
    this.themes = new MutationObserver(() => this.repaintSoon());
    this.themes.observe(document.body, { attributes: true });
  }

  get bytes(): number {
    return this.tracks.bytes;
  }

  follow(state: State): void {
    this.tracks.follow(state.spans, state.lanes);
  }

  update(state: State): void {
    // A worker stays on its host, so that only their number changes the rows.
    const isSame = this.state?.head === state.head && this.state.lanes.size === state.lanes.size;
    this.state = state;
    if (!isSame) this.layOut(state);
    setShown(this.element, state.lanes.size > 0);
    this.view = followed(this.view, this.end_s);
    this.follow(state);
    this.draw();
  }

  destroy(): void {
    this.frame.stop();
    this.watcher?.disconnect();
    window.removeEventListener('resize', this.zoomed);
    this.themes.disconnect();
    this.steering.stop();
    this.looker?.stop();
    this.element.replaceChildren();
  }

  private get end_s(): number {
    return this.state ? horizon(this.state, Date.now()) : 1;
  }

  private get gutter(): number {
    return Math.round(Math.min(this.namesWidth + 16, 190, Math.max(84, this.width * 0.3)));
  }

  private layOut(state: State): void {
    this.rows = laidOut(state.lanes, this.folded);
    this.namesFont = '';
    const height = Math.min(this.rows.height, MAX_ROWS_PX) + AXIS_PX;
    this.scroller.style.height = `${height}px`;
    this.spacer.style.height = `${this.rows.height + AXIS_PX}px`;
    this.canvas.style.height = `${height}px`;
    const workers = state.lanes.size + state.nMoreLanes;
    this.canvas.setAttribute('aria-label', `Timeline of ${workers} workers; the table below has the same in words`);
  }

  /** An observer calls first for the size that there is, which is drawn already. */
  private resized(): void {
    if (this.scroller.clientWidth !== this.width) this.frame.ask();
  }

  private draw(): void {
    const { state } = this;
    const context = contextOf(this.canvas);
    this.width = this.scroller.clientWidth;
    if (!state || !context || this.width < 40) return;
    const scene = this.scene(state);
    const [width, height] = [Math.round(scene.width * scene.ratio), Math.round(scene.height * scene.ratio)];
    if (this.canvas.width !== width) this.canvas.width = width;
    if (this.canvas.height !== height) this.canvas.height = height;
    this.canvas.style.width = `${scene.width}px`;
    paint(context, scene);
    this.looker?.consider({
      view: this.view, closer: state.closer, state, now_s: this.end_s, width: this.width - this.gutter,
      lanes: scene.rows.filter((row) => row.kind === 'lane').map((row) => row.lane),
    });
  }

  /** Find out how much room the names need, once for rows and font: the font is known only when the page shows us. */
  private measure(state: State, font: string): void {
    if (this.namesFont === font) return;
    this.namesFont = font;
    this.namesWidth = widthOfNames(this.canvas, this.rows.rows, state.lanes, font);
  }

  private scene(state: State): Scene {
    const theme = themeAt(this.element);
    this.measure(state, theme.font);
    const top = this.scroller.scrollTop;
    const height = Math.min(this.rows.height, MAX_ROWS_PX) + AXIS_PX;
    return {
      view: this.view, rows: between(this.rows, top, top + height - AXIS_PX), top, width: this.width, height,
      gutter: this.gutter, ratio: Math.min(3, window.devicePixelRatio || 1), lanes: state.lanes, tracks: this.tracks,
      close: this.closeNow(state), now_s: isOver(state) ? null : elapsed(state, Date.now()),
      marked: this.marked, theme,
    };
  }

  private closeNow(state: State): Close | null {
    if (state.closer !== this.closeOf) {
      this.closeOf = state.closer;
      this.close = state.closer && arranged(state.closer.window);
    }
    return covers(state.closer, this.view) ? this.close : null;
  }

  private show(view: Viewport): void {
    this.view = view;
    this.tip.hide();
    this.frame.ask();
  }

  private timeAt(x: number): number {
    const share = (x - this.gutter) / Math.max(1, this.width - this.gutter);
    return this.view.from_s + share * (this.view.to_s - this.view.from_s);
  }

  private get perPixel_s(): number {
    return (this.view.to_s - this.view.from_s) / Math.max(1, this.width - this.gutter);
  }

  /** Tell what is under the pointer; null hides it. */
  private point(x: number | null, y: number): void {
    const row = x === null ? null : rowAt(this.rows, y + this.scroller.scrollTop);
    if (this.marked !== row) this.frame.ask();
    this.marked = row;
    if (x === null || !row || !this.state) return this.tip.hide();
    const at_s = x < this.gutter ? -1 : this.timeAt(x);
    this.tip.show(this.told(row, at_s), x, y, this.width);
  }

  private told(row: Row, at_s: number): Told {
    const state = this.state;
    const place = { row, at_s, near_s: 3 * this.perPixel_s };
    if (!state) return tell(place, new Map(), this.tracks, null);
    const close = this.closeNow(state);
    // Where only some items are known, those beside them are not taken for them.
    const isSome = !close && state.items.index.length < state.figures.n_done;
    return tell(place, state.lanes, this.tracks, close ?? this.keptOf(state), isSome ? 0 : place.near_s);
  }

  /** Give the single items that a record has. */
  private keptOf({ items }: State): Close {
    if (items !== this.keptItems) this.kept = arranged({ items, spans: asSpans(emptyLog()) });
    this.keptItems = items;
    return this.kept;
  }

  /** Fold or unfold the host whose row was clicked. */
  private pick(x: number, y: number): void {
    if (x <= this.width) this.toggle(rowAt(this.rows, y + this.scroller.scrollTop));
  }

  private toggle(row: Row | null): void {
    if (row?.kind !== 'host' || !this.state) return;
    this.folded.set(row.host, !row.isFolded);
    this.layOut(this.state);
    this.tip.hide();
    this.frame.ask();
  }

  /** Choose the next row, or the next span of the chosen one, by keys; and tell of it. */
  private step(rows: number, spans: number): void {
    const all = this.rows.rows;
    const at = this.marked ? all.findIndex((row) => row.y === this.marked?.y) : -1;
    const row = all[Math.max(0, Math.min(all.length - 1, at + rows + (at < 0 && !rows ? 1 : 0)))];
    if (!row) return;
    this.marked = row;
    this.bringInSight(row);
    const at_s = spans ? this.nextMiddle(row, spans) : this.here;
    const length = this.view.to_s - this.view.from_s;
    if (at_s < this.view.from_s || at_s > this.view.to_s) this.view = clamped(at_s - length / 2, at_s + length / 2, this.end_s);
    const x = this.gutter + (at_s - this.view.from_s) / this.perPixel_s;
    this.tip.show(this.told(row, at_s), x, row.y - this.scroller.scrollTop, this.width, at_s);
    this.frame.ask();
  }

  /** Where the keys are: at the moment that was told last, if it is seen, else in the middle. */
  private get here(): number {
    const { at_s } = this.tip;
    const isSeen = at_s !== null && at_s >= this.view.from_s && at_s <= this.view.to_s;
    return isSeen ? at_s : (this.view.from_s + this.view.to_s) / 2;
  }

  private bringInSight(row: Row): void {
    const seen = this.scroller.clientHeight - AXIS_PX;
    if (row.y < this.scroller.scrollTop) this.scroller.scrollTop = row.y;
    else if (row.y + row.height > this.scroller.scrollTop + seen) this.scroller.scrollTop = row.y + row.height - seen;
  }

  /** Give the middle of the next span of a row, before or after where the keys are. */
  private nextMiddle(row: Row, by: number): number {
    const { columns } = this.tracks;
    const index = this.tracks.lane(row.lane)?.index;
    const { here } = this;
    if (!columns || !index?.n) return here;
    const at = index.from(here, columns); // the one that is under the keys, or the first behind them
    const isUnder = (columns.start[index.rows[at] ?? 0] ?? 0) <= here && at < index.n;
    const next = index.rows[Math.max(0, Math.min(index.n - 1, by < 0 ? at - 1 : isUnder ? at + 1 : at))] ?? 0;
    return ((columns.start[next] ?? 0) + (columns.end[next] ?? 0)) / 2;
  }

  private repaintSoon(): void {
    this.frame.ask();
    // The theme's style sheet comes a little later than its name.
    window.setTimeout(() => this.frame.ask(), 300);
  }

  private buttons(): HTMLElement {
    return make('div', { class: 'zoom' },
      button('−', 'small', () => this.steering.zoom(0.5), 'Zoom out (−)'),
      button('+', 'small', () => this.steering.zoom(2), 'Zoom in (+, or Ctrl and the wheel)'),
      button('all', 'small', () => this.show(whole(this.end_s)), 'Show the whole run (0)'));
  }
}
