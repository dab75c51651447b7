// The spans of a run, arranged for drawing: for each lane (and host) how busy it was in each of 1,024 bins, whose width
// doubles as the run goes on, and the rows of its spans in order. Made from the log alone, row by row as it grows. When
// rows of the log have been put together, the bins stay and only the order is made anew.
import type { Lane } from '../protocol';
import type { Columns, Epoch, SpanLog } from '../spans';

export const N_BINS = 1_024;
const FIRST_WIDTH_S = 1 / 256;

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

  /** Let each bin be so many times as wide. */
  fold(factor: number): void {
    for (const column of [this.busy, this.failed]) {
      const n = Math.ceil(N_BINS / factor);
      for (let i = 0; i < n; i++) {
        let sum = 0;
        for (let k = i * factor; k < (i + 1) * factor && k < N_BINS; k++) sum += column[k] ?? 0;
        column[i] = sum;
      }
      column.fill(0, n);
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
  readonly host: Bins;
}

export class Tracks {
  width_s = FIRST_WIDTH_S;
  private readonly lanes = new Map<number, Track>();
  private readonly hosts = new Map<string, Bins>();
  private epoch: Epoch | null = null;
  private n = 0;
  columns: Columns | null = null;

  /** Take in what the log has more than last time. */
  follow(log: SpanLog, lanes: ReadonlyMap<number, Lane>): void {
    if (log.epoch !== this.epoch || log.n < this.n) this.turn(log, lanes);
    this.columns = log.columns;
    if (log.n === this.n) return;
    this.widen(log.end_s);
    for (let row = this.n; row < log.n; row++) this.add(log.columns, row, lanes);
    this.n = log.n;
  }

  /** Go over to rows that were put together from those that are known, or begin anew. */
  private turn(log: SpanLog, lanes: ReadonlyMap<number, Lane>): void {
    const { from, n } = log.epoch;
    if (!this.epoch || from?.token !== this.epoch.token || from.n !== this.n) return this.begin(log);
    for (const track of this.lanes.values()) track.index.n = 0;
    for (let row = 0; row < n; row++) {
      const lane = log.columns.lane[row] ?? 0;
      (this.lanes.get(lane) ?? this.begun(lane, lanes.get(lane)?.host))?.index.add(row);
    }
    this.epoch = log.epoch;
    this.n = n;
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

  private widen(end_s: number): void {
    let factor = 1;
    while (end_s >= factor * this.width_s * N_BINS) factor *= 2;
    if (factor === 1) return;
    this.width_s *= factor;
    for (const track of this.lanes.values()) track.bins.fold(factor);
    for (const bins of this.hosts.values()) bins.fold(factor);
  }

  private add(columns: Columns, row: number, lanes: ReadonlyMap<number, Lane>): void {
    const lane = columns.lane[row] ?? 0;
    const track = this.lanes.get(lane) ?? this.begun(lane, lanes.get(lane)?.host);
    if (!track) return; // one of the lanes that are left out
    const [start, end, busy] = [columns.start[row] ?? 0, columns.end[row] ?? 0, columns.busy[row] ?? 0];
    const failed = busy * ((columns.nFailed[row] ?? 0) / Math.max(1, columns.nItems[row] ?? 1));
    track.index.add(row);
    track.bins.add(start, end, busy, failed, this.width_s);
    track.host.add(start, end, busy, failed, this.width_s);
  }

  private begun(lane: number, host: string | undefined): Track | null {
    if (host === undefined) return null;
    const track = { bins: new Bins(), index: new Index(), host: this.ofHost(host) };
    this.lanes.set(lane, track);
    return track;
  }

  private ofHost(host: string): Bins {
    let bins = this.hosts.get(host);
    if (!bins) this.hosts.set(host, (bins = new Bins()));
    return bins;
  }
}
