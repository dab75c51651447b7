// The bar and the figures of a run, and the same in a sentence for those who listen.
import { barOf } from '../bar';
import { make, setShown, setText } from '../dom';
import type { Figures } from '../protocol';
import { efficiency, elapsed, isOver, stateName, type State } from '../state';
import { count, duration, line, many, percent, speed } from '../text';

export interface FiguresView {
  update(state: State): void;
}

const SAID_EVERY_MS = 10_000;

/** Put bar and figures into an element. */
export function mountFigures(element: HTMLElement): FiguresView {
  const good = make('div', { class: 'good' });
  const bad = make('div', { class: 'bad' });
  const bar = make('div', { class: 'bar', role: 'progressbar', 'aria-valuemin': 0, 'aria-label': 'Items done' }, good, bad);
  const cells = new Map(NAMES.map((name) => [name, cellOf(name)]));
  const list = make('div', { class: 'figures', 'aria-hidden': 'true' }, ...[...cells.values()].map((cell) => cell.box));
  const waits = make('div', { class: 'waits', role: 'status', hidden: true });
  const said = make('div', { class: 'heard', 'aria-live': 'polite', role: 'status' });
  element.append(bar, list, waits, said);
  let saidAt = -Infinity;
  let saidState = '';
  return {
    update(state) {
      const now = Date.now();
      showBar(bar, good, bad, state);
      const values = valuesOf(state, now);
      for (const [name, cell] of cells) showCell(cell, values[name]);
      showWaits(waits, state);
      if (stateName(state) === saidState && now - saidAt < SAID_EVERY_MS) return;
      [saidAt, saidState] = [now, stateName(state)];
      setText(said, sentence(state, now));
    },
  };
}

const NAMES = ['done', 'failed', 'rate', 'left', 'elapsed', 'efficiency', 'workers'] as const;
type Name = (typeof NAMES)[number];
type Value = readonly [value: string, label: string] | null;

const TITLES: Record<Name, string> = {
  done: 'Items that are done, failed ones too', failed: 'Items that failed', rate: 'Items a second, lately',
  left: 'Time left at this rate', elapsed: 'Time since the start',
  efficiency: 'The part of the workers’ time in which they worked', workers: 'Workers that take part',
};

interface Cell {
  readonly box: HTMLElement;
  readonly value: HTMLElement;
  readonly label: HTMLElement;
}

function cellOf(name: Name): Cell {
  const value = make('b', {});
  const label = make('span', {});
  return { box: make('span', { class: `figure ${name}`, title: TITLES[name], hidden: true }, value, ' ', label), value, label };
}

function showCell(cell: Cell, value: Value): void {
  setShown(cell.box, value !== null);
  if (!value) return;
  setText(cell.value, value[0]);
  setText(cell.label, value[1]);
}

function valuesOf(state: State, now_ms: number): Record<Name, Value> {
  const { figures } = state;
  const share = efficiency(figures);
  const isRunning = !isOver(state);
  return {
    done: [count(figures.n_done) + (figures.total === null ? '' : ` / ${count(figures.total)}`), 'done'],
    failed: figures.n_failed ? [count(figures.n_failed), 'failed'] : null,
    rate: figures.rate > 0 ? [speed(figures.rate), ''] : null,
    left: isRunning && figures.left_s !== null ? [duration(figures.left_s), 'left'] : null,
    elapsed: [duration(elapsed(state, now_ms)), isRunning ? 'elapsed' : ''],
    efficiency: share !== null && figures.busy_s > 0 ? [percent(share), 'efficiency'] : null,
    workers: figures.n_slots ? [count(figures.n_slots), figures.n_slots === 1 ? 'worker' : 'workers'] : null,
  };
}

function showBar(bar: HTMLElement, good: HTMLElement, bad: HTMLElement, state: State): void {
  const { figures } = state;
  const total = figures.total ?? 0;
  const isUnknown = figures.total === null && !isOver(state);
  const whole = Math.max(1, figures.total ?? figures.n_done);
  good.style.width = `${(100 * (figures.n_done - figures.n_failed)) / whole}%`;
  bad.style.width = figures.n_failed ? `max(3px, ${(100 * figures.n_failed) / whole}%)` : '0';
  bar.dataset['bar'] = state.isCutOff ? 'short' : barOf(figures);
  bar.classList.toggle('pathos-nb-endless', isUnknown);
  bar.setAttribute('aria-valuemax', String(total || figures.n_done || 1));
  if (isUnknown) bar.removeAttribute('aria-valuenow');
  else bar.setAttribute('aria-valuenow', String(figures.n_done));
}

/** Show what the run waits for, in the kernel's words, if it tells. */
function showWaits(element: HTMLElement, state: State): void {
  const figures: Figures & { waits?: unknown } = state.figures;
  const waits = Array.isArray(figures.waits) && !state.isCutOff ? figures.waits.filter((wait) => typeof wait === 'string') : [];
  setShown(element, waits.length > 0);
  setText(element, waits.map((wait) => line(wait, 300)).join(' · '));
}

/** Say the figures in a sentence. */
export function sentence(state: State, now_ms: number): string {
  const { figures } = state;
  const done = `${count(figures.n_done)}${figures.total === null ? '' : ` of ${count(figures.total)}`} done`;
  const parts = [stateName(state), done];
  if (figures.n_failed) parts.push(`${count(figures.n_failed)} failed`);
  if (isOver(state)) parts.push(`in ${duration(elapsed(state, now_ms))}`);
  else if (figures.left_s !== null) parts.push(`${duration(figures.left_s)} left`);
  return `${parts.join(', ')}, ${many(figures.n_slots, 'worker')}`;
}
