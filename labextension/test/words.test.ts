import { describe, expect, it } from 'vitest';
import { fill, pieces, withoutColors } from '../src/ansi';
import { count, duration, line, percent, plain, speed } from '../src/text';

describe('figures in words', () => {
  it.each([
    [0.00042, '0.4 ms'], [0.042, '42 ms'], [0.42, '0.42 s'], [7.46, '7.5 s'], [59.6, '1 min 00 s'], [125, '2 min 05 s'],
    [7_620, '2 h 07 min'], [360_000, '4 d 4 h'], [Infinity, '–'],
  ])('%f seconds are %s', (seconds, words) => expect(duration(seconds)).toBe(words));

  it.each([[1_234.4, '1,234/s'], [3.21, '3.2/s'], [0.5, '30/min'], [0.001, '3.6/h'], [0, '–']])(
    '%f a second is %s', (rate, words) => expect(speed(rate)).toBe(words));

  it('thousands stand apart', () => expect([0, 999, 1_000, 12_345_678.6].map(count)).toEqual(['0', '999', '1,000', '12,345,679']));

  it('a share is a percentage, never above 100', () => expect([percent(0.866), percent(1.2)]).toEqual(['87 %', '100 %']));
});

describe('text of others', () => {
  it('cannot turn the direction of what follows', () => {
    expect(plain('a\u202eb\u2066c')).toBe('a‹U+202E›b‹U+2066›c');
  });

  it('of 10 MB is cut at once', () => {
    const begin = performance.now();
    expect(line('x'.repeat(10_000_000)).length).toBeLessThan(400);
    const all = pieces('\u001b[31m' + 'y'.repeat(10_000_000));
    expect(all.reduce((sum, piece) => sum + piece.text.length, 0)).toBeLessThan(3_000);
    expect(performance.now() - begin).toBeLessThan(2_000);
  });

  it('becomes text in the document, whatever it says', () => {
    const element = document.createElement('pre');
    fill(element, '<script>alert(1)</script><img src=x onerror=alert(1)> \u001b[31m<b>red</b>\u001b[0m');
    expect(element.querySelectorAll('script, img, b')).toHaveLength(0);
    expect(element.textContent).toBe('<script>alert(1)</script><img src=x onerror=alert(1)> <b>red</b>');
    expect(element.querySelector('span')?.style.color).toMatch(/ansi-red/);
  });
});

describe('colours of a terminal', () => {
  it('are read in all their forms, and end where they end', () => {
    const found = pieces('\u001b[1;31mbad\u001b[22m less\u001b[0m none \u001b[38;5;208mo\u001b[48;2;1;2;3mb\u001b[39mc');
    expect(found.map(({ text, style }) => [text, style.bold ?? false, style.color ?? '', style.background ?? ''])).toEqual([
      ['bad', true, expect.stringMatching(/red/), ''], [' less', false, expect.stringMatching(/red/), ''], [' none ', false, '', ''],
      ['o', false, 'rgb(255, 135, 0)', ''], ['b', false, 'rgb(255, 135, 0)', 'rgb(1, 2, 3)'], ['c', false, '', 'rgb(1, 2, 3)'],
    ]);
  });

  it('come without what else a terminal is told', () => {
    expect(withoutColors('\u001b]0;title\u0007a\u001b[2Kb\u001b[?25lc\u001b(')).toMatch(/^abc/);
    expect(withoutColors('\u001b]8;;javascript:alert(1)\u001b\\link\u001b]8;;\u001b\\')).toBe('link');
  });

  it('show of a line what was written last', () => {
    expect(withoutColors(' 10%\r 50%\r100%\r\ndone')).toBe('100%\ndone');
  });
});
