// A form that is folded away until it is wanted. Enter sends it; what is wrong is said at the field.
import { setShown, setText } from '../dom';
import { make } from './dom';
import { whileBusy, isBusy } from './action';

export interface Field {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
  value(): string;
}

export interface FieldOptions {
  hint?: string;
  type?: 'text' | 'number';
  isNeeded?: boolean;
  min?: number;
  max?: number;
  list?: HTMLDataListElement;
}

let lastId = 0;

/** A name that no other element of the page has. */
export function freshId(what: string): string {
  lastId += 1;
  return `pathos-nb-${what}-${lastId}`;
}

export function field(label: string, options: FieldOptions = {}): Field {
  const id = freshId('field');
  const input = make('input', {
    id,
    type: options.type ?? 'text',
    class: 'input',
    placeholder: options.hint ?? null,
    required: options.isNeeded ?? false,
    min: options.min ?? null,
    max: options.max ?? null,
    list: options.list?.id ?? null,
    autocomplete: 'off',
    spellcheck: 'false',
    autocapitalize: 'off',
  });
  const element = make('div', { class: 'field' }, make('label', { for: id }, label), input, options.list ?? null);
  return { element, input, value: () => input.value.trim() };
}

export interface Sender {
  label: string;
  title?: string;
  /** Give what is wrong with what was typed, or nothing. */
  check?: () => string;
  send: () => Promise<boolean>;
}

export interface Form {
  readonly element: HTMLDetailsElement;
  /** Unfold it and put the cursor into it. */
  open(): void;
  clear(): void;
}

/** A form; the first sender is what Enter does. It is emptied and folded when a sender gives true. */
export function form(title: string, parts: readonly HTMLElement[], senders: readonly Sender[]): Form {
  const wrong = make('div', { class: 'wrong', role: 'alert', hidden: true });
  const buttons = senders.map((sender, i) => sendButton(sender, i === 0));
  const inner = make('form', { class: 'form', novalidate: true }, ...parts, wrong, make('div', { class: 'buttons' }, ...buttons));
  const element = make('details', { class: 'adder' }, make('summary', {}, title), inner);
  const send = async (sender: Sender, made: HTMLButtonElement): Promise<void> => {
    if (isBusy(made)) return;
    const problem = problemOf(inner) || (sender.check?.() ?? '');
    setText(wrong, problem);
    setShown(wrong, problem !== '');
    if (problem || !(await whileBusy(made, sender.send))) return;
    inner.reset();
    element.open = false;
  };
  inner.addEventListener('submit', (event) => {
    event.preventDefault();
    const at = Math.max(0, buttons.findIndex((one) => one === event.submitter));
    const [sender, made] = [senders[at], buttons[at]];
    if (sender && made) void send(sender, made);
  });
  element.addEventListener('toggle', () => {
    if (element.open) inner.scrollIntoView({ block: 'nearest' }); // a fold at the end opens out of sight
  });
  return {
    element,
    open() {
      element.open = true;
      inner.querySelector<HTMLElement>('input, select')?.focus();
    },
    clear: () => inner.reset(),
  };
}

function sendButton(sender: Sender, isMain: boolean): HTMLButtonElement {
  const names = `button ${isMain ? 'main' : 'plain'}`;
  return make('button', { type: 'submit', class: names, title: sender.title ?? null }, sender.label);
}

/** What the browser would say of the first field that is wrong, in our words. */
function problemOf(inner: HTMLFormElement): string {
  for (const input of inner.querySelectorAll('input')) {
    const label = inner.querySelector(`label[for="${input.id}"]`)?.textContent ?? '';
    const value = input.value.trim();
    input.removeAttribute('aria-invalid');
    const wrong = wrongWith(input, value);
    if (!wrong) continue;
    input.setAttribute('aria-invalid', 'true');
    input.focus();
    return `${label}: ${wrong}.`;
  }
  return '';
}

function wrongWith(input: HTMLInputElement, value: string): string {
  if (input.required && !value) return 'this is needed';
  if (value.startsWith('-')) return 'it cannot begin with a dash';
  if (input.type !== 'number' || !value) return input.validity.badInput ? 'a number is wanted' : '';
  const number = Number(value);
  const isFine = Number.isInteger(number) && number >= Number(input.min || 0) && number <= Number(input.max || Infinity);
  return isFine ? '' : `a whole number from ${input.min || '0'}${input.max ? ` to ${input.max}` : ''} is wanted`;
}

/** Give an option and its value, if there is one. */
export function option(name: string, value: string): string[] {
  return value ? [`--${name}`, value] : [];
}
