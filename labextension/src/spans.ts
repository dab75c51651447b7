// What workers did, as columns in typed arrays: added at the end, never changed, put together when there are too many.
//
// Several logs may share the arrays, each seeing its first `n` rows; so an old state stays what it was, and adding
// costs what is added. Only the newest log may add in place: a branch off an older one copies.
import type { Spans } from './protocol';

/** Beyond so many, neighbours on a lane are put together until half are left. */
export const MAX_SPANS = 1 << 16;

export interface SpanLog {
  readonly n: number;
  readonly columns: Columns;
  /** How far apart spans may be to be put together; 0 as long as none were. */
  readonly quantum_s: number;
  /** Another one whenever rows that were there have changed. */
  readonly epoch: Epoch;
  /** The latest end. */
  readonly end_s: number;
}

/** Since when rows stay what they are: which rows were put together, and how many they became. */
export interface Epoch {
  readonly token: object;
  readonly from: { readonly token: object; readonly n: number } | null;
  readonly n: number;
}

export class Columns {
  readonly lane: Uint16Array;
  readonly start: Float64Array;
  readonly end: Float64Array;
  readonly busy: Float32Array;
  readonly first: Float64Array;
  readonly nItems: Uint32Array;
  readonly nFailed: Uint32Array;
  used = 0;

  constructor(readonly capacity: number) {
    this.lane = new Uint16Array(capacity);
    this.start = new Float64Array(capacity);
    this.end = new Float64Array(capacity);
    this.busy = new Float32Array(capacity);
    this.first = new Float64Array(capacity);
    this.nItems = new Uint32Array(capacity);
    this.nFailed = new Uint32Array(capacity);
  }

  get bytes(): number {
    return this.capacity * (2 + 8 + 8 + 4 + 8 + 4 + 4);
  }

  copy(n: number, capacity: number): Columns {
    const other = new Columns(capacity);
    other.lane.set(this.lane.subarray(0, n));
    other.start.set(this.start.subarray(0, n));
    other.end.set(this.end.subarray(0, n));
    other.busy.set(this.busy.subarray(0, n));
    other.first.set(this.first.subarray(0, n));
    other.nItems.set(this.nItems.subarray(0, n));
    other.nFailed.set(this.nFailed.subarray(0, n));
    other.used = n;
    return other;
  }

  put(row: number, from: Columns, at: number): void {
    this.lane[row] = from.lane[at] ?? 0;
    this.start[row] = from.start[at] ?? 0;
    this.end[row] = from.end[at] ?? 0;
    this.busy[row] = from.busy[at] ?? 0;
    this.first[row] = from.first[at] ?? 0;
    this.nItems[row] = from.nItems[at] ?? 0;
    this.nFailed[row] = from.nFailed[at] ?? 0;
  }

  /** Put a span together with one that is there. */
  join(row: number, from: Columns, at: number): void {
    this.start[row] = Math.min(this.start[row] ?? 0, from.start[at] ?? 0);
    this.end[row] = Math.max(this.end[row] ?? 0, from.end[at] ?? 0);
    this.busy[row] = (this.busy[row] ?? 0) + (from.busy[at] ?? 0);
    this.first[row] = Math.min(this.first[row] ?? 0, from.first[at] ?? 0);
    this.nItems[row] = (this.nItems[row] ?? 0) + (from.nItems[at] ?? 0);
    this.nFailed[row] = (this.nFailed[row] ?? 0) + (from.nFailed[at] ?? 0);
  }
}

export function emptyLog(): SpanLog {
  return { n: 0, columns: new Columns(1024), quantum_s: 0, epoch: { token: {}, from: null, n: 0 }, end_s: 0 };
}

/** Give the log with spans added; `limit` is for tests. */
export function appended(log: SpanLog, spans: Spans, limit = MAX_SPANS): SpanLog {
  let now = log;
  const total = spans.lane.length;
  const step = limit >> 1;
  for (let from = 0; from < total; from += step) {
    const to = Math.min(total, from + step);
    if (now.n + to - from > limit) now = compacted(now, limit - step);
    now = extended(now, spans, from, to, limit);
  }
  return now;
}

function extended(log: SpanLog, spans: Spans, from: number, to: number, limit: number): SpanLog {
  const n = log.n + to - from;
  const columns = withRoom(log, n, limit);
  let row = log.n;
  let end_s = log.end_s;
  for (let i = from; i < to; i++, row++) {
    const start = finite(spans.start_s[i]);
    const end = Math.max(start, finite(spans.end_s[i]));
    columns.lane[row] = finite(spans.lane[i]);
    columns.start[row] = start;
    columns.end[row] = end;
    columns.busy[row] = finite(spans.busy_s[i]);
    columns.first[row] = finite(spans.first[i]);
    columns.nItems[row] = finite(spans.n_items[i]);
    columns.nFailed[row] = finite(spans.n_failed[i]);
    if (end > end_s) end_s = end;
  }
  columns.used = n;
  return { n, columns, quantum_s: log.quantum_s, epoch: log.epoch, end_s };
}

/** Give columns with room for `n` rows: the log's own, or a copy if they are full or somebody else has gone on in them. */
function withRoom(log: SpanLog, n: number, limit: number): Columns {
  const { columns } = log;
  if (columns.used === log.n && n <= columns.capacity) return columns;
  const capacity = Math.max(n, Math.min(limit, 2 * columns.capacity));
  return columns.copy(log.n, capacity);
}

/** Give a log of at most so many spans (or one a lane), neighbours put together. */
export function compacted(log: SpanLog, target: number): SpanLog {
  const lanes = 1 + log.columns.lane.subarray(0, log.n).reduce((most, lane) => Math.max(most, lane), 0);
  // Spans of a lane begin so far apart on the average; three of them together are fewer than half.
  const apart_s = (log.end_s * lanes) / Math.max(1, log.n);
  let quantum_s = Math.max(log.quantum_s, 0.75 * apart_s, 1e-6);
  let columns = joined(log, quantum_s, lanes);
  while (columns.used > Math.max(target, lanes) && quantum_s < 4 * log.end_s) {
    quantum_s *= 2;
    columns = joined(log, quantum_s, lanes);
  }
  const epoch = { token: {}, from: { token: log.epoch.token, n: log.n }, n: columns.used };
  return { n: columns.used, columns, quantum_s, epoch, end_s: log.end_s };
}

/** Put spans of a lane together that are at most `quantum_s` apart, as long as the whole is at most four times that. */
function joined(log: SpanLog, quantum_s: number, lanes: number): Columns {
  const from = log.columns;
  const to = new Columns(Math.max(256, log.n));
  const open = new Int32Array(lanes).fill(-1);
  for (let i = 0; i < log.n; i++) {
    const lane = from.lane[i] ?? 0;
    const row = open[lane] ?? -1;
    if (row >= 0 && isNear(to, row, from, i, quantum_s)) {
      to.join(row, from, i);
    } else {
      open[lane] = to.used;
      to.put(to.used++, from, i);
    }
  }
  return to;
}

function isNear(to: Columns, row: number, from: Columns, i: number, quantum_s: number): boolean {
  const gap = (from.start[i] ?? 0) - (to.end[row] ?? 0);
  const whole = (from.end[i] ?? 0) - (to.start[row] ?? 0);
  return gap <= quantum_s && whole <= 4 * quantum_s;
}

/** Give the log as the kernel sends spans. */
export function asSpans(log: SpanLog): Spans {
  const part = (column: ArrayLike<number> & { subarray(from: number, to: number): ArrayLike<number> }): number[] =>
    Array.from(column.subarray(0, log.n));
  const { columns } = log;
  return {
    lane: part(columns.lane),
    start_s: part(columns.start),
    end_s: part(columns.end),
    busy_s: part(columns.busy).map((busy) => Number(busy.toPrecision(6))),
    first: part(columns.first),
    n_items: part(columns.nItems),
    n_failed: part(columns.nFailed),
  };
}

function finite(value: number | undefined): number {
  return value !== undefined && Number.isFinite(value) && value > 0 ? value : 0;
}
