// The rows of the timeline as one image: words of pixels, written row by row, put on the canvas at once. Filling
// rectangles instead would take a hundred times as long for a thousand workers.
import { fromBins, fromClose, fromIndex, isFine, Pixels } from './columns';
import type { Row } from './rows';
import { AXIS_PX, type Scene } from './scene';
import { paletteOf, type Palette } from './theme';

/** Rows of fewer pixels have no room for a cut. */
const LEAST_CUT_PX = 5;

export class Strips {
  private readonly width: number;
  private readonly bottom: number;
  private readonly left: number;
  private readonly image: ImageData;
  private readonly words: Uint32Array;
  private readonly palette: Palette;
  private readonly pixels: Pixels;

  constructor(context: CanvasRenderingContext2D, private readonly scene: Scene) {
    const { ratio } = scene;
    this.width = Math.max(1, Math.round(scene.width * ratio));
    const height = Math.max(1, Math.round(scene.height * ratio));
    this.bottom = height - Math.round(AXIS_PX * ratio);
    this.left = Math.min(this.width - 1, Math.round(scene.gutter * ratio));
    this.image = context.createImageData(this.width, height);
    this.words = new Uint32Array(this.image.data.buffer);
    this.palette = paletteOf(scene.theme);
    this.pixels = new Pixels(this.width - this.left, scene.view);
    this.words.fill(this.palette.ground);
    for (const row of scene.rows) this.draw(row);
    context.putImageData(this.image, 0, 0);
  }

  private draw(row: Row): void {
    const { ratio, top } = this.scene;
    const gap = row.height >= 11 ? 1.5 : 0.5;
    const from = Math.max(0, Math.round((row.y - top + gap) * ratio));
    const to = Math.min(this.bottom, Math.round((row.y - top + row.height - gap) * ratio));
    if (to <= from) return;
    this.pixels.clear();
    if (row.kind === 'host') this.drawHost(row, from, to);
    else this.drawLane(row, from, to);
  }

  /** How busy a host was: a hill whose height is the share of its workers that worked. */
  private drawHost(row: Row, from: number, to: number): void {
    const bins = this.scene.tracks.host(row.host);
    this.fill(from, to, this.palette.idle);
    if (!bins) return;
    fromBins(this.pixels, bins, this.scene.tracks.width_s, row.nLanes);
    for (let x = 0; x < this.pixels.width; x++) this.drawHill(x, from, to);
  }

  private drawHill(x: number, from: number, to: number): void {
    const height = to - from;
    const share = this.pixels.busy[x] ?? 0;
    if (!(share > 0)) return;
    const failed = share * (this.pixels.failed[x] ?? 0);
    const summit = to - Math.max(1, Math.round(height * share));
    const bad = failed > 0 ? to - Math.max(2, Math.round(height * failed)) : to;
    for (let y = Math.min(summit, bad); y < to; y++) {
      this.words[y * this.width + this.left + x] = y >= bad ? this.palette.bad : this.palette.hill;
    }
  }

  private fill(from: number, to: number, color: number): void {
    for (let y = from; y < to; y++) this.words.fill(color, y * this.width + this.left, y * this.width + this.left + this.pixels.width);
  }

  private drawLane(row: Row, from: number, to: number): void {
    if (!this.scene.tracks.lane(row.lane) && !this.scene.close) {
      this.fill(from, to, this.palette.idle);
      return this.drawGuess(row.lane, from, to);
    }
    this.read(row.lane);
    const first = from * this.width + this.left;
    const { busy, failed, width } = this.pixels;
    for (let x = 0; x < width; x++) this.words[first + x] = this.palette.of(busy[x] ?? 0, failed[x] ?? 0);
    for (let y = from + 1; y < to; y++) {
      this.words.copyWithin(y * this.width + this.left, first, first + width);
    }
    this.drawCut(from, to);
    this.drawGuess(row.lane, from, to);
  }

  /** Cut what failed lengthwise: it is told from work by its shape too, not by its colour alone. */
  private drawCut(from: number, to: number): void {
    if (to - from < LEAST_CUT_PX) return;
    const thick = Math.max(1, Math.round((to - from) / 7));
    const top = from + Math.round((to - from - thick) / 2);
    const { failed, width } = this.pixels;
    for (let x = 0; x < width; x++) {
      if (!(failed[x] ?? 0)) continue;
      for (let y = top; y < top + thick; y++) this.words[y * this.width + this.left + x] = this.palette.ground;
    }
  }

  /** Fill the pixels of a lane from the closest look that there is. */
  private read(lane: number): void {
    const { close, tracks } = this.scene;
    const track = tracks.lane(lane);
    const known_s = close ? fromClose(this.pixels, close, lane) : null;
    if (!track || !tracks.columns) return;
    const isFew = track.index.n < 2 * this.pixels.width;
    // What has come since a closer look was asked for is not in it, and is no idleness.
    if (known_s !== null) fromIndex(this.pixels, track.index, tracks.columns, known_s);
    else if (isFew || !isFine(tracks.width_s, this.pixels)) fromIndex(this.pixels, track.index, tracks.columns);
    else fromBins(this.pixels, track.bins, tracks.width_s, 1);
  }

  /** Hatch what a worker has been at since it was last heard of: it is told of only when it is done. */
  private drawGuess(lane: number, from: number, to: number): void {
    const { now_s, view, ratio } = this.scene;
    if (now_s === null || !this.scene.lanes.get(lane)?.is_up) return;
    const last = this.lastEnd(lane);
    const start = Math.max(0, Math.ceil((last - view.from_s) / this.pixels.perPixel_s));
    const end = Math.min(this.pixels.width, Math.floor((now_s - view.from_s) / this.pixels.perPixel_s));
    const period = Math.max(4, Math.round(6 * ratio));
    for (let y = from; y < to; y++) {
      for (let x = start; x < end; x++) {
        if ((x + y) % period < period / 2) this.words[y * this.width + this.left + x] = this.palette.guess;
      }
    }
  }

  private lastEnd(lane: number): number {
    const { tracks } = this.scene;
    const index = tracks.lane(lane)?.index;
    return index?.n ? (tracks.columns?.end[index.rows[index.n - 1] ?? 0] ?? 0) : 0;
  }
}
