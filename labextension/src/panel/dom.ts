// Elements of the panel. Its classes are its own, `pathos-nb-panel-…`, so that no other view's styles reach it.
import { classes as prefixed, make as makeAny } from '../dom';

type Attributes = Parameters<typeof makeAny>[1];
type Child = Node | string | null | undefined;

/** Give class names of the panel. */
export function classes(names: string): string {
  return prefixed(names.split(' ').filter(Boolean).map((name) => (name === 'panel' ? name : `panel-${name}`)).join(' '));
}

/** Make an element; `class` is given without the prefix. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Attributes = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const { class: names, ...rest } = attributes;
  const element = makeAny(tag, rest, ...children);
  if (names) element.className = classes(String(names));
  return element;
}

/** Make a button. */
export function button(text: string, names: string, act: () => void, title = ''): HTMLButtonElement {
  const made = make('button', { type: 'button', class: `button ${names}`, title: title || null }, text);
  made.addEventListener('click', act);
  return made;
}
