// Elements are made here: text is always text, never HTML.

type Attributes = Record<string, string | number | boolean | null | undefined>;
type Child = Node | string | null | undefined;

/** Make an element. `class` is given without the prefix `pathos-nb-`; false, null and undefined leave out. */
export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  for (const child of children) if (child !== null && child !== undefined) element.append(child);
  return element;
}

function setAttribute(element: Element, name: string, value: Attributes[string]): void {
  if (value === null || value === undefined || value === false) return;
  if (name === 'class') element.className = classes(String(value));
  else element.setAttribute(name, value === true ? '' : String(value));
}

/** Give class names with the prefix. */
export function classes(names: string): string {
  return names.split(' ').filter(Boolean).map((name) => `pathos-nb-${name}`).join(' ');
}

/** Set the text of an element, only if it is another one: the document is not touched for nothing. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Show or hide. */
export function setShown(element: HTMLElement, isShown: boolean): void {
  if (element.hidden === isShown) element.hidden = !isShown;
}

/** Make a button. */
export function button(text: string, names: string, act: () => void, title = ''): HTMLButtonElement {
  const made = make('button', { type: 'button', class: `button ${names}`, title: title || null }, text);
  made.addEventListener('click', act);
  return made;
}
