// The workers as a table: what the canvas shows, for those who cannot see it, and for reading figures off.
import { make, setShown, setText } from '../dom';
import type { Lane } from '../protocol';
import type { State } from '../state';
import { nested, SHARED } from './rows';
import { count, duration, line } from '../text';

export interface WorkersView {
  update(state: State): void;
}

const MAX_ROWS = 200;

/** Put the table into an element, folded. */
export function mountWorkers(element: HTMLElement): WorkersView {
  const title = make('span', {});
  const body = make('tbody', {});
  const rest = make('div', { class: 'faint' });
  const head = make('tr', {}, ...['worker', 'host', 'items', 'work', 'state'].map((name) => make('th', { scope: 'col' }, name)));
  const table = make('table', { class: 'table' }, make('thead', {}, head), body);
  const fold = make('details', { class: 'workers-table' }, make('summary', {}, title, legend()), make('div', { class: 'list' }, table), rest);
  element.append(fold);
  let shown: State | null = null;
  let latest: State | null = null;
  const draw = (): void => {
    if (!fold.open || !latest || latest.lanes === shown?.lanes) return;
    shown = latest;
    const lanes = nested(latest.lanes);
    body.replaceChildren(...lanes.slice(0, MAX_ROWS).map(rowOf));
    const left = lanes.length - Math.min(lanes.length, MAX_ROWS) + latest.nMoreLanes;
    setText(rest, left ? `and ${count(left)} more workers` : '');
  };
  fold.addEventListener('toggle', draw);
  return {
    update(state) {
      latest = state;
      setShown(element, state.lanes.size > 0);
      setText(title, titleOf(state));
      draw();
    },
  };
}

/** What the colors of the timeline mean. */
function legend(): HTMLElement {
  const entries = [['work', 'work'], ['failed', 'failed'], ['guess', 'at work, not done yet'], ['gone', 'worker gone']] as const;
  return make('span', { class: 'legend', 'aria-hidden': 'true' },
    ...entries.map(([name, text]) => make('span', {}, make('i', { class: `key ${name}` }, name === 'gone' ? '✕' : ''), text)));
}

function titleOf(state: State): string {
  const named = [...state.lanes.values()].filter((lane) => lane.host !== SHARED && lane.parent < 0);
  const hosts = new Set(named.map((lane) => lane.host)).size;
  const n = named.length + Math.max(state.nMoreLanes, [...state.lanes.values()].filter((lane) => lane.host === SHARED).length);
  const where = hosts > 1 ? ` on ${count(hosts)} hosts` : '';
  return `${count(n)} ${n === 1 ? 'worker' : 'workers'}${where}, as a table`;
}

function rowOf(lane: Lane): HTMLElement {
  const state = lane.reason ? `gone: ${line(lane.reason, 200)}` : lane.is_up ? 'up' : 'ended';
  return make('tr', lane.reason ? { class: 'gone' } : {},
    make('th', { scope: 'row' }, make('bdi', {}, line(lane.worker, 100))),
    make('td', { title: line(lane.machine, 100) || null }, make('bdi', {}, line(lane.host, 100))),
    make('td', { class: 'number' }, count(lane.n_items)),
    make('td', { class: 'number' }, duration(lane.busy_s)),
    make('td', {}, state));
}
