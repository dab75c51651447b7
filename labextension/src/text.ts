// Figures and foreign text in words that are short and harmless.

const BIDI = /[\u202a-\u202e\u2066-\u2069\u200e\u200f\u061c]/g;
// Controls that have no shape, but for tab, line feed, carriage return and escape, which ansi.ts reads.
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001a\u001c-\u001f\u007f-\u009f]/g;

const THOUSANDS = /\B(?=(\d{3})+$)/g;

/** Give a whole number with its thousands apart. (A browser takes 20 ms to get its own formats ready.) */
export function count(n: number): string {
  return n.toFixed(0).replace(THOUSANDS, ',');
}

/** Give a number and its noun: `1 worker`, `2 workers`. */
export function many(n: number, noun: string): string {
  return `${count(n)} ${noun}${n === 1 ? '' : 's'}`;
}

/** Give seconds as a person says them: `0.24 s`, `7.5 s`, `3 min 05 s`, `2 h 07 min`, `3 d 4 h`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '–';
  if (seconds < 0.0995) return `${(seconds * 1000).toFixed(seconds < 0.00995 ? 1 : 0)} ms`;
  if (seconds < 0.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.round(whole / 3600);
  return `${count(Math.floor(hours / 24))} d ${hours % 24} h`;
}

/** Give a speed: `1,234/s`, `3.2/s`, `12/min`, `2.5/h`. */
export function speed(perSecond: number): string {
  if (!Number.isFinite(perSecond) || perSecond <= 0) return '–';
  if (perSecond >= 10) return `${count(perSecond)}/s`;
  if (perSecond >= 1) return `${perSecond.toFixed(1)}/s`;
  const perMinute = perSecond * 60;
  if (perMinute >= 1) return `${perMinute.toFixed(perMinute < 10 ? 1 : 0)}/min`;
  return `${(perSecond * 3600).toFixed(1)}/h`;
}

/** Give a share of one, in percent. */
export function percent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(100 * Math.min(1, Math.max(0, share)))} %` : '–';
}

/** Cut a text that is too long, saying how much is left out. */
export function cut(text: string, limit: number): string {
  return text.length <= limit ? text : `${text.slice(0, limit)}… (${count(text.length - limit)} more characters)`;
}

/**
 * Give a text of others in a form that cannot deceive: characters that turn the direction of what follows, or that
 * have no shape, are named instead.
 */
export function plain(text: string, limit = 2_000): string {
  const short = cut(text, limit);
  return short.replace(BIDI, named).replace(CONTROLS, '\ufffd');
}

/** The same on one line. */
export function line(text: string, limit = 300): string {
  return plain(text.slice(0, 4 * limit).replace(/\s+/g, ' ').trim(), limit);
}

function named(character: string): string {
  return `‹U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}›`;
}

function two(n: number): string {
  return String(n).padStart(2, '0');
}
