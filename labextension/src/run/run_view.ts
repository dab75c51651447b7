// The view of a run: what comes by the channel changes the state at once, and the state is drawn once a frame.
//
//   channel ──message──► reduce ──► state ──per frame──► head · bar and figures · lanes · failures · output · table
//      ▲───── open, look, cancel, retry ──────────────────────┘
import { withoutColors } from '../ansi';
import { AGAIN, GONE, type Channel, type Problem } from '../comm';
import { make, setShown, setText } from '../dom';
import { perFrame } from '../frames';
import { PROTOCOL, type Answer, type FailureRow, type PrintedRow, type RunRecord, type ToFront } from '../protocol';
import { asRecord, cutOff, isOver, reduce, stateName, stateOf, type State } from '../state';
import { applyStyles } from '../styles';
import { count, cut, line, many } from '../text';
import { mountActions, type ActionsView } from './actions_view';
import { mountFlame, type FlameView } from './flame';
import { mountFigures, type FiguresView } from './figures_view';
import { mountInner, type InnerView } from './inner_view';
import { mountLanes, type LanesView } from './lanes_view';
import { mountPoints, type Point, type PointsView } from './points_view';
import { CSS } from './style';
import { mountWorkers, type WorkersView } from './workers_view';

export interface RunView {
  /** Show another state, whatever came by the channel. */
  update(state: State): void;
  /** Have a run that is over run again what has no value; null: nobody can do that any more. */
  offerRetry(retry: (() => Promise<string>) | null): void;
  /** The kernel is no more. */
  lose(): void;
  /** Give what is known. */
  record(): RunRecord | null;
  destroy(): void;
}

const TICK_MS = 500;
const SILENCE_MS = 15_000;
const NO_ANSWER_MS = 5_000;
/** How often `open` is sent again: JupyterLab sends the first messages of a new comm to the shell that a cell may block. */
const MOST_OPENS = 20;

const CUT_OFF = `This is how far the run was when the notebook was saved, or its kernel ended. ${AGAIN}`;

/** Put the view of a run into an element; `first` is what is known of it already. */
export function mountRun(element: HTMLElement, channel: Channel, first: RunRecord | null = null): RunView & { readonly bytes: number } {
  return new Mounted(element, channel, first);
}

class Mounted implements RunView {
  private readonly root = make('section', { class: 'run', role: 'region', 'aria-label': 'Run', 'aria-busy': false });
  private readonly notice = make('div', { class: 'notice', role: 'alert', hidden: true });
  private readonly title = make('bdi', { class: 'title' });
  private readonly badge = make('span', { class: 'state' });
  private readonly figures: FiguresView;
  private readonly lanes: LanesView;
  private readonly inner: InnerView;
  private readonly failures: PointsView;
  private readonly output: PointsView;
  private readonly workers: WorkersView;
  private readonly flame: FlameView;
  private readonly actions: ActionsView;
  private readonly frame = perFrame(() => this.draw());
  private readonly ticker: number;
  private readonly stop: () => void;
  private readonly mountedAt_ms = Date.now();
  private readonly points = new Points();
  private state: State | null = null;
  private problem = '';
  private drawn: State | null = null;
  private nOpens = 0;

  constructor(private readonly element: HTMLElement, private readonly channel: Channel, first: RunRecord | null) {
    const part = (name: string): HTMLElement => make('div', { class: name });
    const [actions, figures, lanes, inner, flame, failures, output, workers] =
      [part('actions'), part('numbers'), part('lanes'), part('inner'), part('flames'), part('failures'), part('output'), part('table-of-workers')];
    this.root.append(make('div', { class: 'head' }, this.title, this.badge, actions), this.notice, figures, lanes, inner, flame, failures, output, workers);
    element.append(this.root);
    applyStyles(this.root, 'run', CSS);
    this.figures = mountFigures(figures);
    this.lanes = mountLanes(lanes, channel.isLive ? (wanted) => this.look(wanted) : null);
    this.inner = mountInner(inner);
    this.flame = mountFlame(flame);
    this.failures = mountPoints(failures, FAILURES);
    this.output = mountPoints(output, OUTPUT);
    this.workers = mountWorkers(workers);
    this.actions = mountActions(actions, channel.isLive ? {
      cancel: (run) => channel.send({ type: 'cancel', run }),
      retry: (run) => channel.send({ type: 'retry', run }),
      say: (text) => this.say(text),
    } : null);
    this.stop = channel.onMessage({ message: (message) => this.hear(message), problem: (problem) => this.complain(problem) });
    this.ticker = window.setInterval(() => this.tick(), TICK_MS);
    if (first) this.state = known(first, channel);
    this.draw();
    this.open();
  }

  private open(): void {
    this.nOpens += 1;
    this.channel.send({ type: 'open', version: PROTOCOL });
  }

  get bytes(): number {
    return this.lanes.bytes + (this.state?.spans.columns.bytes ?? 0);
  }

  update(state: State): void {
    this.state = state;
    this.lanes.follow(state);
    this.frame.ask();
  }

  offerRetry(retry: (() => Promise<string>) | null): void {
    this.actions.offer(retry && (() => void retry().then((why) => why && this.say(why))));
    this.frame.ask();
  }

  lose(): void {
    if (this.channel.isLive) this.complain(GONE);
  }

  record(): RunRecord | null {
    return this.state && asRecord(this.state);
  }

  destroy(): void {
    window.clearInterval(this.ticker);
    this.frame.stop();
    this.stop();
    this.actions.destroy();
    this.lanes.destroy();
    this.root.remove();
  }

  private hear(message: ToFront): void {
    if (message.type === 'code') return; // an answer too many: it was asked for more than once
    this.nOpens = MOST_OPENS;
    if (message.type === 'answer') return this.answered(message);
    const next = reduce(this.state, message, Date.now());
    if (message.type !== 'hello') this.problem = '';
    if (next) this.update(next);
  }

  private answered(answer: Answer): void {
    if (!answer.is_ok) this.say([answer.text, answer.cure].filter(Boolean).join(' '));
  }

  private complain(problem: Problem): void {
    const isEnd = problem.kind === 'closed' || problem.kind === 'gone';
    if (isEnd && this.state !== null && isOver(this.state)) return;
    if (problem.kind === 'gone') this.nOpens = MOST_OPENS;
    if (problem.kind === 'gone' && this.state) this.update(cutOff(this.state));
    this.say(problem.text);
  }

  private say(text: string): void {
    this.problem = text;
    this.frame.ask();
  }

  private look(wanted: { id: number; lanes: number[]; from_s: number; to_s: number; n_pixels: number }): void {
    if (this.state) this.channel.send({ type: 'look', run: this.state.head.run, ...wanted });
  }

  /** The clock goes on between messages; a run that is over needs none. */
  private tick(): void {
    if (this.channel.isLive && this.nOpens < MOST_OPENS) this.open();
    if (!this.element.isConnected && this.drawn) return;
    if (!this.state || !isOver(this.state)) this.frame.ask();
  }

  private draw(): void {
    const { state } = this;
    const notice = this.problem || this.silence();
    setShown(this.notice, notice !== '');
    setText(this.notice, line(notice, 600));
    if (!state) return;
    this.drawn = state;
    this.drawHead(state);
    this.figures.update(state);
    this.actions.update(state);
    this.lanes.update(state);
    this.inner.update(state);
    this.failures.update(this.points.ofFailures(state.failures), state.figures.n_failed, more(state.nMoreFailures + state.nCutFailures, 'failure'));
    this.output.update(this.points.ofPrinted(state.printed), state.nPrinted, more(state.nMorePrinted + state.nCutPrinted, 'character'));
    this.workers.update(state);
    this.flame.update(state);
  }

  private drawHead(state: State): void {
    const name = line(state.head.title, 200) || 'run';
    setText(this.title, name);
    this.title.title = name;
    setText(this.badge, stateName(state));
    this.badge.dataset['state'] = this.root.dataset['state'] = state.isCutOff ? 'cancelled' : state.figures.state;
    this.root.setAttribute('aria-label', `Run: ${name}`);
    this.root.setAttribute('aria-busy', String(!isOver(state)));
  }

  /** Say when nothing is heard: a picture that stands still must not look like a run that does. */
  private silence(): string {
    if (!this.channel.isLive) return this.state?.isCutOff ? CUT_OFF : '';
    if (!this.state) {
      return Date.now() - this.mountedAt_ms > NO_ANSWER_MS
        ? 'The kernel has not told anything of this run yet. It may be busy, or not be running any more.' : '';
    }
    if (isOver(this.state) || Date.now() - this.state.heardAt_ms < SILENCE_MS) return '';
    return 'Nothing has been heard of this run for a while: the kernel may be busy, stopped or unreachable.';
  }
}

/** Give what a record says; nobody will tell how a run goes on that nobody feeds. */
function known(record: RunRecord, channel: Channel): State {
  const state = stateOf(record, Date.now());
  return channel.isLive ? state : cutOff(state);
}

function more(n: number, noun: string): string {
  return n > 0 ? `… ${count(n)} more ${noun}${n === 1 ? '' : 's'} not kept here` : '';
}

const FAILURES = {
  name: 'failed-points', isBad: true, isLatest: false,
  title: (n: number, nHere: number): string => `${count(Math.max(n, nHere))} failed`,
};
const OUTPUT = {
  name: 'printed', isBad: false, isLatest: true,
  title: (n: number, nHere: number): string => {
    const all = n || nHere;
    return `output of ${nHere < all ? `${count(nHere)} of ` : ''}${many(all, 'point')}`;
  },
};

/** The rows of lists, each made once, so that what is drawn of it stays. */
class Points {
  private readonly made = new WeakMap<object, Point>();
  private readonly lists = new WeakMap<object, readonly Point[]>();

  ofFailures(rows: readonly FailureRow[]): readonly Point[] {
    return this.list(rows, (row) => ({
      index: row.index, label: row.label, summary: firstLine(row.error),
      text: row.traceback.trim() ? `${row.traceback}${row.worker ? `\n\non ${row.worker}` : ''}` : row.error,
    }));
  }

  ofPrinted(rows: readonly PrintedRow[]): readonly Point[] {
    return this.list(rows, (row) => ({ index: row.index, label: row.label, summary: firstLine(row.text), text: row.text }));
  }

  private list<Row extends object>(rows: readonly Row[], point: (row: Row) => Point): readonly Point[] {
    let list = this.lists.get(rows);
    if (!list) {
      list = rows.map((row) => {
        let made = this.made.get(row);
        if (!made) this.made.set(row, (made = point(row)));
        return made;
      });
      this.lists.set(rows, list);
    }
    return list;
  }
}

/** Characters that have no shape, as `plain` shows them. */
const SHAPELESS = /\ufffd/g;

/** Give the first line that says something, as it stood there last. */
function firstLine(text: string): string {
  const lines = withoutColors(text.slice(0, 2_000)).split('\n');
  return cut(lines.find((one) => one.replace(SHAPELESS, '').trim()) ?? '', 240);
}
