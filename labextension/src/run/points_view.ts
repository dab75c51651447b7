// A folded list of points, each with a text of its own: failures with their tracebacks, or what was printed. It can be
// searched; a part of it is in the document at a time, and a text only once it is opened.
import { fill } from '../ansi';
import { button, make, setShown, setText } from '../dom';
import { count, line } from '../text';

export interface Point {
  readonly index: number;
  readonly label: string;
  /** One line. */
  readonly summary: string;
  readonly text: string;
}

export interface PointsView {
  update(points: readonly Point[], n: number, nMore: string): void;
}

const PAGE = 100;
const SEARCH_MS = 150;

export interface Kind {
  readonly name: string;
  /** Of how many there are, and how many of them are here. */
  readonly title: (n: number, nHere: number) => string;
  readonly isBad: boolean;
  /** Show the latest first page, not the first. */
  readonly isLatest: boolean;
}

/** Put a list into an element. */
export function mountPoints(element: HTMLElement, kind: Kind): PointsView {
  return new Points(element, kind);
}

class Points implements PointsView {
  private readonly title = make('span', {});
  private readonly search = make('input', {
    type: 'search', class: 'search', placeholder: 'search', 'data-lm-suppress-shortcuts': 'true',
  });
  private readonly found = make('span', { class: 'faint', role: 'status' });
  private readonly list = make('div', { class: 'list' });
  private readonly more = button('', 'small', () => this.showMore());
  private readonly rest = make('div', { class: 'faint' });
  private readonly fold: HTMLDetailsElement;
  private readonly made = new WeakMap<Point, HTMLElement>();
  private points: readonly Point[] = [];
  private nShown = PAGE;
  private timer: number | null = null;

  constructor(private readonly element: HTMLElement, private readonly kind: Kind) {
    this.search.setAttribute('aria-label', `Search the ${kind.name}`);
    const tools = make('div', { class: 'tools' }, this.search, this.found);
    const before = kind.isLatest ? this.more : null;
    const after = kind.isLatest ? null : this.more;
    this.fold = make('details', { class: `points ${kind.name}` },
      make('summary', { class: kind.isBad ? 'bad' : '' }, this.title), tools, before, this.list, after, this.rest);
    this.fold.addEventListener('toggle', () => this.draw());
    this.search.addEventListener('input', () => this.searchSoon());
    element.append(this.fold);
  }

  update(points: readonly Point[], n: number, nMore: string): void {
    setShown(this.element, points.length > 0 || nMore !== '');
    setText(this.rest, nMore);
    setText(this.title, this.kind.title(n, points.length));
    if (points === this.points) return;
    this.points = points;
    if (this.fold.open) this.draw();
  }

  private showMore(): void {
    this.nShown += 5 * PAGE;
    this.draw();
  }

  private searchSoon(): void {
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = window.setTimeout(() => {
      this.nShown = PAGE;
      this.draw();
    }, SEARCH_MS);
  }

  private draw(): void {
    if (!this.fold.open) return;
    const wanted = this.search.value.trim().toLowerCase();
    const all = wanted ? this.points.filter((point) => has(point, wanted)) : this.points;
    const shown = this.kind.isLatest ? all.slice(-this.nShown) : all.slice(0, this.nShown);
    this.replace(shown.map((point) => this.rowOf(point)));
    setText(this.found, wanted ? `${count(all.length)} found` : '');
    const left = all.length - shown.length;
    setShown(this.more, left > 0);
    setText(this.more, `${count(left)} ${this.kind.isLatest ? 'earlier' : 'more'}`);
  }

  /** Put rows into the list, without touching those that stay: what is open stays open, and what is selected too. */
  private replace(rows: readonly HTMLElement[]): void {
    const wanted = new Set<Element>(rows);
    for (const child of [...this.list.children]) if (!wanted.has(child)) child.remove();
    rows.forEach((row, i) => {
      const there = this.list.children[i] ?? null;
      if (there !== row) this.list.insertBefore(row, there);
    });
  }

  private rowOf(point: Point): HTMLElement {
    let row = this.made.get(point);
    if (!row) this.made.set(point, (row = rowOf(point, this.kind)));
    return row;
  }
}

function has(point: Point, wanted: string): boolean {
  return [point.label, point.summary, point.text, String(point.index)].some((text) => text.toLowerCase().includes(wanted));
}

function rowOf(point: Point, kind: Kind): HTMLElement {
  const name = make('b', { class: 'point' }, make('bdi', {}, line(point.label, 120) || `#${point.index}`));
  const summary = make('bdi', { class: kind.isBad ? 'bad' : 'code' }, line(point.summary, 240));
  if (!isLonger(point)) return make('div', { class: 'row' }, name, ' ', summary);
  const text = make('pre', { class: 'text', dir: 'ltr', tabindex: 0 });
  const row = make('details', { class: 'row' }, make('summary', {}, name, ' ', summary), text);
  row.addEventListener('toggle', () => {
    if (row.open && !text.firstChild) fill(text, point.text);
  });
  return row;
}

/** Say whether there is more to see than the summary. */
function isLonger(point: Point): boolean {
  const text = point.text.trim();
  return text.includes('\n') || text.length > 240 || text.includes('\u001b');
}
