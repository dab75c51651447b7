import { afterEach } from 'vitest';

// What every browser has, and jsdom has not.
Object.assign(Element.prototype, { scrollIntoView: () => undefined, setPointerCapture: () => undefined });

afterEach(() => {
  document.body.replaceChildren();
  document.head.replaceChildren();
});
