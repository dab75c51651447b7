// When to ask the kernel for a closer look: when a part is seen in which single items could be told apart, and what is
// there does not cover it. One question at a time, after a moment of rest.
import type { Look } from '../protocol';
import { density, isOver, type Closer, type State } from '../state';
import { covers } from './closer';
import type { Viewport } from './viewport';

const REST_MS = 150;
const PATIENCE_MS = 3_000;
const AGAIN_S = 1;
/** More items than this on the screen are not asked for singly. */
const MAX_ITEMS = 20_000;
const MAX_LANES = 256;

export interface Situation {
  readonly view: Viewport;
  readonly closer: Closer | null;
  readonly state: State;
  readonly now_s: number;
  readonly width: number;
  readonly lanes: readonly number[];
}

type Ask = (wanted: Omit<Look, 'type' | 'run'>) => void;

export class Looker {
  // Other views of this run get the same answers: they are told apart by where they begin to count.
  private id = Math.floor(Math.random() * 1e9);
  private asked: ReadonlySet<number> = new Set();
  private timer: number | null = null;
  private latest: Situation | null = null;
  private askedAt_ms = 0;

  constructor(private readonly ask: Ask, private readonly clock: () => number = () => performance.now()) {}

  /** Think about what is seen now. */
  consider(situation: Situation): void {
    this.latest = situation;
    if (this.timer === null && isWanted(situation, this.known(situation))) this.timer = window.setTimeout(() => this.act(), REST_MS);
  }

  /** Give the lanes that the latest answer tells of. */
  private known(now: Situation): ReadonlySet<number> {
    return now.closer?.window.id === this.id ? this.asked : new Set(now.closer?.window.spans.lane);
  }

  stop(): void {
    if (this.timer !== null) window.clearTimeout(this.timer);
    this.timer = null;
  }

  private act(): void {
    this.timer = null;
    const now = this.latest;
    if (!now || !isWanted(now, this.known(now))) return;
    const isWaiting = this.asked.size > 0 && now.closer?.window.id !== this.id;
    if (isWaiting && this.clock() - this.askedAt_ms < PATIENCE_MS) return;
    this.askedAt_ms = this.clock();
    const length = now.view.to_s - now.view.from_s;
    const lanes = now.lanes.slice(0, MAX_LANES);
    this.asked = new Set(lanes);
    this.ask({
      id: ++this.id,
      lanes,
      from_s: Math.max(0, now.view.from_s - length / 4),
      to_s: now.view.to_s + length / 4,
      n_pixels: Math.round(now.width * 1.5),
    });
  }
}

/** Say whether a closer look would show more than what is there. */
export function isWanted({ view, closer, state, now_s, lanes }: Situation, known: ReadonlySet<number>): boolean {
  if (lanes.length === 0 || state.figures.n_done === 0) return false;
  const share = lanes.length / Math.max(1, state.lanes.size);
  if (density(state) * (view.to_s - view.from_s) * share > MAX_ITEMS) return false;
  if (!covers(closer, view)) return true;
  const hasMore = state.spans.end_s > closer.end_s + (isOver(state) ? 0 : AGAIN_S);
  const isBehind = hasMore && view.to_s > closer.end_s && now_s > closer.end_s;
  return isBehind || lanes.slice(0, MAX_LANES).some((lane) => !known.has(lane));
}
