// Words and numbers for a person; a number and its unit stay on one line. What comes from outside is cut, and cannot colour or turn around its neighbours.
import { count as whole } from '../text';

const ESCAPES = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|[@-_])/g;
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;
const MOST = 8000;

/** Give text without ANSI sequences, control and bidi characters, and not endlessly long. */
export function plain(text: string, most: number = MOST): string {
  const cut = text.length > 4 * most ? text.slice(0, 4 * most) : text;
  const clean = cut.replace(ESCAPES, '').replace(CONTROLS, '');
  return clean.length > most ? `${clean.slice(0, most - 1)}…` : clean;
}

/** Give one line of it; what is kept together by a space that does not break stays so. */
export function line(text: string): string {
  return plain(text, 200).replace(/[^\S\u00a0]+/g, ' ').trim();
}

export function bytes(count: number): string {
  let size = count;
  for (const unit of ['B', 'kB', 'MB', 'GB']) {
    if (size < 1000) return `${size < 10 && unit !== 'B' ? size.toFixed(1) : Math.round(size)}\u00a0${unit}`;
    size /= 1000;
  }
  return `${size < 10 ? size.toFixed(1) : Math.round(size)}\u00a0TB`;
}

export function milliseconds(ms: number): string {
  return ms < 10 ? `${ms.toFixed(1)}\u00a0ms` : ms < 1000 ? `${Math.round(ms)}\u00a0ms` : seconds(ms / 1000);
}

export function seconds(s: number): string {
  if (s < 1) return `${Math.round(s * 1000)}\u00a0ms`;
  if (s < 60) return `${s < 10 ? s.toFixed(1) : Math.round(s)}\u00a0s`;
  if (s < 3600) return `${Math.floor(s / 60)}\u00a0min\u00a0${Math.round(s % 60)}\u00a0s`;
  return `${Math.floor(s / 3600)}\u00a0h\u00a0${Math.round((s % 3600) / 60)}\u00a0min`;
}

/** Give a date and the time of day there was, here: `Mon Nov 23 2026 14:03:22`. */
export function moment(at_s: number): string {
  return String(new Date(1000 * at_s)).slice(0, 24);
}

export function count(n: number, one: string, many = `${one}s`): string {
  return `${whole(n)} ${n === 1 ? one : many}`;
}

/** Put together what there is; a line that is broken ends with the point between two. */
export function joined(parts: readonly (string | null | undefined | false)[], by = '\u00a0· '): string {
  return parts.filter(Boolean).join(by);
}
