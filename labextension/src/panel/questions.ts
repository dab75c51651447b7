// What the kernel asks the person: a password, a code, whether a key is the host's own. What is typed is sent and
// forgotten: it is in no state, no attribute and no notebook.
import type { Ask } from '../protocol';
import { button, make } from './dom';
import type { Doing } from './doing';
import { freshId } from './form';
import { plain } from './text';

export class Questions {
  readonly element = make('div', { class: 'questions' });
  private before: Element | null = null;

  constructor(private readonly doing: Doing) {
    doing.onAsk = (ask) => this.show(ask);
  }

  private show(ask: Ask | null): void {
    const hadFocus = this.element.contains(document.activeElement);
    this.element.replaceChildren();
    if (ask) {
      if (!hadFocus) this.before = document.activeElement;
      this.element.append(ask.kind === 'trust' ? this.trust(ask) : this.typed(ask));
    } else if (hadFocus && this.before instanceof HTMLElement) {
      this.before.focus();
    }
    this.element.querySelector<HTMLElement>('[data-first]')?.focus();
  }

  private typed(ask: Ask): HTMLElement {
    const id = freshId('question');
    const input = make('input', {
      id,
      class: 'input',
      type: ask.kind === 'secret' ? 'password' : 'text',
      autocomplete: 'off',
      'data-first': true,
    });
    const form = make(
      'form',
      { class: 'question' },
      make('label', { for: id, class: 'question-text' }, plain(ask.prompt, 1000)),
      input,
      make('div', { class: 'buttons' }, submit('Send'), this.refuse(ask, 'Give up')),
      make('div', { class: 'dim' }, 'It goes to the kernel, which keeps it nowhere.'),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const text = input.value;
      input.value = '';
      this.doing.reply(ask, text);
    });
    return escapable(form, () => this.doing.reply(ask, null));
  }

  private trust(ask: Ask): HTMLElement {
    const accept = button('It is the same: trust it', 'danger', () => this.doing.reply(ask, ask.fingerprint));
    const box = make(
      'div',
      { class: 'question', role: 'group', 'aria-label': 'Unknown host key' },
      make('div', { class: 'question-text', tabindex: -1, 'data-first': true }, asked(ask)),
      make('code', { class: 'fingerprint' }, plain(ask.fingerprint, 200)),
      make('div', { class: 'dim' }, 'Compare it with what the host’s administrator or documentation says.'),
      make('div', { class: 'buttons' }, accept, this.refuse(ask, 'Do not connect')),
    );
    return escapable(box, () => this.doing.reply(ask, null));
  }

  private refuse(ask: Ask, label: string): HTMLButtonElement {
    return button(label, 'plain', () => this.doing.reply(ask, null));
  }
}

function submit(label: string): HTMLButtonElement {
  return make('button', { type: 'submit', class: 'button main' }, label);
}

/** The question without the fingerprint, which stands below it by itself. */
function asked(ask: Ask): string {
  const text = plain(ask.prompt.replace(ask.fingerprint, ''), 1000).trim().replace(/[:\s]+$/, '');
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function escapable(element: HTMLElement, giveUp: () => void): HTMLElement {
  element.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    giveUp();
  });
  return element;
}
