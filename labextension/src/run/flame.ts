// Where the time goes: a flame graph that can be entered, a table by function, and what each worker's time is spent on.
import { make, setShown, setText } from '../dom';
import { bytes } from '../panel/text';
import { layOut, type Box, type Profile } from '../profile';
import type { State } from '../state';
import { count, duration, line } from '../text';
import { FUNCTIONS, functionRows, KINDS, PointsTable, table, usageRows, USAGE } from './flame_tables';

export interface FlameView {
  update(state: State): void;
}

const ROOT = 0;
const ROW_PX = 18;
const MAX_ROWS = 30;
const MAX_BOXES = 600;
const LEAST = 0.003;

/** Put the profile into an element; where there is none, nothing is seen. */
export function mountFlame(element: HTMLElement): FlameView {
  return new Flame(element);
}

class Flame implements FlameView {
  private readonly title = make('span', {});
  private readonly legend = make('span', { class: 'legend' });
  private readonly up = make('button', { type: 'button', class: 'button small', hidden: true }, '↑ all');
  private readonly graph = make('div', { class: 'flame', role: 'tree', 'aria-label': 'Flame graph' });
  private readonly functions = make('tbody', {});
  private readonly usage = make('tbody', {});
  private readonly longest = new PointsTable('longest points', duration);
  private readonly heaviest = new PointsTable('most memory', bytes);
  private readonly notes = make('div', { class: 'faint' });
  private readonly fold: HTMLDetailsElement;
  private readonly boxes = new Map<number, HTMLElement>();
  private root = ROOT;
  private latest: Profile | null = null;
  private shown: Profile | null = null;

  constructor(private readonly element: HTMLElement) {
    this.fold = make('details', { class: 'profile', open: true }, make('summary', {}, this.title, this.legend),
      this.up, this.graph, this.notes,
      make('details', { class: 'by-function', open: true }, make('summary', {}, 'functions'), table(FUNCTIONS, this.functions)),
      make('details', { class: 'by-worker' }, make('summary', {}, 'workers'), table(USAGE, this.usage)),
      this.longest.fold, this.heaviest.fold);
    element.append(this.fold);
    this.fold.addEventListener('toggle', () => this.draw());
    this.up.addEventListener('click', () => this.enter(ROOT));
    this.graph.addEventListener('click', (event) => this.clicked(event.target));
    this.graph.addEventListener('keydown', (event) => { if (event.key === 'Enter') this.clicked(event.target); });
  }

  update(state: State): void {
    setShown(this.element, state.profile !== null);
    if (!state.profile || state.profile === this.latest) return;
    this.latest = state.profile;
    this.drawHead(state.profile);
    this.draw();
  }

  private clicked(target: EventTarget | null): void {
    const id = target instanceof Element ? target.closest<HTMLElement>('[data-node]')?.dataset['node'] : undefined;
    if (id !== undefined) this.enter(Number(id) === this.root ? ROOT : Number(id));
  }

  /** Show one function and what it calls, as wide as everything was. */
  private enter(node: number): void {
    this.root = node;
    this.shown = null;
    this.draw();
  }

  private drawHead(profile: Profile): void {
    const whole = profile.kinds_ms.reduce((sum, ms) => sum + ms, 0);
    setText(this.title, `profile: ${duration(whole / 1000)} in ${count(profile.nSamples)} samples`);
    this.legend.replaceChildren(...KINDS.flatMap((name, kind) => {
      const share = (profile.kinds_ms[kind] ?? 0) / Math.max(whole, 1e-9);
      return share < 0.001 ? [] : [make('span', {}, make('i', { class: `key kind-${kind}` }), `${name} ${Math.round(100 * share)} %`)];
    }));
    setText(this.notes, profile.notes.map((note) => line(note, 200)).join(' '));
  }

  private draw(): void {
    const profile = this.latest;
    if (!profile || !this.fold.open || profile === this.shown) return;
    this.shown = profile;
    if (!profile.nodes.has(this.root)) this.root = ROOT;
    setShown(this.up, this.root !== ROOT);
    this.drawGraph(layOut(profile, this.root, LEAST).filter((box) => box.depth < MAX_ROWS).sort(byWidth).slice(0, MAX_BOXES));
    this.functions.replaceChildren(...functionRows(profile));
    this.usage.replaceChildren(...usageRows(profile));
    this.longest.update(profile.longest);
    this.heaviest.update(profile.heaviest);
  }

  /** Elements stay those of their functions, so that what is pointed at stays what it is. */
  private drawGraph(boxes: readonly Box[]): void {
    const depth = boxes.reduce((most, box) => Math.max(most, box.depth + 1), 0);
    this.graph.style.height = `${depth * ROW_PX}px`;
    const whole = boxes[0]?.node.total_ms ?? 1;
    const gone = new Set(this.boxes.keys());
    for (const box of boxes) {
      gone.delete(box.node.id);
      this.place(this.element_of(box.node.id), box, whole, depth);
    }
    for (const id of gone) {
      this.boxes.get(id)?.remove();
      this.boxes.delete(id);
    }
  }

  private element_of(id: number): HTMLElement {
    const known = this.boxes.get(id);
    if (known) return known;
    const made = make('div', { class: 'box', role: 'treeitem', tabindex: 0, 'data-node': id });
    this.boxes.set(id, made);
    this.graph.append(made);
    return made;
  }

  private place(made: HTMLElement, box: Box, whole: number, depth: number): void {
    const { node } = box;
    setText(made, line(node.name, 120));
    made.dataset['kind'] = box.depth || node.id !== ROOT ? String(node.kind) : 'root';
    made.style.left = `${(100 * box.left).toFixed(3)}%`;
    made.style.width = `${(100 * (box.right - box.left)).toFixed(3)}%`;
    made.style.top = `${(depth - 1 - box.depth) * ROW_PX}px`;
    const where = node.where ? ` (${line(node.where, 120)})` : '';
    made.title = `${line(node.name, 120)}${where}: ${duration(node.total_ms / 1000)}, ${(100 * node.total_ms / whole).toFixed(1)} %`;
  }
}

function byWidth(a: Box, b: Box): number {
  return (b.right - b.left) - (a.right - a.left) || a.depth - b.depth;
}
