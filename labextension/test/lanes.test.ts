import { describe, expect, it } from 'vitest';
import { fromBins, fromClose, fromIndex, Pixels } from '../src/run/columns';
import type { Close } from '../src/run/closer';
import { isWanted } from '../src/run/looker';
import { between, laidOut, rowAt } from '../src/run/rows';
import { N_BINS, Tracks } from '../src/run/tracks';
import { clamped, followed, panned, ticks, whole, zoomed } from '../src/run/viewport';
import { appended, emptyLog } from '../src/spans';
import { stateOf } from '../src/state';
import { figures, lane, record, spans } from './things';

const lanes = (n: number, hosts: number): Map<number, ReturnType<typeof lane>> =>
  new Map(Array.from({ length: n }, (_, i) => [i, lane(i, { host: `node${i % hosts}` })]));

describe('what is seen of the timeline', () => {
  it('zooms around a moment that stays where it is, and stays inside the run', () => {
    const view = zoomed(whole(100), 4, 50, 100);
    expect([view.from_s, view.to_s, view.isWhole]).toEqual([37.5, 62.5, false]);
    expect(zoomed(view, 0.01, 50, 100)).toEqual(whole(100));
    expect(zoomed(whole(100), 1e12, 30, 100).to_s).toBeGreaterThan(30);
    expect(clamped(90, 120, 100)).toEqual({ from_s: 70, to_s: 100, isWhole: false });
  });

  it('moves only when there is somewhere to go, and follows the run only as a whole', () => {
    expect(panned(whole(100), 10, 100)).toEqual(whole(100));
    expect(panned(clamped(10, 20, 100), -50, 100).from_s).toBe(0);
    expect(followed(whole(100), 130).to_s).toBe(130);
    expect(followed(clamped(10, 20, 100), 130).to_s).toBe(20);
  });

  it('has round marks, far enough apart', () => {
    expect(ticks(whole(100), 900).map((tick) => tick.label)).toEqual([
      '0 s', '10 s', '20 s', '30 s', '40 s', '50 s', '1:00', '1:10', '1:20', '1:30', '1:40',
    ]);
    expect(ticks(clamped(3_661, 3_661.5, 9_000), 300).map((tick) => tick.label)).toEqual(['1:01:01.0', '1:01:01.2', '1:01:01.4']);
    expect(ticks(whole(1e7), 300).length).toBeLessThan(8);
  });
});

describe('rows', () => {
  it('are the workers of one host, or hosts with their workers', () => {
    expect(laidOut(lanes(3, 1), new Map()).rows.map((row) => row.kind)).toEqual(['lane', 'lane', 'lane']);
    expect(laidOut(lanes(4, 2), new Map()).rows.map((row) => row.lane)).toEqual([-1, 0, 2, -1, 1, 3]);
  });

  it('stand by their numbers, whoever was heard of first', () => {
    const heard = ['processes-10', 'processes-2', 'processes-1'].map((worker, i): [number, ReturnType<typeof lane>] => [i, lane(i, { worker })]);
    expect(laidOut(new Map(heard), new Map()).rows.map((row) => row.lane)).toEqual([2, 1, 0]);
  });

  it('of a thousand workers are their hosts, until one is opened', () => {
    expect(laidOut(lanes(1_000, 20), new Map()).rows).toHaveLength(20);
    const opened = laidOut(lanes(1_000, 20), new Map([['node3', false]]));
    expect(opened.rows).toHaveLength(70);
    const row = opened.rows[10];
    expect(row && rowAt(opened, row.y + 1)).toBe(row);
    expect(rowAt(opened, opened.height + 1)).toBeNull();
    expect(between(opened, 100, 120).every((one) => one.y < 120 && one.y + one.height > 100)).toBe(true);
  });
});

describe('tracks', () => {
  it('keep all work in their bins however long the run goes on', () => {
    const tracks = new Tracks();
    let log = emptyLog();
    for (let i = 0; i < 300; i++) {
      log = appended(log, spans([0, 3 * i, 3 * i + 2, 4, i % 2]));
      tracks.follow(log, lanes(2, 2));
    }
    const bins = tracks.lane(0)?.bins;
    expect(tracks.width_s * N_BINS).toBeGreaterThan(900);
    expect(bins?.busy.reduce((a, b) => a + b, 0)).toBeCloseTo(600, 1);
    expect(bins?.failed.reduce((a, b) => a + b, 0)).toBeCloseTo(75, 1);
    expect(tracks.host('node0')?.busy.reduce((a, b) => a + b, 0)).toBeCloseTo(600, 1);
  });

  it('give pixels the same share of work, from bins and from spans', () => {
    const tracks = new Tracks();
    const log = appended(emptyLog(), spans(...Array.from({ length: 400 }, (_, i): [number, number, number] => [0, i, i + 0.5])));
    tracks.follow(log, lanes(1, 1));
    const track = tracks.lane(0);
    const [one, other] = [new Pixels(100, whole(400)), new Pixels(100, whole(400))];
    if (!track || !tracks.columns) throw new Error('no track');
    fromBins(one, track.bins, tracks.width_s, 1);
    fromIndex(other, track.index, tracks.columns);
    const mean = (values: Float32Array): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(one.busy)).toBeCloseTo(0.5, 1);
    expect(Math.abs(mean(one.busy) - mean(other.busy))).toBeLessThan(0.06);
  });

  it('go on where a closer look that was asked for a moment ago ends', () => {
    const tracks = new Tracks();
    tracks.follow(appended(emptyLog(), spans([0, 0, 6], [0, 6, 9], [0, 9, 10])), lanes(1, 1));
    const items = { lane: [0, 0], start_s: [0, 3], end_s: [3, 6], index: [0, 1], label: ['', ''], is_failed: [false, false] };
    const close = { spans: spans(), items, spanRows: new Map(), itemRows: new Map([[0, [0, 1]]]) } as unknown as Close;
    const pixels = new Pixels(100, { from_s: 0, to_s: 10, isWhole: false });
    const track = tracks.lane(0);
    const known_s = fromClose(pixels, close, 0);
    if (!track || !tracks.columns || known_s === null) throw new Error('no track');
    expect(known_s).toBe(6);
    expect(pixels.busy[95]).toBe(0);
    fromIndex(pixels, track.index, tracks.columns, known_s);
    expect([...pixels.busy].filter((share) => share < 0.5)).toHaveLength(4); // a pixel after each
    expect(fromClose(new Pixels(100, whole(10)), close, 1)).toBeNull();
  });

  it('are the same whether rows were put together under them or before', () => {
    const tracks = new Tracks();
    let log = emptyLog();
    for (let i = 0; i < 200; i++) {
      log = appended(log, spans(...Array.from({ length: 10 }, (_, k): [number, number, number] => [k % 2, i + k / 10, i + k / 10 + 0.1])), 256);
      tracks.follow(log, lanes(2, 1));
    }
    const anew = new Tracks();
    anew.follow(log, lanes(2, 1));
    const sum = (values: Float32Array | undefined): number => values?.reduce((a, b) => a + b, 0) ?? 0;
    for (const lane of [0, 1]) {
      expect(sum(tracks.lane(lane)?.bins.busy)).toBeCloseTo(100, 1);
      expect(sum(anew.lane(lane)?.bins.busy)).toBeCloseTo(100, 1);
      const [one, other] = [tracks.lane(lane)?.index, anew.lane(lane)?.index];
      expect(one?.rows.slice(0, one.n)).toEqual(other?.rows.slice(0, other.n));
    }
  });

  it('show one failure among a thousand items', () => {
    const tracks = new Tracks();
    tracks.follow(appended(emptyLog(), spans([0, 0, 10, 1_000, 1])), lanes(1, 1));
    const pixels = new Pixels(50, whole(10));
    const bins = tracks.lane(0)?.bins;
    if (bins) fromBins(pixels, bins, tracks.width_s, 1);
    expect(pixels.failed.some((share) => share > 0)).toBe(true);
  });
});

describe('a closer look', () => {
  const state = stateOf(record({ figures: figures({ n_done: 1_000_000, elapsed_s: 100 }) }), 0);
  const seen = { closer: null, state, now_s: 100, width: 500, lanes: [0, 1] };
  const none: ReadonlySet<number> = new Set();

  it('is wanted only where single items can be told apart', () => {
    expect(isWanted({ ...seen, view: whole(100) }, none)).toBe(false);
    expect(isWanted({ ...seen, view: clamped(50, 51, 100) }, none)).toBe(true);
  });

  it('is not wanted again as long as it has all that is seen', () => {
    const window = { type: 'window' as const, id: 1, run: 'r1', from_s: 49, to_s: 52, spans: spans(),
      items: { lane: [], start_s: [], end_s: [], index: [], label: [], is_failed: [] } };
    const closer = { window, end_s: 100 };
    expect(isWanted({ ...seen, closer, view: clamped(50, 51, 100) }, new Set([0, 1]))).toBe(false);
    expect(isWanted({ ...seen, closer, view: clamped(50, 51, 100) }, new Set([0]))).toBe(true);
    expect(isWanted({ ...seen, closer, view: clamped(60, 61, 100) }, new Set([0, 1]))).toBe(true);
  });
});
