// The latest round trips as a small line. Drawn as SVG: elements only, no text from outside.
import { milliseconds } from './text';

const WIDTH = 64;
const HEIGHT = 16;
const SVG = 'http://www.w3.org/2000/svg';

export class Sparkline {
  readonly element = document.createElementNS(SVG, 'svg');
  private readonly path = document.createElementNS(SVG, 'polyline');

  constructor() {
    this.element.setAttribute('class', 'pathos-nb-panel-spark');
    this.element.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute('role', 'img');
    this.path.setAttribute('fill', 'none');
    this.element.append(this.path);
  }

  update(trips: readonly number[]): void {
    this.element.setAttribute('aria-label', told(trips));
    this.path.setAttribute('points', points(trips));
    this.element.style.display = trips.length > 1 ? '' : 'none';
  }
}

/** Give the points of the line: oldest left, zero at the bottom. */
export function points(trips: readonly number[]): string {
  const most = Math.max(...trips, 1e-3);
  const step = WIDTH / Math.max(1, trips.length - 1);
  return trips.map((ms, i) => `${(i * step).toFixed(1)},${(HEIGHT - 1 - (ms / most) * (HEIGHT - 2)).toFixed(1)}`).join(' ');
}

function told(trips: readonly number[]): string {
  const last = trips[trips.length - 1];
  if (last === undefined) return 'no round trip measured';
  return `round trip ${milliseconds(last)}, lately ${milliseconds(Math.min(...trips))} to ${milliseconds(Math.max(...trips))}`;
}
