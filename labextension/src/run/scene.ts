// All that a drawing of the timeline depends on.
import type { Lane } from '../protocol';
import type { Close } from './closer';
import type { Row } from './rows';
import type { Theme } from './theme';
import type { Tracks } from './tracks';
import type { Viewport } from './viewport';

export const AXIS_PX = 20;

/** All that a drawing depends on. Lengths are CSS pixels; `ratio` is how many of the screen's are in one. */
export interface Scene {
  readonly view: Viewport;
  readonly rows: readonly Row[];
  /** How far the rows are scrolled. */
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** Where the names stand, to the left of the timeline. */
  readonly gutter: number;
  readonly ratio: number;
  readonly lanes: ReadonlyMap<number, Lane>;
  readonly tracks: Tracks;
  readonly close: Close | null;
  /** Where the run is now, in seconds; null when it is over. */
  readonly now_s: number | null;
  readonly marked: Row | null;
  readonly theme: Theme;
}

/** Give where a moment is, in CSS pixels from the left. */
export function xOf(scene: Pick<Scene, 'view' | 'width' | 'gutter'>, at_s: number): number {
  const { view, width, gutter } = scene;
  return gutter + ((at_s - view.from_s) / (view.to_s - view.from_s)) * (width - gutter);
}
