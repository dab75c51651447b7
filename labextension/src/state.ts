// What is known of a run, and how a message changes it: (state, message) → state, nothing else.
//
// Every part is bounded, whatever the kernel sends and however long the run goes on; what is left out is counted.
import type {
  FailureRow, Figures, Head, InnerRow, Items, Lane, PrintedRow, RunDelta, RunRecord, ToFront, Window,
} from './protocol';
import { asPart, withPart, type Profile } from './profile';
import { PROTOCOL } from './protocol';
import { appended, asSpans, emptyLog, type SpanLog } from './spans';

export const MAX_LANES = 2_000;
export const MAX_FAILURES = 1_000;
export const MAX_PRINTED = 2_000;
export const MAX_PRINTED_CHARACTERS = 1_000_000;
export const MAX_ROW_CHARACTERS = 20_000;

export const NO_ITEMS: Items = { lane: [], start_s: [], end_s: [], index: [], label: [], is_failed: [] };

export interface State {
  readonly head: Head;
  readonly figures: Figures;
  /** When the figures came, by this page's clock. */
  readonly heardAt_ms: number;
  readonly lanes: ReadonlyMap<number, Lane>;
  readonly nMoreLanes: number;
  readonly spans: SpanLog;
  /** Single items of a run that is over. */
  readonly items: Items;
  readonly failures: readonly FailureRow[];
  /** Failures that the kernel kept back, and those that were cut here. */
  readonly nMoreFailures: number;
  readonly nCutFailures: number;
  readonly printed: readonly PrintedRow[];
  readonly nPrintedCharacters: number;
  /** Points that printed something, whether it is here or not; 0 in records that do not say. */
  readonly nPrinted: number;
  /** Characters that the kernel kept back, and those that were cut here. */
  readonly nMorePrinted: number;
  readonly nCutPrinted: number;
  /** A part of the timeline, closer, as it was last asked for. */
  readonly closer: Closer | null;
  /** Where the time goes, of a run that is profiled. */
  readonly profile: Profile | null;
  /** Maps inside of items, and how many more the kernel kept back. */
  readonly inner: readonly InnerRow[];
  readonly nMoreInner: number;
  /** Its kernel has gone away: it does not go on, whatever its figures say. */
  readonly isCutOff: boolean;
}

export interface Closer {
  readonly window: Window;
  /** How far the run was then: what has come since is not in it. */
  readonly end_s: number;
}

/** Give what a whole record says. */
export function stateOf(record: RunRecord, now_ms: number): State {
  const empty: State = {
    head: record.head, figures: record.figures, heardAt_ms: now_ms, lanes: new Map(), nMoreLanes: record.n_more_lanes,
    spans: emptyLog(), items: record.items, failures: [], nMoreFailures: record.n_more_failures, nCutFailures: 0, printed: [],
    nPrintedCharacters: 0, nMorePrinted: record.n_more_printed, nCutPrinted: 0, nPrinted: record.n_printed, closer: null,
    profile: record.profile ? withPart(null, record.profile) : null, // records of earlier versions have no such entry
    inner: record.inner, nMoreInner: record.n_more_inner, isCutOff: false,
  };
  const listed = withLanes(empty, record.lanes);
  const drawn = { ...listed, spans: appended(listed.spans, record.spans) };
  return withPrinted(withFailures(drawn, record.failures), record.printed);
}

/** Give the state after a message; messages of other runs, or of none, change nothing. */
export function reduce(state: State | null, message: ToFront, now_ms: number): State | null {
  if (message.type === 'run') return stateOf(message.record, now_ms);
  if (message.type === 'delta') return withDelta(state ?? unknown(message.run, message.figures, now_ms), message, now_ms);
  if (!state) return message.type === 'ended' ? unknown(message.run, message.figures, now_ms) : null;
  if (message.type === 'ended' && message.run === state.head.run) {
    return { ...state, figures: message.figures, heardAt_ms: now_ms, isCutOff: false };
  }
  if (message.type === 'profile' && message.run === state.head.run) {
    return { ...state, profile: withPart(state.profile, message.part) };
  }
  if (message.type === 'window' && message.run === state.head.run) {
    return { ...state, closer: { window: message, end_s: state.spans.end_s } };
  }
  return state;
}

/** Give what is known of a run of which only news has come: the kernel may have no time to tell the whole. */
function unknown(run: string, figures: Figures, now_ms: number): State {
  const head: Head = {
    run, title: '', names: [], started_at: now_ms / 1000 - figures.elapsed_s, can_cancel: true, can_retry: false,
  };
  return stateOf({
    version: PROTOCOL, head, figures, lanes: [], n_more_lanes: 0, spans: asSpans(emptyLog()), items: NO_ITEMS,
    failures: [], n_more_failures: 0, printed: [], n_more_printed: 0, n_printed: 0, profile: null, inner: [], n_more_inner: 0,
  }, now_ms);
}

function withDelta(state: State, delta: RunDelta, now_ms: number): State {
  if (delta.run !== state.head.run) return state;
  const next: State = {
    ...withLanes(state, delta.lanes),
    figures: delta.figures,
    heardAt_ms: now_ms,
    spans: delta.spans.lane.length ? appended(state.spans, delta.spans) : state.spans,
    nMoreFailures: delta.n_more_failures,
    nMorePrinted: delta.n_more_printed,
    nPrinted: delta.n_printed,
    inner: delta.inner.length ? delta.inner : state.inner,
    nMoreInner: delta.n_more_inner,
    isCutOff: false,
  };
  return withPrinted(withFailures(next, delta.failures), delta.printed);
}

function withLanes(state: State, news: readonly Lane[]): State {
  if (!news.length) return state;
  const lanes = new Map(state.lanes);
  let nMoreLanes = state.nMoreLanes;
  for (const lane of news) {
    if (lanes.has(lane.lane) || lanes.size < MAX_LANES) lanes.set(lane.lane, lane);
    else nMoreLanes += 1;
  }
  return { ...state, lanes, nMoreLanes };
}

function withFailures(state: State, news: readonly FailureRow[]): State {
  if (!news.length) return state;
  const kept = news.slice(0, Math.max(0, MAX_FAILURES - state.failures.length)).map(shortFailure);
  const nCutFailures = state.nCutFailures + news.length - kept.length;
  return { ...state, failures: kept.length ? [...state.failures, ...kept] : state.failures, nCutFailures };
}

function shortFailure(row: FailureRow): FailureRow {
  return { ...row, error: headOf(row.error, 2_000), traceback: headOf(row.traceback, MAX_ROW_CHARACTERS) };
}

/** Add what was printed; the oldest goes when there is too much of it. */
function withPrinted(state: State, news: readonly PrintedRow[]): State {
  if (!news.length) return state;
  const rows = [...state.printed, ...news.map((row) => ({ ...row, text: headOf(row.text, MAX_ROW_CHARACTERS) }))];
  const nCame = news.reduce((sum, row) => sum + row.text.length, 0);
  let nKept = rows.reduce((sum, row) => sum + row.text.length, 0);
  const nCut = state.nPrintedCharacters + nCame - nKept;
  let from = 0;
  let nGone = 0;
  while (rows.length - from > MAX_PRINTED || nKept > MAX_PRINTED_CHARACTERS) {
    const gone = rows[from++]?.text.length ?? 0;
    nKept -= gone;
    nGone += gone;
  }
  const nCutPrinted = state.nCutPrinted + nCut + nGone;
  return { ...state, printed: rows.slice(from), nPrintedCharacters: nKept, nCutPrinted };
}

function headOf(text: string, limit: number): string {
  // A slice would keep the whole text alive.
  return text.length <= limit ? text : ` ${text.slice(0, limit)}`.slice(1);
}

/** Give the state as a record: what is downloaded, and what the kernel would have sent. */
export function asRecord(state: State): RunRecord {
  return {
    version: PROTOCOL,
    head: state.head,
    figures: state.figures,
    lanes: [...state.lanes.values()],
    n_more_lanes: state.nMoreLanes,
    spans: asSpans(state.spans),
    items: state.items,
    failures: [...state.failures],
    n_more_failures: state.nMoreFailures + state.nCutFailures,
    printed: [...state.printed],
    n_more_printed: state.nMorePrinted + state.nCutPrinted,
    n_printed: state.nPrinted,
    profile: asPart(state.profile),
    inner: [...state.inner],
    n_more_inner: state.nMoreInner,
  };
}

/** Give the state of a run whose kernel has gone away: it stays where it was last heard of. */
export function cutOff(state: State): State {
  return isOver(state) ? state : { ...state, isCutOff: true };
}

/** Say whether a run has ended, or will never go on. */
export function isOver(run: { readonly figures: Figures; readonly isCutOff?: boolean }): boolean {
  const { state } = run.figures;
  return run.isCutOff === true || state === 'done' || state === 'failed' || state === 'cancelled';
}

/** Name what a run is at. */
export function stateName(state: State): string {
  return state.isCutOff ? 'cut off' : state.figures.state;
}

/** Give the part of the workers' time in which they worked, from 0 to 1; null where nothing can be said. */
export function efficiency(figures: Figures): number | null {
  const whole = figures.elapsed_s * figures.n_slots;
  return whole > 0 ? Math.min(1, figures.busy_s / whole) : null;
}

/** How long a clock goes on without news. */
const AHEAD_S = 5;

/** Give how long the run has lasted by now: the clock goes on between two messages, but not for ever. */
export function elapsed(state: State, now_ms: number): number {
  const since = Math.max(0, (now_ms - state.heardAt_ms) / 1000);
  return state.figures.elapsed_s + (isOver(state) ? 0 : Math.min(since, AHEAD_S));
}

/** Give where the timeline ends by now. */
export function horizon(state: State, now_ms: number): number {
  return Math.max(state.spans.end_s, elapsed(state, now_ms), 1e-3);
}

/** Give how many items a second there are in a part of the timeline, roughly. */
export function density(state: State): number {
  return state.figures.n_done / Math.max(1e-3, state.figures.elapsed_s);
}
