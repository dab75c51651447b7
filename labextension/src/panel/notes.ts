// What the kernel said to the person's last deeds: in sight, errors until they are put away.
import { button, make } from './dom';
import type { Outcome } from './doing';
import { line, plain } from './text';

const MOST = 4;
const GOOD_MS = 20_000;

export class Notes {
  readonly element = make('div', { class: 'notes' });

  /** Tell how something ended, with all that was said if it is to be unfolded; what was said of the same thing before is put away. */
  tell(what: string, outcome: Outcome, isUnfolded = false): void {
    for (const old of [...this.element.children]) {
      if (old.getAttribute('data-what') === what || old.classList.contains('pathos-nb-panel-note-ok')) old.remove();
    }
    const told = note(what, outcome, isUnfolded);
    this.element.append(told);
    if (outcome.is_ok) leaveSoon(told);
    while (this.element.children.length > MOST) this.element.firstElementChild?.remove();
  }

  clear(): void {
    this.element.replaceChildren();
  }
}

/** Good news goes by itself, but never while somebody reads it. */
function leaveSoon(told: HTMLElement): void {
  window.setTimeout(() => {
    if (!told.isConnected) return;
    if (told.matches(':hover, :focus-within') || told.querySelector('details[open]')) leaveSoon(told);
    else told.remove();
  }, GOOD_MS);
}

function note(what: string, outcome: Outcome, isUnfolded: boolean): HTMLElement {
  const [head = '', ...rest] = plain(outcome.text).trim().split('\n');
  const cure = plain(outcome.cure, 1000);
  const close = button('✕', 'note-close', () => element.remove(), 'Put away');
  close.setAttribute('aria-label', `Put away: ${line(what)}`);
  const element = make(
    'div',
    {
      class: outcome.is_ok ? 'note note-ok' : 'note note-bad',
      role: outcome.is_ok ? 'status' : 'alert',
      'data-what': what,
    },
    make(
      'div',
      { class: 'note-text' },
      make('span', { class: 'note-what' }, `${line(what)}: `),
      head || (outcome.is_ok ? 'done' : 'it failed'),
      cure ? make('div', { class: 'note-cure' }, cure) : null,
      more(rest, isUnfolded),
    ),
    close,
  );
  return element;
}

function more(rest: readonly string[], isUnfolded: boolean): HTMLElement | null {
  const text = rest.join('\n').trimEnd();
  return text ? make('details', { open: isUnfolded }, make('summary', {}, 'more'), make('pre', { tabindex: 0 }, text)) : null;
}
