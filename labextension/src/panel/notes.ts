// What the kernel said to the person's last deeds: always in sight, errors until they are put away.
import { button, make } from './dom';
import type { Outcome } from './doing';
import { line, plain } from './text';

const MOST = 4;

export class Notes {
  readonly element = make('div', { class: 'notes' });

  /** Tell how something ended; what was said of the same thing before is put away. */
  tell(what: string, outcome: Outcome): void {
    for (const old of [...this.element.children]) {
      if (old.getAttribute('data-what') === what || old.classList.contains('pathos-nb-panel-note-ok')) old.remove();
    }
    this.element.append(note(what, outcome));
    while (this.element.children.length > MOST) this.element.firstElementChild?.remove();
  }

  clear(): void {
    this.element.replaceChildren();
  }
}

function note(what: string, outcome: Outcome): HTMLElement {
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
      more(rest),
    ),
    close,
  );
  return element;
}

function more(rest: readonly string[]): HTMLElement | null {
  const text = rest.join('\n').trimEnd();
  return text ? make('details', {}, make('summary', {}, 'more'), make('pre', { tabindex: 0 }, text)) : null;
}
