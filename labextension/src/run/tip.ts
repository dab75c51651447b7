// The small box that tells what is under the pointer, or was reached by keys.
import { make } from '../dom';
import type { Told } from './hover';

export interface Tip {
  readonly element: HTMLElement;
  /** The moment it tells of, if it was reached by keys. */
  readonly at_s: number | null;
  show(told: Told, x: number, y: number, width: number, at_s?: number): void;
  hide(): void;
}

const WIDTH_PX = 300;

/** Make the box; it is read aloud when it changes. */
export function tipOf(): Tip {
  const element = make('div', { class: 'tip', role: 'status', hidden: true });
  const tip = {
    element,
    at_s: null as number | null,
    show(told: Told, x: number, y: number, width: number, at_s?: number): void {
      tip.at_s = at_s ?? null;
      element.replaceChildren(
        make('div', { class: told.isBad ? 'tip-title bad' : 'tip-title' }, told.title),
        ...told.lines.map((text) => make('div', {}, text)),
      );
      element.hidden = false;
      element.style.left = `${Math.max(0, Math.min(x + 14, width - Math.min(WIDTH_PX, width)))}px`;
      element.style.top = `${y + 18}px`;
    },
    hide(): void {
      element.hidden = true;
    },
  };
  return tip;
}
