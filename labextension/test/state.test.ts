import { describe, expect, it } from 'vitest';
import { readRecord } from '../src/record';
import { appended, asSpans, compacted, emptyLog } from '../src/spans';
import {
  asRecord, efficiency, elapsed, MAX_FAILURES, MAX_LANES, MAX_PRINTED_CHARACTERS, reduce, stateOf, type State,
} from '../src/state';
import { delta, figures, lane, record, spans } from './things';

const NOW = 1_000_000;

function begun(): State {
  return stateOf(record(), NOW);
}

function after(...deltas: Parameters<typeof delta>[0][]): State {
  return deltas.reduce<State>((state, over) => reduce(state, delta(over), NOW) ?? state, begun());
}

describe('a delta', () => {
  it('adds lanes, spans, failures and output, and leaves the state before as it was', () => {
    const before = begun();
    const next = reduce(before, delta({
      figures: figures({ n_done: 41 }), lanes: [lane(1, { n_items: 21 }), lane(2)], spans: spans([2, 1, 2]),
      failures: [{ index: 7, label: 'm=7', error: 'E', worker: 'w1', traceback: 'T' }], printed: [{ index: 8, label: '', text: 'hi' }],
    }), NOW);
    expect([...(next?.lanes.keys() ?? [])]).toEqual([0, 1, 2]);
    expect(next?.lanes.get(1)?.n_items).toBe(21);
    expect(next?.figures.n_done).toBe(41);
    expect(next && asSpans(next.spans).lane).toEqual([0, 1, 2]);
    expect(next?.failures).toHaveLength(1);
    expect(next?.printed).toHaveLength(1);
    expect(asSpans(before.spans).lane).toEqual([0, 1]);
    expect(before.lanes.size).toBe(2);
  });

  it('of another run changes nothing', () => {
    const before = begun();
    expect(reduce(before, delta({ run: 'other' }), NOW)).toBe(before);
  });

  it('before the whole is known is shown too', () => {
    const state = reduce(null, delta({ lanes: [lane(0)], spans: spans([0, 0, 1]) }), NOW);
    expect(state?.head.run).toBe('r1');
    expect(state?.head.can_cancel).toBe(true);
    expect(state?.spans.n).toBe(1);
  });
});

describe('the state is bounded', () => {
  it('in workers, counting those that are left out', () => {
    const state = after({ lanes: Array.from({ length: MAX_LANES + 50 }, (_, i) => lane(i)) });
    expect(state.lanes.size).toBe(MAX_LANES);
    expect(state.nMoreLanes).toBe(50);
  });

  it('in failures: the first ones stay', () => {
    const rows = Array.from({ length: 700 }, (_, index) => ({ index, label: '', error: 'E', worker: '', traceback: '' }));
    const state = after({ failures: rows }, { failures: rows, n_more_failures: 5 });
    expect(state.failures).toHaveLength(MAX_FAILURES);
    expect(asRecord(state).n_more_failures).toBe(1_400 - MAX_FAILURES + 5);
  });

  it('in output: the latest stays, a line of 10 MB is cut, and no character is lost without being counted', () => {
    const long = { index: 0, label: '', text: 'x'.repeat(10_000_000) };
    const rows = Array.from({ length: 300 }, (_, index) => ({ index, label: '', text: `${index} `.repeat(2_000) }));
    const state = after({ printed: [long] }, { printed: rows });
    const came = long.text.length + rows.reduce((sum, row) => sum + row.text.length, 0);
    expect(state.printed.at(-1)?.index).toBe(299);
    expect(state.nPrintedCharacters).toBeLessThanOrEqual(MAX_PRINTED_CHARACTERS);
    expect(state.nPrintedCharacters + state.nCutPrinted).toBe(came);
  });
});

describe('spans', () => {
  it('are put together when there are too many, on their lanes, with nothing lost', () => {
    let log = emptyLog();
    let items = 0;
    for (let i = 0; i < 200; i++) {
      const some = spans(...Array.from({ length: 50 }, (_, k): [number, number, number, number, number] =>
        [k % 5, i + k / 50, i + (k + 4) / 50, 3, k === 7 ? 1 : 0]));
      log = appended(log, some, 1_000);
      items += 150;
      expect(log.n).toBeLessThanOrEqual(1_000);
    }
    const rows = asSpans(log);
    expect(rows.n_items.reduce((a, b) => a + b, 0)).toBe(items);
    expect(rows.n_failed.reduce((a, b) => a + b, 0)).toBe(200);
    expect(rows.busy_s.reduce((a, b) => a + b, 0)).toBeCloseTo(200 * 50 * 0.08, 0);
    expect(new Set(rows.lane)).toEqual(new Set([0, 1, 2, 3, 4]));
    expect(log.end_s).toBeCloseTo(200.06);
    expect(Math.max(...rows.end_s.map((end, i) => end - (rows.start_s[i] ?? 0)))).toBeLessThan(10);
  });

  it('of two states that go on from the same one do not disturb each other', () => {
    const base = appended(emptyLog(), spans([0, 0, 1]));
    const one = appended(base, spans([1, 1, 2]));
    const other = appended(base, spans([2, 1, 3]));
    expect([asSpans(one).lane, asSpans(other).lane, asSpans(base).lane]).toEqual([[0, 1], [0, 2], [0]]);
  });

  it('that no neighbour is near stay at one a lane at least', () => {
    const log = compacted(appended(emptyLog(), spans([0, 0, 1], [1, 5, 6], [0, 900, 901])), 1);
    expect(new Set(asSpans(log).lane)).toEqual(new Set([0, 1]));
  });
});

describe('the clock', () => {
  it('goes on between messages, but not for ever, and not after the end', () => {
    const state = begun();
    expect(elapsed(state, NOW + 1_500)).toBeCloseTo(6.5);
    expect(elapsed(state, NOW + 3_600_000)).toBeCloseTo(10);
    const ended = reduce(state, { type: 'ended', run: 'r1', figures: figures({ state: 'done' }) }, NOW);
    expect(ended && elapsed(ended, NOW + 1_500)).toBe(5);
  });

  it('gives no efficiency where there is no time', () => {
    expect(efficiency(figures({ elapsed_s: 0 }))).toBeNull();
    expect(efficiency(figures({ elapsed_s: 5, busy_s: 9, n_slots: 2 }))).toBeCloseTo(0.9);
  });
});

describe('a record from a file', () => {
  it('goes to the state and back', () => {
    expect(asRecord(stateOf(record(), NOW))).toEqual(record());
  });

  it('that is damaged or of another version is told in words', () => {
    expect(readRecord('<script>')).toMatch(/no record/);
    expect(readRecord({ version: 1, head: 3 })).toMatch(/damaged/);
    expect(readRecord({ version: 2 })).toMatch(/version 2 of its form, and version 1 is known/);
  });

  it('whose parts are not what they should be is read as far as it goes', () => {
    const odd = readRecord({
      version: 1, head: { title: 3 }, figures: { state: 'exploded', n_done: 'many' }, lanes: [null, 7, { lane: 0 }],
      spans: { lane: [0, 1], start_s: 'x', end_s: [1] }, failures: {}, printed: [{ text: ['a'] }],
    });
    expect(typeof odd).toBe('object');
    if (typeof odd === 'string') return;
    const state = stateOf(odd, NOW);
    expect(state.figures.state).toBe('done');
    expect(state.lanes.size).toBe(1);
    expect(asSpans(state.spans).end_s).toEqual([1, 0]);
    expect(state.printed).toEqual([{ index: 0, label: '', text: '' }]);
  });
});
