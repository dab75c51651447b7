/**
 * Put a style sheet where an element lives, once: into the document, or into the shadow tree that it is in.
 * The element has to be attached for the latter; a view calls this when it is mounted.
 */
export function applyStyles(element: Element, name: string, sheetText: string): void {
  const css = sheetText.replace(/¬/g, 'pathos-nb-'); // what build.mjs has shortened
  const root = element.getRootNode();
  const home = root instanceof ShadowRoot ? root : element.ownerDocument.head;
  const id = `pathos-nb-style-${name}`;
  const there = home.querySelector(`style[data-name="${id}"]`);
  if (there?.textContent === css) return;
  const sheet = there ?? element.ownerDocument.createElement('style');
  sheet.setAttribute('data-name', id);
  sheet.textContent = css;
  if (!there) home.append(sheet);
}
