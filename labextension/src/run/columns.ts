// How busy a lane was in each pixel of a part of the timeline: from its bins when they are fine enough, else from its
// spans, else from the single items that the kernel sent.
import type { Items, Spans } from '../protocol';
import type { Columns } from '../spans';
import type { Close } from './closer';
import { N_BINS, type Bins, type Index } from './tracks';
import type { Viewport } from './viewport';

/** However short an item is, it leaves a trace. */
const LEAST = 0.01;

/** One row of pixels: shares from 0 to 1. */
export class Pixels {
  readonly busy: Float32Array;
  readonly failed: Float32Array;
  readonly perPixel_s: number;

  constructor(readonly width: number, readonly view: Viewport) {
    this.busy = new Float32Array(width);
    this.failed = new Float32Array(width);
    this.perPixel_s = (view.to_s - view.from_s) / Math.max(1, width);
  }

  clear(): void {
    this.busy.fill(0);
    this.failed.fill(0);
  }

  /** Add a stretch of work; one that is wide enough ends with a gap of a pixel, so that the next one is told apart. */
  add(start: number, end: number, busy: number, failed: number): void {
    const { from_s } = this.view;
    const left = (start - from_s) / this.perPixel_s;
    const right = (end - from_s) / this.perPixel_s;
    if (right < 0 || left >= this.width) return;
    const share = end > start ? Math.min(1, busy / (end - start)) : 1;
    if (right - left >= 4) this.fill(left, right - 1, share, failed);
    else this.spread(left, right, share, failed);
  }

  private fill(left: number, right: number, share: number, failed: number): void {
    const first = Math.max(0, Math.round(left));
    const last = Math.min(this.width, Math.round(right));
    this.busy.fill(share, first, last);
    this.failed.fill(failed, first, last);
  }

  private spread(left: number, right: number, share: number, failed: number): void {
    const last = Math.min(this.width - 1, Math.floor(right));
    for (let x = Math.max(0, Math.floor(left)); x <= last; x++) {
      const part = Math.max(LEAST, share * (Math.min(right, x + 1) - Math.max(left, x)));
      const before = this.busy[x] ?? 0;
      this.busy[x] = Math.min(1, before + part);
      if (failed) this.failed[x] = Math.max(this.failed[x] ?? 0, failed);
    }
  }
}

/** Say whether bins are fine enough for pixels. */
export function isFine(width_s: number, pixels: Pixels): boolean {
  return pixels.perPixel_s >= 0.5 * width_s;
}

/** Fill pixels from bins; `nLanes` is how many workers share them. */
export function fromBins(pixels: Pixels, bins: Bins, width_s: number, nLanes: number): void {
  const { from_s } = pixels.view;
  for (let x = 0; x < pixels.width; x++) {
    const first = Math.floor((from_s + x * pixels.perPixel_s) / width_s);
    const last = Math.max(first + 1, Math.floor((from_s + (x + 1) * pixels.perPixel_s) / width_s));
    let busy = 0;
    let failed = 0;
    for (let bin = first; bin < last && bin < N_BINS; bin++) {
      busy += bins.busy[bin] ?? 0;
      failed += bins.failed[bin] ?? 0;
    }
    pixels.busy[x] = Math.min(1, busy / ((last - first) * width_s * nLanes));
    pixels.failed[x] = busy > 0 ? failed / busy : 0;
  }
}

const ROUNDED_S = 1e-4; // times come with five digits

/** Fill pixels from the spans of a lane that the log has; those that begin before some time are known otherwise. */
export function fromIndex(pixels: Pixels, index: Index, columns: Columns, known_s = -Infinity): void {
  for (let i = index.from(Math.max(pixels.view.from_s, known_s), columns); i < index.n; i++) {
    const row = index.rows[i] ?? 0;
    const start = columns.start[row] ?? 0;
    if (start > pixels.view.to_s) break;
    if (start < known_s - ROUNDED_S) continue;
    const failed = (columns.nFailed[row] ?? 0) / Math.max(1, columns.nItems[row] ?? 1);
    pixels.add(start, columns.end[row] ?? 0, columns.busy[row] ?? 0, failed);
  }
}

/** Fill pixels from what the kernel sent for this part: up to when it tells of the lane; null if it does not. */
export function fromClose(pixels: Pixels, { items, spans, itemRows, spanRows }: Close, lane: number): number | null {
  const [ofItems, ofSpans] = [itemRows.get(lane), spanRows.get(lane)];
  if (ofItems) fromItems(pixels, items, ofItems);
  else if (ofSpans) fromSpans(pixels, spans, ofSpans);
  else return null;
  return ofItems ? lastOf(items.end_s, ofItems) : lastOf(spans.end_s, ofSpans ?? []);
}

function lastOf(times: readonly number[], rows: readonly number[]): number {
  return rows.reduce((last, i) => Math.max(last, times[i] ?? 0), 0);
}

/** Fill pixels from spans that the kernel sent for this part. */
function fromSpans(pixels: Pixels, spans: Spans, rows: readonly number[]): void {
  for (const i of rows) {
    const failed = (spans.n_failed[i] ?? 0) / Math.max(1, spans.n_items[i] ?? 1);
    pixels.add(spans.start_s[i] ?? 0, spans.end_s[i] ?? 0, spans.busy_s[i] ?? 0, failed);
  }
}

/** Fill pixels from single items. */
function fromItems(pixels: Pixels, items: Items, rows: readonly number[]): void {
  for (const i of rows) {
    const [start, end] = [items.start_s[i] ?? 0, items.end_s[i] ?? 0];
    pixels.add(start, end, end - start, items.is_failed[i] ? 1 : 0);
  }
}
