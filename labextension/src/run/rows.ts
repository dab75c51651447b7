// Which rows the timeline has, from top to bottom: hosts, and under each its workers unless it is folded.
import type { Lane } from '../protocol';

export interface Row {
  readonly kind: 'host' | 'lane';
  readonly host: string;
  /** The worker's, or -1 for a host's. */
  readonly lane: number;
  readonly y: number;
  readonly height: number;
  /** A host's workers; 1 for a worker. */
  readonly nLanes: number;
  readonly isFolded: boolean;
}

export interface Rows {
  readonly rows: readonly Row[];
  readonly height: number;
}

const HOST_PX = 22;
/** The host of the lane that the workers share which are too many for lanes of their own. */
export const SHARED = '';
/** From so many workers on, the hosts are folded until somebody opens them. */
const MANY = 128;

type Key = readonly string[];

/** Give what names are ordered by: their parts, of which every second one is a number. (An Intl.Collator takes longer.) */
function keyOf(name: string): Key {
  return name.split(/(\d+)/);
}

function compared(a: Key, b: Key): number {
  for (let i = 0; i < a.length && i < b.length; i++) {
    const [one, other] = [a[i] ?? '', b[i] ?? ''];
    const apart = i % 2 ? Number(one) - Number(other) : 0;
    if (apart) return apart;
    if (one !== other) return one < other ? -1 : 1;
  }
  return a.length - b.length;
}

/**
 * Give the lanes: hosts in the order in which they came, workers by their names, and those of maps inside of items under
 * the worker whose item it is.
 */
export function nested(lanes: ReadonlyMap<number, Lane>): Lane[] {
  const under = new Map<number, Lane[]>();
  for (const lane of lanes.values()) {
    const parent = lanes.has(lane.parent) && lane.parent !== lane.lane ? lane.parent : -1;
    const row = under.get(parent);
    if (row) row.push(lane);
    else under.set(parent, [lane]);
  }
  const ranks = new Map([...new Set([...lanes.values()].map((lane) => lane.host))].map((host, rank) => [host, rank]));
  const rank = (lane: Lane): number => ranks.get(lane.host) ?? 0;
  const keys = new Map([...lanes.values()].map((lane) => [lane, keyOf(lane.worker)]));
  const key = (lane: Lane): Key => keys.get(lane) ?? [];
  for (const row of under.values())
    row.sort((a, b) => rank(a) - rank(b) || compared(key(a), key(b)) || a.lane - b.lane);
  const listed: Lane[] = [];
  const list = (parent: number): void => {
    const row = under.get(parent) ?? [];
    under.delete(parent); // whatever a record says of parents, each lane comes once
    for (const lane of row) {
      listed.push(lane);
      list(lane.lane);
    }
  };
  list(-1);
  return listed;
}

/** Give a worker's name as it stands under that of the worker whose item it works for. */
export function shortName(lane: Lane): string {
  const parts = lane.worker.split(WITHIN);
  return lane.parent < 0 ? lane.worker : `${'\u2003'.repeat(parts.length - 1)}${WITHIN.trim()} ${parts.at(-1) ?? ''}`;
}

/** Between a worker and the one that works for it. */
const WITHIN = ' › ';

/** Give the workers of each host, in the order of `nested`. */
export function byHost(lanes: ReadonlyMap<number, Lane>): Map<string, Lane[]> {
  const hosts = new Map<string, Lane[]>();
  for (const lane of nested(lanes)) {
    const there = hosts.get(lane.host);
    if (there) there.push(lane);
    else hosts.set(lane.host, [lane]);
  }
  return hosts;
}

/** Say whether a host's workers are hidden, where nobody has chosen. */
export function isFoldedAtFirst(nHosts: number, nLanes: number): boolean {
  return nHosts > 1 && nLanes > MANY;
}

/** Lay the rows out; one host needs no row of its own unless it has many workers. */
export function laidOut(lanes: ReadonlyMap<number, Lane>, chosen: ReadonlyMap<string, boolean>): Rows {
  const hosts = byHost(lanes);
  const nHosts = hosts.size - (hosts.has(SHARED) ? 1 : 0);
  const hasHosts = nHosts > 1 || lanes.size > MANY;
  const height = laneHeight(lanes.size);
  const rows: Row[] = [];
  let y = 0;
  for (const [host, workers] of hosts) {
    const isFolded = hasHosts && host !== SHARED && (chosen.get(host) ?? isFoldedAtFirst(nHosts, lanes.size));
    if (hasHosts && host !== SHARED) {
      rows.push({ kind: 'host', host, lane: -1, y, height: HOST_PX, nLanes: workers.filter((each) => each.parent < 0).length, isFolded });
      y += HOST_PX;
    }
    for (const { lane } of isFolded ? [] : workers) {
      const tall = host === SHARED ? HOST_PX : height;
      rows.push({ kind: 'lane', host, lane, y, height: tall, nLanes: 1, isFolded: false });
      y += tall;
    }
  }
  return { rows, height: y };
}

function laneHeight(n: number): number {
  if (n <= 12) return 20;
  if (n <= 24) return 15;
  return n <= 64 ? 11 : n <= MANY ? 8 : 6;
}

/** Give the row at a height, or null. */
export function rowAt(rows: Rows, y: number): Row | null {
  let low = 0;
  let high = rows.rows.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const row = rows.rows[middle];
    if (!row) return null;
    if (y < row.y) high = middle - 1;
    else if (y >= row.y + row.height) low = middle + 1;
    else return row;
  }
  return null;
}

/** Give the rows that are seen between two heights. */
export function between(rows: Rows, top: number, bottom: number): readonly Row[] {
  const first = rowAt(rows, Math.max(0, top));
  if (!first) return [];
  const from = rows.rows.indexOf(first);
  let to = from;
  while (to < rows.rows.length && (rows.rows[to]?.y ?? Infinity) < bottom) to++;
  return rows.rows.slice(from, to);
}
