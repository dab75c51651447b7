// One foldable part of the panel: a heading with a number, forms, and a list.
import { setShown, setText } from '../dom';
import { make } from './dom';
import { count } from './text';

export interface Section {
  readonly element: HTMLDetailsElement;
  readonly body: HTMLElement;
  readonly list: HTMLElement;
  /** Say how many there are; null: not known yet. */
  setCount(n: number | null, more: number): void;
}

export function section(name: string, title: string, empty: string, isOpen = true): Section {
  const badge = make('span', { class: 'badge' });
  const list = make('div', { class: 'list', role: 'list', 'aria-label': title });
  const nothing = make('div', { class: 'empty' }, 'Asking the kernel …');
  const left = make('div', { class: 'empty', hidden: true });
  const body = make('div', { class: 'section-body' }, list, nothing, left);
  const heading = make('h3', { class: 'heading' }, title);
  const element = make(
    'details',
    { class: `section section-${name}`, open: isOpen },
    make('summary', {}, heading, badge),
    body,
  );
  return {
    element,
    body,
    list,
    setCount(n, more) {
      setText(badge, n === null ? '' : String(n + more));
      setShown(nothing, !n);
      if (n !== null) setText(nothing, empty);
      setShown(left, more > 0);
      setText(left, `${count(more, 'more is', 'more are')} not shown`);
    },
  };
}
