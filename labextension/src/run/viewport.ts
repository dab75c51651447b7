// Which part of the timeline is seen: pure arithmetic of zooming, panning and the ticks of the axis.

/** A part of the timeline, in seconds; `isWhole` follows the run as it goes on. */
export interface Viewport {
  readonly from_s: number;
  readonly to_s: number;
  readonly isWhole: boolean;
}

const SHORTEST_S = 1e-5;

/** Show everything up to the end, which may move on. */
export function whole(end_s: number): Viewport {
  return { from_s: 0, to_s: end_s, isWhole: true };
}

/** Show a part, kept inside the run; so much that it is all is the whole. */
export function clamped(from_s: number, to_s: number, end_s: number): Viewport {
  const length = Math.max(SHORTEST_S, to_s - from_s);
  if (length >= end_s) return whole(end_s);
  const from = Math.min(Math.max(0, from_s), end_s - length);
  return { from_s: from, to_s: from + length, isWhole: false };
}

/** Give the viewport when the run has gone on. */
export function followed(view: Viewport, end_s: number): Viewport {
  return view.isWhole ? whole(end_s) : view;
}

/** Zoom in (a factor above 1) or out around a moment, which stays where it is. */
export function zoomed(view: Viewport, factor: number, at_s: number, end_s: number): Viewport {
  const from = at_s - (at_s - view.from_s) / factor;
  const to = at_s + (view.to_s - at_s) / factor;
  return clamped(from, to, end_s);
}

/** Move along the timeline. */
export function panned(view: Viewport, by_s: number, end_s: number): Viewport {
  return view.isWhole ? view : clamped(view.from_s + by_s, view.to_s + by_s, end_s);
}

export interface Tick {
  readonly at_s: number;
  readonly label: string;
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/** Give the marks of the axis, at least so many pixels apart. */
export function ticks(view: Viewport, width_px: number, apart_px = 90): Tick[] {
  const length = view.to_s - view.from_s;
  const least = (length * apart_px) / Math.max(1, width_px);
  const step = stepOf(least);
  const found: Tick[] = [];
  for (let k = Math.ceil(view.from_s / step); k * step <= view.to_s && found.length < 100; k++) {
    found.push({ at_s: k * step, label: clock(k * step, step) });
  }
  return found;
}

function stepOf(least_s: number): number {
  if (least_s >= 1) return STEPS.find((step) => step >= least_s) ?? 86_400 * Math.ceil(least_s / 86_400);
  const power = 10 ** Math.floor(Math.log10(least_s));
  return power * ([1, 2, 5].find((k) => k * power >= least_s) ?? 10);
}

/** Give a moment as `12 s`, `0.25 s`, `2:05`, `1:02:05`; with as many decimals as the steps need. */
export function clock(at_s: number, step_s: number): string {
  const decimals = step_s >= 1 ? 0 : Math.min(6, Math.ceil(-Math.log10(step_s) - 1e-9));
  if (at_s < 60) return `${at_s.toFixed(decimals)} s`;
  const hours = Math.floor(at_s / 3600);
  const minutes = Math.floor((at_s % 3600) / 60);
  const seconds = (at_s % 60).toFixed(decimals).padStart(decimals ? decimals + 3 : 2, '0');
  return hours ? `${hours}:${String(minutes).padStart(2, '0')}:${seconds}` : `${minutes}:${seconds}`;
}
