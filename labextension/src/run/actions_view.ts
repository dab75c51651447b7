// The buttons of a run. What a button asks of the kernel is seen at once, and given up when no answer comes.
import { button, make, setShown, setText } from '../dom';
import { isOver, stateName, type State } from '../state';
import { many } from '../text';
import { asCsv, asJson, asTable, copy, download, fileName } from './exports';

export interface ActionsView {
  update(state: State): void;
  /** Offer to run again what has no value, of a run that nobody speaks with any more; null takes it back. */
  offer(retry: (() => void) | null): void;
  destroy(): void;
}

export interface Asked {
  cancel(run: string): void;
  retry(run: string): void;
  /** Tell the person something that went otherwise than wished. */
  say(text: string): void;
}

const PATIENCE_MS = 10_000;
/** Points that run again are another run, with a view of its own: here the button only rests a while. */
const RETRY_MS = 3_000;
const THANKS_MS = 1_500;

/** Put the buttons into an element; without `asked` there is no kernel, and only copying and downloading remain. */
export function mountActions(element: HTMLElement, asked: Asked | null): ActionsView {
  let state: State | null = null;
  let offered: (() => void) | null = null;
  let wanted: { from: string; timer: number } | null = null;
  const forget = (): void => {
    if (wanted) window.clearTimeout(wanted.timer);
    wanted = null;
  };
  const want = (act: (run: string) => void, patience_ms: number, orElse: string): void => {
    if (!state || wanted) return;
    const timer = window.setTimeout(() => {
      wanted = null;
      if (orElse) asked?.say(orElse);
      show();
    }, patience_ms);
    wanted = { from: phase(state), timer };
    act(state.head.run);
    show();
  };
  const cancel = button('Cancel', 'cancel', () => want((run) => asked?.cancel(run), PATIENCE_MS, NO_CANCEL), 'Stop this run');
  const retry = button('Retry failed', 'retry', () => want((run) => (offered ? offered() : asked?.retry(run)), RETRY_MS, ''),
    'Run the points again that have no value');
  const table = button('Copy', 'copy', () => void copyTable(table, state), 'Copy figures, workers and failures as a table');
  const json = button('JSON', 'download-json', () => state && download(asJson(state), fileName(state, 'json'), 'application/json'),
    'Download the record of this run as JSON');
  const csv = button('CSV', 'download-csv', () => state && download(asCsv(state), fileName(state, 'csv'), 'text/csv'),
    'Download the timeline of this run as CSV');
  element.append(cancel, retry, make('span', { class: 'group' }, table, json, csv));
  const show = (): void => {
    if (!state) return;
    if (wanted && phase(state) !== wanted.from) forget();
    showCancel(cancel, state, asked !== null, wanted !== null);
    showRetry(retry, state, asked !== null || offered !== null, wanted !== null);
  };
  return {
    update(next) {
      state = next;
      show();
    },
    offer(next) {
      offered = next;
      show();
    },
    destroy: forget,
  };
}

const NO_CANCEL = 'The kernel has not stopped the run yet. Interrupting the kernel (■ in the toolbar) stops it too.';

/** What an answer changes. */
function phase(state: State): string {
  return `${state.head.run} ${stateName(state)}`;
}

function showCancel(cancel: HTMLButtonElement, state: State, isLive: boolean, isWanted: boolean): void {
  setShown(cancel, isLive && state.head.can_cancel && !isOver(state));
  cancel.disabled = isWanted;
  setText(cancel, isWanted ? 'Cancelling…' : 'Cancel');
}

function showRetry(retry: HTMLButtonElement, state: State, isPossible: boolean, isWanted: boolean): void {
  const { n_failed, n_done, total } = state.figures;
  const nNotRun = Math.max(0, (total ?? n_done) - n_done);
  const what = nNotRun ? `Run ${many(nNotRun + n_failed, 'missing point')}` : `Retry ${many(n_failed, 'failure')}`;
  setShown(retry, isPossible && state.head.can_retry && !state.isCutOff && isOver(state) && nNotRun + n_failed > 0);
  retry.disabled = isWanted;
  setText(retry, isWanted ? 'Retrying…' : what);
}

async function copyTable(table: HTMLButtonElement, state: State | null): Promise<void> {
  if (!state) return;
  const isCopied = await copy(asTable(state));
  setText(table, isCopied ? 'Copied' : 'Not allowed');
  window.setTimeout(() => setText(table, 'Copy'), THANKS_MS);
}
