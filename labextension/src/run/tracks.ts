// The spans of a run, arranged for drawing: for each lane (and host) how busy it was in each of 2,048 bins, whose width
// doubles as the run goes on, and the rows of its spans in order. Made from the log alone, row by row as it grows; made
// anew when rows of the log have been put together.
import type { Lane } from '../protocol';
import type { Columns, SpanLog } from '../spans';

export const N_BINS = 2_048;
const FIRST_WIDTH_S = 1 / 1024;

/** Seconds of work in each bin, and those of them that belong to failures. */
export class Bins {
  readonly busy = new Float32Array(N_BINS);
  readonly failed = new Float32Array(N_BINS);

  add(start: number, end: number, busy: number, failed: number, width: number): void {
    const first = Math.floor(start / width);
    const last = Math.min(N_BINS - 1, Math.floor(end / width));
    const length = end - start;
    for (let bin = first; bin <= last; bin++) {
      const part = length > 0 ? (Math.min(end, (bin + 1) * width) - Math.max(start, bin * width)) / length : 1;
      this.busy[bin] = (this.busy[bin] ?? 0) + busy * part;
      if (failed) this.failed[bin] = (this.failed[bin] ?? 0) + failed * part;
    }
  }

  /** Let each bin be twice as wide. */
  halve(): void {
    for (const column of [this.busy, this.failed]) {
      for (let i = 0; i < N_BINS / 2; i++) column[i] = (column[2 * i] ?? 0) + (column[2 * i + 1] ?? 0);
      column.fill(0, N_BINS / 2);
    }
  }
}

/** The rows of a lane's spans, in the order of their ends. */
export class Index {
  rows = new Uint32Array(8);
  n = 0;

  add(row: number): void {
    if (this.n === this.rows.length) {
      const wider = new Uint32Array(2 * this.n);
      wider.set(this.rows);
      this.rows = wider;
    }
    this.rows[this.n++] = row;
  }

  /** Give the place of the first span that ends at or after a moment. */
  from(at_s: number, columns: Columns): number {
    let low = 0;
    let high = this.n;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((columns.end[this.rows[middle] ?? 0] ?? 0) < at_s) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

export interface Track {
  readonly bins: Bins;
  readonly index: Index;
}

export class Tracks {
  width_s = FIRST_WIDTH_S;
  private readonly lanes = new Map<number, Track>();
  private readonly hosts = new Map<string, Bins>();
  private epoch: object | null = null;
  private n = 0;
  columns: Columns | null = null;

  /** Take in what the log has more than last time. */
  follow(log: SpanLog, lanes: ReadonlyMap<number, Lane>): void {
    if (log.epoch !== this.epoch || log.n < this.n) this.begin(log);
    this.columns = log.columns;
    if (log.n === this.n) return;
    while (log.end_s >= this.width_s * N_BINS) this.widen();
    for (let row = this.n; row < log.n; row++) this.add(log.columns, row, lanes);
    this.n = log.n;
  }

  lane(lane: number): Track | undefined {
    return this.lanes.get(lane);
  }

  host(host: string): Bins | undefined {
    return this.hosts.get(host);
  }

  /** Bytes in the arrays, for the benchmark. */
  get bytes(): number {
    const index = [...this.lanes.values()].reduce((sum, track) => sum + track.index.rows.byteLength, 0);
    return index + (this.lanes.size + this.hosts.size) * 2 * 4 * N_BINS;
  }

  private begin(log: SpanLog): void {
    this.lanes.clear();
    this.hosts.clear();
    this.epoch = log.epoch;
    this.width_s = FIRST_WIDTH_S;
    this.n = 0;
  }

  private widen(): void {
    this.width_s *= 2;
    for (const track of this.lanes.values()) track.bins.halve();
    for (const bins of this.hosts.values()) bins.halve();
  }

  private add(columns: Columns, row: number, lanes: ReadonlyMap<number, Lane>): void {
    const lane = columns.lane[row] ?? 0;
    const host = lanes.get(lane)?.host;
    if (host === undefined) return; // one of the lanes that are left out
    const [start, end, busy] = [columns.start[row] ?? 0, columns.end[row] ?? 0, columns.busy[row] ?? 0];
    const failed = busy * ((columns.nFailed[row] ?? 0) / Math.max(1, columns.nItems[row] ?? 1));
    const track = this.track(lane);
    track.index.add(row);
    track.bins.add(start, end, busy, failed, this.width_s);
    this.ofHost(host).add(start, end, busy, failed, this.width_s);
  }

  private track(lane: number): Track {
    let track = this.lanes.get(lane);
    if (!track) this.lanes.set(lane, (track = { bins: new Bins(), index: new Index() }));
    return track;
  }

  private ofHost(host: string): Bins {
    let bins = this.hosts.get(host);
    if (!bins) this.hosts.set(host, (bins = new Bins()));
    return bins;
  }
}
