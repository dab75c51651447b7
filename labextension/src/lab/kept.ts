// What a notebook keeps of a run whose kernel has gone in the middle of it.
import type { PrintedRow, RunRecord } from '../protocol';

const MOST_LANES = 200;
const MOST_SPANS = 1_500;
const MOST_FAILURES = 25;
const MOST_CHARACTERS = 30_000;

/** Give what a page knows of a run, in the bounds of what kernels leave; of a larger timeline, what the kernel left last. */
export function keptAtTheEnd(known: RunRecord, told: RunRecord): RunRecord {
  const isSmall = known.lanes.length <= MOST_LANES && known.spans.lane.length <= MOST_SPANS;
  const { lanes, n_more_lanes, spans } = isSmall ? known : told;
  const failures = known.failures.slice(0, MOST_FAILURES);
  let room = MOST_CHARACTERS;
  const printed = known.printed.filter((row) => (room -= row.text.length) >= 0);
  return {
    ...known, lanes, n_more_lanes, spans, failures, printed,
    n_more_failures: known.n_more_failures + known.failures.length - failures.length,
    n_more_printed: known.n_more_printed + sum(known.printed) - sum(printed),
  };
}

function sum(rows: readonly PrintedRow[]): number {
  return rows.reduce((n, row) => n + row.text.length, 0);
}
