// Text with terminal colours, as pieces; and pieces as elements. What is no colour is dropped, as is all that a
// carriage return has overwritten.
import { make } from './dom';
import { count, plain } from './text';

export interface Style {
  readonly color?: string;
  readonly background?: string;
  readonly bold?: boolean;
  readonly faint?: boolean;
  readonly italic?: boolean;
  readonly underline?: boolean;
}

export interface Piece {
  readonly text: string;
  readonly style: Style;
}

const LIMIT = 20_000;
const LINE_LIMIT = 2_000;
const MAX_PIECES = 2_000;

// A sequence that sets colours; other control sequences; operating system commands (titles, links); lone escapes.
const SEQUENCES = /\u001b\[([0-9;:]*)m|\u001b\[[0-?]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[@-Z\\^_]?/g;

/** Take a text apart; at most 20,000 characters of it, and 2,000 of a line. */
export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let style: Style = {};
  let at = 0;
  const source = shortened(text);
  for (const match of source.matchAll(SEQUENCES)) {
    add(found, source.slice(at, match.index), style);
    at = match.index + match[0].length;
    if (match[1] !== undefined) style = changed(style, match[1]);
    if (found.length >= MAX_PIECES) break;
  }
  add(found, source.slice(at), found.length >= MAX_PIECES ? {} : style);
  return found;
}

/** Give the text without colours. */
export function withoutColors(text: string): string {
  return pieces(text).map((piece) => piece.text).join('');
}

/** Put a text with colours into an element. */
export function fill(element: HTMLElement, text: string): void {
  element.replaceChildren(...pieces(text).map((piece) => asNode(piece)));
}

function shortened(text: string): string {
  const lines = text.slice(0, LIMIT).replace(/\r+\n/g, '\n').split('\n');
  const short = lines.map((one) => shortLine(one));
  const rest = text.length - LIMIT;
  return short.join('\n') + (rest > 0 ? `\n… ${count(rest)} more characters` : '');
}

function shortLine(text: string): string {
  const shown = text.replace(/\r+$/, '');
  const last = shown.slice(shown.lastIndexOf('\r') + 1);
  return last.length > LINE_LIMIT ? `${last.slice(0, LINE_LIMIT)} …` : last;
}

function add(found: Piece[], text: string, style: Style): void {
  if (text) found.push({ text: plain(text, Infinity), style });
}

function asNode(piece: Piece): Node {
  const { style } = piece;
  if (Object.keys(style).length === 0) return document.createTextNode(piece.text);
  const span = make('span', {}, piece.text);
  if (style.color) span.style.color = style.color;
  if (style.background) span.style.backgroundColor = style.background;
  if (style.bold) span.style.fontWeight = 'bold';
  if (style.faint) span.style.opacity = '0.7';
  if (style.italic) span.style.fontStyle = 'italic';
  if (style.underline) span.style.textDecoration = 'underline';
  return span;
}

/** Give the style after a sequence: numbers between semicolons. */
function changed(style: Style, sequence: string): Style {
  const codes = sequence.split(/[;:]/).map((code) => Number(code || '0'));
  let now = style;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) {
      const [color, taken] = extended(codes.slice(i + 1));
      i += taken;
      if (color) now = code === 38 ? { ...now, color } : { ...now, background: color };
    } else {
      now = simple(now, code);
    }
  }
  return now;
}

function simple(style: Style, code: number): Style {
  if (code === 0) return {};
  if (code === 1) return { ...style, bold: true };
  if (code === 2) return { ...style, faint: true };
  if (code === 3) return { ...style, italic: true };
  if (code === 4) return { ...style, underline: true };
  if (code === 22) return without(without(style, 'bold'), 'faint');
  if (code === 23) return without(style, 'italic');
  if (code === 24) return without(style, 'underline');
  if (code === 39) return without(style, 'color');
  if (code === 49) return without(style, 'background');
  if (code >= 30 && code <= 37) return { ...style, color: basic(code - 30) };
  if (code >= 90 && code <= 97) return { ...style, color: basic(code - 82) };
  if (code >= 40 && code <= 47) return { ...style, background: basic(code - 40) };
  if (code >= 100 && code <= 107) return { ...style, background: basic(code - 92) };
  return style;
}

function without(style: Style, name: keyof Style): Style {
  const { [name]: _, ...rest } = style;
  return rest;
}

/** Give a color of `38;5;n` or `38;2;r;g;b`, and how many numbers it took. */
function extended(codes: number[]): [string | null, number] {
  if (codes[0] === 5) return [indexed(codes[1] ?? 0), 2];
  if (codes[0] === 2) return [rgb(codes[1], codes[2], codes[3]), 4];
  return [null, codes.length];
}

const NAMES = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'];
const FALLBACKS = ['#3e424d', '#c5221f', '#188038', '#b06000', '#1967d2', '#a142f4', '#12858d', '#a1a6b2'];

/** One of the 16 colours, as JupyterLab's style sheets have them for outputs. */
function basic(n: number): string {
  const name = NAMES[n % 8] ?? 'black';
  const kind = n >= 8 ? '-intense' : '';
  return `var(--pathos-nb-ansi-${name}${kind}, ${FALLBACKS[n % 8] ?? '#888'})`;
}

function indexed(n: number): string | null {
  if (!(n >= 0 && n <= 255)) return null;
  if (n < 16) return basic(n);
  if (n >= 232) return rgb(8 + 10 * (n - 232), 8 + 10 * (n - 232), 8 + 10 * (n - 232));
  const level = (k: number): number => (k === 0 ? 0 : 55 + 40 * k);
  return rgb(level(Math.floor((n - 16) / 36)), level(Math.floor((n - 16) / 6) % 6), level((n - 16) % 6));
}

function rgb(...channels: (number | undefined)[]): string {
  return `rgb(${channels.map((c) => Math.max(0, Math.min(255, Math.round(c ?? 0) || 0))).join(', ')})`;
}
