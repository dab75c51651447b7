import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { asPart, layOut, MAX_NODES, withPart } from '../src/profile';
import { mountRun, type RunView } from '../src/run/run_view';
import { readRecord } from '../src/record';
import { asRecord, reduce, stateOf } from '../src/state';
import { delta, fakeCanvas, frame, profilePart, record, TestChannel } from './things';

const FIRST = profilePart([0, 0, 'all', 1000], [1, 0, 'work', 1000], [2, 1, 'slow', 700], [3, 1, 'time.sleep', 300, 2]);

describe('what is known of a profile', () => {
  it('is made of the first part, and changed by the next ones', () => {
    const profile = withPart(withPart(null, FIRST), profilePart([0, 0, 'all', 1500], [1, 0, 'work', 1500], [4, 1, 'new', 500]));
    expect(profile.nodes.get(1)?.total_ms).toBe(1500);
    expect([...profile.nodes.values()].map((node) => node.name)).toEqual(['all', 'work', 'slow', 'time.sleep', 'new']);
    expect(withPart(null, asPart(profile) ?? FIRST)).toEqual(profile);
  });

  it('is laid out by callers, each as wide as its time', () => {
    const boxes = layOut(withPart(null, FIRST), 0, 0.01);
    expect(boxes.map((box) => [box.node.name, box.depth, Math.round(100 * box.left), Math.round(100 * box.right)])).toEqual([
      ['all', 0, 0, 100], ['work', 1, 0, 100], ['time.sleep', 2, 70, 100], ['slow', 2, 0, 70],
    ]);
    expect(layOut(withPart(null, FIRST), 2, 0.01).map((box) => [box.node.name, box.left, box.right])).toEqual([['slow', 0, 1]]);
  });

  it('takes no orphans, and no more than there may be', () => {
    const many = profilePart([0, 0, 'all', 9], ...Array.from({ length: MAX_NODES + 50 }, (_, i): [number, number, string, number] => [i + 1, 0, 'f', 1]), [99_999, 88_888, 'orphan', 5]);
    const { nodes } = withPart(null, many);
    expect(nodes.size).toBe(MAX_NODES);
    expect([...nodes.values()].some((node) => node.name === 'orphan')).toBe(false);
  });

  it('belongs to its run, and is in what is downloaded', () => {
    const state = stateOf(record({ profile: FIRST }), 0);
    const next = reduce(state, { type: 'profile', run: 'r1', part: profilePart([0, 0, 'all', 2000]) }, 0);
    expect(next?.profile?.nodes.get(0)?.total_ms).toBe(2000);
    expect(reduce(state, { type: 'profile', run: 'other', part: FIRST }, 0)).toBe(state);
    expect(asRecord(state).profile?.nodes.id).toEqual([0, 1, 2, 3]);
    expect(readRecord(JSON.parse(JSON.stringify(record({ profile: FIRST }))))).toMatchObject({ profile: FIRST });
    expect(readRecord({ ...record(), profile: { nodes: { id: [1, 2] }, functions: 7 } })).toMatchObject({ profile: { nodes: { name: ['', ''] } } });
    const old: Record<string, unknown> = { ...record() };
    delete old['profile'];
    expect(stateOf(old as unknown as ReturnType<typeof record>, 0).profile).toBeNull();
  });
});

describe('the view of a profile', () => {
  let element: HTMLElement;
  let view: RunView;
  let channel: TestChannel;

  beforeEach(() => {
    fakeCanvas();
    element = document.createElement('div');
    document.body.append(element);
    channel = new TestChannel();
    view = mountRun(element, channel, record());
  });
  afterEach(() => view.destroy());

  const boxes = (): string[] => [...element.querySelectorAll('.pathos-nb-box')].map((box) => box.textContent);

  it('is not there for a run that has none, and comes with the first part', async () => {
    expect(element.querySelector<HTMLElement>('.pathos-nb-flames')?.hidden).toBe(true);
    channel.say({ type: 'profile', run: 'r1', part: FIRST });
    await frame();
    expect(element.querySelector<HTMLElement>('.pathos-nb-flames')?.hidden).toBe(false);
    expect(new Set(boxes())).toEqual(new Set(['all', 'work', 'slow', 'time.sleep']));
    expect(element.querySelector('.pathos-nb-profile summary')?.textContent).toMatch(/profile: 1\.0 s in 10 samples.*Python 70 %.*waiting 30 %/);
  });

  it('shows names as text, whatever is in them', async () => {
    channel.say({ type: 'profile', run: 'r1', part: FIRST });
    await frame();
    expect(element.querySelector('.pathos-nb-by-function tbody')?.textContent).toMatch(/0\.70 s.*0\.90 s.*slow<b>.*a\.py:1.*Python.*3/);
    expect(element.querySelector('.pathos-nb-by-function b')).toBeNull();
    expect(element.querySelector('.pathos-nb-by-worker tbody')?.textContent).toMatch(/w0.*1\.0 s.*0\.25 s2\.0 ms3\.4\u00a0kB0\u00a0B52\u00a0MB/);
    expect(element.querySelector('.pathos-nb-by-point tbody')?.textContent).toBe('0.75 sx=<b>3w0');
    expect([...element.querySelectorAll('.pathos-nb-by-point summary')].map((each) => each.textContent)).toEqual(['longest points', 'most memory']);
  });

  it('enters a function by a click, and comes back', async () => {
    channel.say({ type: 'profile', run: 'r1', part: FIRST });
    await frame();
    element.querySelector<HTMLElement>('[data-node="2"]')?.click();
    expect(boxes()).toEqual(['slow']);
    channel.say({ type: 'profile', run: 'r1', part: profilePart([2, 1, 'slow', 800]) });
    await frame();
    expect(boxes()).toEqual(['slow']);
    element.querySelector<HTMLElement>('.pathos-nb-profile > .pathos-nb-small')?.click();
    expect(boxes()).toHaveLength(4);
  });

  it('keeps the element of a function while others come and go', async () => {
    channel.say({ type: 'profile', run: 'r1', part: FIRST });
    await frame();
    const before = element.querySelector('[data-node="2"]');
    channel.say({ type: 'profile', run: 'r1', part: profilePart([0, 0, 'all', 3000], [1, 0, 'work', 3000], [5, 1, 'other', 2000]) });
    channel.say(delta());
    await frame();
    expect(element.querySelector('[data-node="2"]')).toBe(before);
    expect(boxes()).toContain('other');
  });
});
