// A part of the timeline that was asked for: which lanes it tells of, and the rows of each.
import type { Items, Spans } from '../protocol';
import type { Closer } from '../state';
import type { Viewport } from './viewport';

export interface Close {
  readonly spans: Spans;
  readonly items: Items;
  readonly spanRows: ReadonlyMap<number, readonly number[]>;
  readonly itemRows: ReadonlyMap<number, readonly number[]>;
}

/** Give the rows of each lane in the order of their starts. */
function rowsByLane(lanes: readonly number[], starts: readonly number[]): Map<number, number[]> {
  const found = new Map<number, number[]>();
  lanes.forEach((lane, i) => {
    const rows = found.get(lane);
    if (rows) rows.push(i);
    else found.set(lane, [i]);
  });
  for (const rows of found.values()) rows.sort((a, b) => (starts[a] ?? 0) - (starts[b] ?? 0));
  return found;
}

/** Arrange what the kernel sent, or what is kept of a run. */
export function arranged({ spans, items }: { readonly spans: Spans; readonly items: Items }): Close {
  return {
    spans, items,
    spanRows: rowsByLane(spans.lane, spans.start_s),
    itemRows: rowsByLane(items.lane, items.start_s),
  };
}

/** Say whether a part that was asked for has all that is seen now. */
export function covers(closer: Closer | null, view: Viewport): closer is Closer {
  return closer !== null && closer.window.from_s <= view.from_s && closer.window.to_s >= view.to_s;
}

/** Give the row whose time a moment is in, or the nearest one within some seconds; -1 if there is none. */
export function rowAtTime(
  rows: readonly number[], starts: readonly number[], ends: readonly number[], at_s: number, near_s: number,
): number {
  let best = -1;
  let least = near_s;
  for (const i of rows) {
    const [start, end] = [starts[i] ?? 0, ends[i] ?? 0];
    const away = at_s < start ? start - at_s : at_s > end ? at_s - end : 0;
    if (away <= least) [best, least] = [i, away];
    if (start > at_s + near_s) break;
  }
  return best;
}
