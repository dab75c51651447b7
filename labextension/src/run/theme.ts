// The colours of the canvas, read from the style sheet, so that it follows JupyterLab's theme like everything else.

export type Rgb = readonly [number, number, number];

export interface Theme {
  readonly ground: Rgb;
  readonly idle: Rgb;
  readonly busy: Rgb;
  readonly failed: Rgb;
  readonly text: string;
  readonly faint: string;
  readonly rule: string;
  readonly accent: string;
  readonly font: string;
}

const FALLBACK: Record<string, string> = {
  ground: '#ffffff', busy: '#4285d0', failed: '#d03b3b', text: '#202124', faint: '#5f6368', rule: '#e0e1e4', accent: '#1976d2',
};

/** Read the colours that are in force at an element. */
export function themeAt(element: Element): Theme {
  const style = getComputedStyle(element);
  const read = (name: string): string => style.getPropertyValue(`--pathos-nb-${name}`).trim() || FALLBACK[name] || '#888';
  const ground = channels(read('ground'));
  return {
    ground,
    idle: mix(ground, channels(read('text')), 0.07),
    busy: channels(read('busy')),
    failed: channels(read('failed')),
    text: read('text'), faint: read('faint'), rule: read('rule'), accent: read('accent'),
    font: style.fontFamily || 'sans-serif',
  };
}

/** Give a function that tells the channels of any CSS color, by painting it: the browser knows all forms of them. */
function painter(): (color: string) => Rgb {
  const known = new Map<string, Rgb>();
  let context: CanvasRenderingContext2D | null = null;
  return (color) => {
    const there = known.get(color);
    if (there) return there;
    context ??= newContext();
    if (!context) return [136, 136, 136];
    context.fillStyle = '#ffffff';
    context.fillRect(0, 0, 1, 1);
    context.fillStyle = color;
    context.fillRect(0, 0, 1, 1);
    const [r = 0, g = 0, b = 0] = context.getImageData(0, 0, 1, 1).data;
    if (known.size > 200) known.clear();
    known.set(color, [r, g, b]);
    return [r, g, b];
  };
}

function newContext(): CanvasRenderingContext2D | null {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  return canvas.getContext('2d', { willReadFrequently: true });
}

const channels = painter();

/** Give a colour between two. */
export function mix(a: Rgb, b: Rgb, share: number): Rgb {
  const of = (i: 0 | 1 | 2): number => Math.round(a[i] + (b[i] - a[i]) * share);
  return [of(0), of(1), of(2)];
}

const LEVELS = 32;

/** The colours of all shares of work and failure, as the words of an image. */
export class Palette {
  readonly ground: number;
  readonly idle: number;
  readonly guess: number;
  readonly hill: number;
  readonly bad: number;
  private readonly words = new Uint32Array(LEVELS * LEVELS);

  constructor(theme: Theme) {
    this.ground = word(theme.ground);
    this.idle = word(theme.idle);
    this.guess = word(mix(theme.idle, theme.busy, 0.3));
    this.hill = word(mix(theme.idle, theme.busy, 0.6));
    this.bad = word(theme.failed);
    for (let busy = 0; busy < LEVELS; busy++) {
      for (let failed = 0; failed < LEVELS; failed++) this.words[busy * LEVELS + failed] = shade(theme, busy, failed);
    }
  }

  /** Give the colour of a moment: how busy it was, and how much of that failed, both from 0 to 1. */
  of(busy: number, failed: number): number {
    if (!(busy > 0)) return this.idle;
    const b = Math.min(LEVELS - 1, 1 + Math.floor(busy * (LEVELS - 2) + 0.5));
    const f = failed > 0 ? Math.min(LEVELS - 1, 1 + Math.floor(failed * (LEVELS - 2))) : 0;
    return this.words[b * LEVELS + f] ?? this.idle;
  }
}

/** Little work is still seen, and one failure among a thousand items too. */
function shade(theme: Theme, busy: number, failed: number): number {
  const hue = failed ? mix(theme.busy, theme.failed, 0.55 + (0.45 * failed) / (LEVELS - 1)) : theme.busy;
  const strength = failed ? 0.75 + (0.25 * busy) / (LEVELS - 1) : 0.18 + (0.82 * busy) / (LEVELS - 1);
  return word(mix(theme.idle, hue, strength));
}

const palettes = new Map<string, Palette>();

/** Give the colours of a theme: the same ones as long as it is the same, since each drawing asks for them. */
export function paletteOf(theme: Theme): Palette {
  const name = [theme.ground, theme.idle, theme.busy, theme.failed].join(';');
  let palette = palettes.get(name);
  if (!palette) {
    if (palettes.size > 8) palettes.clear();
    palettes.set(name, (palette = new Palette(theme)));
  }
  return palette;
}

const isLittle = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function word([r, g, b]: Rgb): number {
  return isLittle ? ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0 : ((r << 24) | (g << 16) | (b << 8) | 255) >>> 0;
}
