// Buttons that do something in the kernel. While it is at it the button is busy; where much would be lost it asks first.
import { setShown } from '../dom';
import { button, make } from './dom';
import type { Deed, Doing, Outcome } from './doing';
import type { Notes } from './notes';
import { joined } from './text';

/** What all views of the panel have in common. */
export interface Context {
  doing: Doing;
  notes: Notes;
  /** Show a run in a place of its own; null where there is none. */
  openRun: ((run: string, title: string) => void) | null;
}

export interface Action {
  readonly element: HTMLElement;
  readonly button: HTMLButtonElement;
  /** Show it, enabled or not. */
  set(isShown: boolean, isEnabled?: boolean): void;
}

export interface Options {
  title?: string;
  /** What is lost if it is done now, in words; empty: nothing. */
  loss?: () => string;
  isMain?: boolean;
  /** Its answer is what the person wants to see, all of it. */
  isLook?: boolean;
  /** For those who hear it instead of seeing where it stands. */
  of?: string;
}

/** Do things one after the other, until one fails; tell how it ended. */
export async function perform(context: Context, what: string, deeds: readonly Deed[], isLook = false): Promise<Outcome> {
  let outcome: Outcome = { is_ok: true, text: '', cure: '' };
  for (const deed of deeds) {
    const next = await context.doing.do(deed);
    outcome = next.is_ok ? { ...next, text: joined([outcome.text, next.text.trim()], '; ') } : next;
    if (!outcome.is_ok) break;
  }
  context.notes.tell(what, outcome, isLook);
  return outcome;
}

/** Let a button look busy until something has ended. */
export async function whileBusy<T>(made: HTMLButtonElement, work: () => Promise<T>): Promise<T> {
  made.setAttribute('aria-busy', 'true');
  made.classList.add('pathos-nb-panel-busy');
  try {
    return await work();
  } finally {
    made.removeAttribute('aria-busy');
    made.classList.remove('pathos-nb-panel-busy');
  }
}

export function isBusy(made: HTMLButtonElement): boolean {
  return made.getAttribute('aria-busy') === 'true';
}

/** A button for some deeds. `what` names them in the answer's note: "Close the pool big". */
export function action(
  context: Context, label: string, what: () => string, deeds: () => readonly Deed[], options: Options = {},
): Action {
  let question: HTMLElement | null = null;
  const go = (): void => {
    question?.remove();
    question = null;
    void whileBusy(made, () => perform(context, what(), deeds(), options.isLook));
  };
  const keep = (): void => {
    question?.remove();
    question = null;
    made.focus();
  };
  const start = (): void => {
    if (isBusy(made) || question || made.getAttribute('aria-disabled') === 'true') return;
    const loss = options.loss?.() ?? '';
    if (!loss) return go();
    question = sure(loss, label, go, keep);
    element.append(question);
    question.querySelector<HTMLElement>('[data-first]')?.focus();
  };
  const made = button(label, options.isMain ? 'main' : 'plain', start, options.title ?? '');
  if (options.of) made.setAttribute('aria-label', `${label} ${options.of}`);
  const element = make('span', { class: 'action' }, made);
  return {
    element,
    button: made,
    set(isShown, isEnabled = true) {
      setShown(element, isShown);
      if (isEnabled) made.removeAttribute('aria-disabled');
      else made.setAttribute('aria-disabled', 'true');
    },
  };
}

/** Ask before something is lost. */
function sure(loss: string, label: string, go: () => void, keep: () => void): HTMLElement {
  const no = button('No', 'plain', keep);
  no.setAttribute('data-first', '');
  return make('span', { class: 'sure', role: 'group', 'aria-label': loss }, `${loss} `, button(`Yes: ${label.toLowerCase()}`, 'danger', go), no);
}
