// The drawing of the timeline: workers as rows of one image (strips.ts), names and times as text on it.
import type { Lane } from '../protocol';
import { count, line } from '../text';
import type { Close } from './closer';
import { shortName, type Row } from './rows';
import { AXIS_PX, xOf, type Scene } from './scene';
import { Strips } from './strips';
import { ticks } from './viewport';

/** Give what draws on a canvas: in the page's own memory, as our pixels are made there and would all be sent elsewhere. */
export function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D | null {
  return canvas.getContext('2d', { alpha: false, willReadFrequently: true });
}

/** Draw everything. */
export function paint(context: CanvasRenderingContext2D, scene: Scene): void {
  context.setTransform(1, 0, 0, 1, 0, 0);
  new Strips(context, scene);
  context.setTransform(scene.ratio, 0, 0, scene.ratio, 0, 0);
  paintAxis(context, scene);
  paintNames(context, scene);
  if (scene.close) paintLabels(context, scene, scene.close);
}

function paintAxis(context: CanvasRenderingContext2D, scene: Scene): void {
  const { theme, height, width, gutter } = scene;
  const bottom = height - AXIS_PX;
  context.fillStyle = theme.rule;
  context.fillRect(gutter, bottom, width - gutter, 1);
  context.font = `10px ${theme.font}`;
  context.textBaseline = 'middle';
  for (const tick of ticks(scene.view, width - gutter)) {
    const x = Math.round(xOf(scene, tick.at_s));
    context.fillStyle = theme.rule;
    context.fillRect(x, bottom, 1, 4);
    context.fillStyle = theme.faint;
    const wide = context.measureText(tick.label).width;
    context.fillText(tick.label, Math.min(width - wide - 1, Math.max(gutter, x - (tick.at_s === 0 ? 0 : wide / 2))), bottom + 12);
  }
}

function paintNames(context: CanvasRenderingContext2D, scene: Scene): void {
  const { theme } = scene;
  context.save();
  context.beginPath();
  context.rect(0, 0, scene.width, scene.height - AXIS_PX);
  context.clip();
  context.textBaseline = 'middle';
  for (const row of scene.rows) {
    const y = row.y - scene.top + row.height / 2;
    const isMarked = row === scene.marked;
    if (isMarked) paintMark(context, scene, row);
    if (row.kind === 'lane' && row.height < 10 && !isMarked) continue;
    context.font = fontOf(row, theme.font);
    context.fillStyle = nameColor(scene, row, isMarked);
    const name = nameOf(row, scene.lanes);
    context.fillText(fitted(context, name, scene.gutter - 10), 2, y);
  }
  context.restore();
}

function paintMark(context: CanvasRenderingContext2D, scene: Scene, row: Row): void {
  context.fillStyle = scene.theme.accent;
  context.fillRect(scene.gutter - 4, row.y - scene.top + 1, 2, Math.max(2, row.height - 2));
}

/** Give the width of the longest name, of the first so many. */
export function widthOfNames(
  canvas: HTMLCanvasElement, rows: readonly Row[], lanes: ReadonlyMap<number, Lane>, font: string,
): number {
  const context = contextOf(canvas);
  if (!context) return 0;
  return rows.slice(0, 200).reduce((most, row) => {
    if (row.kind === 'lane' && row.height < 10) return most;
    context.font = fontOf(row, font);
    return Math.max(most, context.measureText(nameOf(row, lanes)).width);
  }, 0);
}

function fontOf(row: Row, font: string): string {
  return `${row.kind === 'host' ? '600 11px' : '11px'} ${font}`;
}

function nameOf(row: Row, lanes: ReadonlyMap<number, Lane>): string {
  if (row.kind === 'host') return `${row.isFolded ? '▸' : '▾'} ${line(row.host, 60)} · ${count(row.nLanes)}`;
  const lane = lanes.get(row.lane);
  return `${lane?.reason ? '✕ ' : ''}${lane ? line(shortName(lane), 60) : ''}`;
}

function nameColor(scene: Scene, row: Row, isMarked: boolean): string {
  if (row.kind === 'lane' && scene.lanes.get(row.lane)?.reason) return `rgb(${scene.theme.failed.join(',')})`;
  return isMarked || row.kind === 'host' ? scene.theme.text : scene.theme.faint;
}

const LEAST_OF_LABEL = 14;

/** Put the parameters of single items on them, where there is room. */
function paintLabels(context: CanvasRenderingContext2D, scene: Scene, close: Close): void {
  context.font = `10px ${scene.theme.font}`;
  context.fillStyle = '#ffffff';
  for (const row of scene.rows) {
    if (row.kind !== 'lane' || row.height < 15) continue;
    let free = scene.gutter;
    for (const i of close.itemRows.get(row.lane) ?? []) free = paintLabel(context, scene, close, row, i, free);
  }
}

/** Give up to where it is written: clocks are not so fine that no item begins before the last one has ended. */
function paintLabel(context: CanvasRenderingContext2D, scene: Scene, close: Close, row: Row, i: number, free: number): number {
  const left = Math.max(free, xOf(scene, close.items.start_s[i] ?? 0));
  const right = Math.min(scene.width, xOf(scene, close.items.end_s[i] ?? 0));
  if (right - left < 28) return free;
  context.fillText(labelOf(context, close, i, right - left - 8), left + 4, row.y - scene.top + row.height / 2);
  return right;
}

/** Give an item's parameters, shortened if enough of them is left, else its number. */
function labelOf(context: CanvasRenderingContext2D, close: Close, i: number, room: number): string {
  const label = line(close.items.label[i] ?? '', 80);
  const short = fitted(context, label, room);
  if (label && (short === label || short.length >= LEAST_OF_LABEL)) return short;
  const number = `#${close.items.index[i] ?? ''}`;
  return context.measureText(number).width <= room ? number : '';
}

/** Cut a text in the middle, so that it fits: workers' names differ at their ends. */
function fitted(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (width <= 0) return '';
  if (context.measureText(text).width <= width) return text;
  let kept = Math.floor((text.length * width) / Math.max(1, context.measureText(text).width));
  while (kept > 1) {
    const tail = Math.ceil(kept * 0.45);
    const short = `${text.slice(0, kept - tail)}…${text.slice(text.length - tail)}`;
    if (context.measureText(short).width <= width) return short;
    kept -= 1;
  }
  return '';
}
