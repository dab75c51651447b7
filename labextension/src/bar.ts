// The colour of a run's bar, the same wherever the run is shown.
import type { Figures } from './protocol';

/** Say what a bar tells: of a run that goes on, of which all is done, or that ended before that. */
export function barOf({ state, n_done, total }: Pick<Figures, 'state' | 'n_done' | 'total'>): 'live' | 'over' | 'short' {
  if (state === 'done' || n_done === total) return 'over';
  return state === 'cancelled' || state === 'failed' ? 'short' : 'live';
}
