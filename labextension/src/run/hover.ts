// What is under the pointer, in words: an item, a few of them, a worker or a host.
import type { Lane } from '../protocol';
import { count, duration, line, many } from '../text';
import { rowAtTime, type Close } from './closer';
import type { Row } from './rows';
import type { Tracks } from './tracks';

export interface Told {
  readonly title: string;
  readonly lines: readonly string[];
  readonly isBad: boolean;
}

export interface Place {
  readonly row: Row;
  readonly at_s: number;
  /** How far off still counts, in seconds. */
  readonly near_s: number;
}

/** Say what is at a place; single items count from so far off. */
export function tell(
  place: Place, lanes: ReadonlyMap<number, Lane>, tracks: Tracks, close: Close | null, itemNear_s = place.near_s,
): Told {
  const { row } = place;
  if (row.kind === 'host') return ofHost(row, lanes);
  const lane = lanes.get(row.lane);
  const worker = lane ? workerLines(lane) : [];
  return ofItem({ ...place, near_s: itemNear_s }, worker, close) ?? ofSpan(place, worker, tracks) ?? ofLane(lane, worker);
}

function ofHost(row: Row, lanes: ReadonlyMap<number, Lane>): Told {
  const workers = [...lanes.values()].filter((lane) => lane.host === row.host && lane.parent < 0);
  const items = workers.reduce((sum, lane) => sum + lane.n_items, 0);
  const busy = workers.reduce((sum, lane) => sum + lane.busy_s, 0);
  const gone = workers.filter((lane) => !lane.is_up && lane.reason).length;
  return {
    title: workers[0] ? hostOf(workers[0]) : line(row.host),
    lines: [
      `${many(workers.length, 'worker')}${gone ? `, ${count(gone)} of them gone` : ''}`,
      `${many(items, 'item')}, ${duration(busy)} of work`,
      row.isFolded ? 'click to see its workers' : 'click to fold',
    ],
    isBad: gone > 0,
  };
}

function ofItem({ row, at_s, near_s }: Place, worker: string[], close: Close | null): Told | null {
  const rows = close?.itemRows.get(row.lane);
  if (!close || !rows) return null;
  const { items } = close;
  const i = rowAtTime(rows, items.start_s, items.end_s, at_s, near_s);
  if (i < 0) return null;
  const isFailed = items.is_failed[i] === true;
  const seconds = (items.end_s[i] ?? 0) - (items.start_s[i] ?? 0);
  const label = line(items.label[i] ?? '', 200);
  return {
    title: `item ${count(items.index[i] ?? 0)}${isFailed ? ' – failed' : ''}`,
    lines: [...(label ? [label] : []), duration(seconds), ...worker],
    isBad: isFailed,
  };
}

function ofSpan({ row, at_s, near_s }: Place, worker: string[], tracks: Tracks): Told | null {
  const { columns } = tracks;
  const index = tracks.lane(row.lane)?.index;
  if (!columns || !index) return null;
  const at = index.rows[index.from(at_s - near_s, columns)] ?? 0;
  if (index.from(at_s - near_s, columns) >= index.n || (columns.start[at] ?? 0) > at_s + near_s) return null;
  const [first, n, failed] = [columns.first[at] ?? 0, columns.nItems[at] ?? 0, columns.nFailed[at] ?? 0];
  const whole = (columns.end[at] ?? 0) - (columns.start[at] ?? 0);
  const busy = columns.busy[at] ?? 0;
  return {
    title: n === 1 ? `item ${count(first)}` : `${many(n, 'item')} from ${count(first)} on`,
    lines: [
      busy < 0.98 * whole ? `${duration(busy)} of work in ${duration(whole)}` : duration(whole),
      ...(failed ? [`${count(failed)} failed`] : []),
      ...worker,
    ],
    isBad: failed > 0,
  };
}

function ofLane(lane: Lane | undefined, worker: string[]): Told {
  const work = lane ? [`${many(lane.n_items, 'item')}, ${duration(lane.busy_s)} of work`] : [];
  return { title: worker[0] ?? '', lines: [...worker.slice(1), ...work], isBad: Boolean(lane?.reason) };
}

/** Give a host as users call it, and what its machine calls itself where that is another name. */
function hostOf({ host, machine }: Lane): string {
  return line(host, 100) + (machine && ` (${line(machine, 100)})`);
}

function workerLines(lane: Lane): string[] {
  const pid = lane.pid ? ` (pid ${lane.pid})` : '';
  const gone = lane.reason ? [`gone: ${line(lane.reason, 200)}`] : [];
  return [`${line(lane.worker, 100)} on ${hostOf(lane)}${pid}`, ...gone];
}
