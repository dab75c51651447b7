// Wheel, drag and keys, as changes of what is seen. Nothing is taken from the page that it needs for itself: the wheel
// scrolls the notebook unless Ctrl is held, or the timeline has been clicked and has nothing to scroll.
import { panned, whole, zoomed, type Viewport } from './viewport';

export interface Steered {
  view(): Viewport;
  end_s(): number;
  /** Where the timeline begins and ends, in pixels. */
  span(): [number, number];
  show(view: Viewport): void;
  /** The pointer is here now; null: it has left. */
  point(x: number | null, y: number): void;
  pick(x: number, y: number): void;
  /** Open or close what was chosen by keys. */
  toggle(): void;
  step(rows: number, spans: number): void;
}

const DRAG_PX = 4;

export class Steering {
  private drag: { x: number; y: number; top: number; view: Viewport; isMoved: boolean } | null = null;
  private readonly stops: (() => void)[] = [];

  constructor(private readonly element: HTMLElement, private readonly steered: Steered) {
    this.listen('wheel', (event) => this.wheel(event), { passive: false });
    this.listen('pointerdown', (event) => this.press(event));
    this.listen('pointermove', (event) => this.move(event));
    this.listen('pointerup', (event) => this.release(event));
    this.listen('pointercancel', () => (this.drag = null));
    this.listen('pointerleave', () => this.steered.point(null, 0));
    this.listen('dblclick', (event) => this.zoom(2, this.at(event)[0]));
    this.listen('keydown', (event) => this.key(event));
    this.listen('blur', () => this.steered.point(null, 0));
  }

  stop(): void {
    for (const stop of this.stops) stop();
  }

  /** Zoom around a place, or the middle. */
  zoom(factor: number, x?: number): void {
    const [left, right] = this.steered.span();
    const view = this.steered.view();
    const share = x === undefined ? 0.5 : Math.min(1, Math.max(0, (x - left) / Math.max(1, right - left)));
    const at_s = view.from_s + share * (view.to_s - view.from_s);
    this.steered.show(zoomed(view, factor, at_s, this.steered.end_s()));
  }

  private listen<K extends keyof HTMLElementEventMap>(
    name: K, act: (event: HTMLElementEventMap[K]) => void, options?: AddEventListenerOptions,
  ): void {
    this.element.addEventListener(name, act, options);
    this.stops.push(() => this.element.removeEventListener(name, act, options));
  }

  private at(event: MouseEvent): [number, number] {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left - this.element.clientLeft, event.clientY - box.top - this.element.clientTop];
  }

  private get perPixel_s(): number {
    const [left, right] = this.steered.span();
    const view = this.steered.view();
    return (view.to_s - view.from_s) / Math.max(1, right - left);
  }

  private pan(pixels: number): void {
    this.steered.show(panned(this.steered.view(), pixels * this.perPixel_s, this.steered.end_s()));
  }

  private wheel(event: WheelEvent): void {
    const sideways = event.shiftKey && !event.deltaX ? event.deltaY : event.deltaX;
    const hasRows = this.element.scrollHeight > this.element.clientHeight + 1;
    const isOurs = event.ctrlKey || event.metaKey || (document.activeElement === this.element && !hasRows);
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY) && !this.steered.view().isWhole) {
      event.preventDefault();
      this.pan(sideways);
    } else if (isOurs && event.deltaY) {
      event.preventDefault();
      this.zoom(Math.exp(-Math.max(-200, Math.min(200, event.deltaY)) / 250), this.at(event)[0]);
    }
  }

  private press(event: PointerEvent): void {
    if (event.button !== 0) return;
    const [x, y] = this.at(event);
    if (x > this.element.clientWidth) return; // the scroll bar
    this.drag = { x, y, top: this.element.scrollTop, view: this.steered.view(), isMoved: false };
  }

  private move(event: PointerEvent): void {
    const [x, y] = this.at(event);
    const { drag } = this;
    if (!drag) return this.steered.point(x, y);
    if (!drag.isMoved && Math.hypot(x - drag.x, y - drag.y) < DRAG_PX) return;
    if (!drag.isMoved) this.element.setPointerCapture(event.pointerId);
    drag.isMoved = true;
    this.element.scrollTop = drag.top - (y - drag.y);
    this.steered.show(panned(drag.view, (drag.x - x) * this.perPixel_s, this.steered.end_s()));
  }

  private release(event: PointerEvent): void {
    const isClick = this.drag && !this.drag.isMoved;
    this.drag = null;
    if (isClick) this.steered.pick(...this.at(event));
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [left, right] = this.steered.span();
    const page = (right - left) / 5;
    const acts: Record<string, () => void> = {
      '+': () => this.zoom(2), '=': () => this.zoom(2), '-': () => this.zoom(0.5),
      '0': () => this.steered.show(whole(this.steered.end_s())),
      Home: () => this.steered.show(whole(this.steered.end_s())),
      ArrowLeft: () => this.pan(-page), ArrowRight: () => this.pan(page),
      ArrowUp: () => this.steered.step(-1, 0), ArrowDown: () => this.steered.step(1, 0),
      ',': () => this.steered.step(0, -1), '.': () => this.steered.step(0, 1),
      Enter: () => this.steered.toggle(), Escape: () => this.steered.point(null, 0),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  }
}
