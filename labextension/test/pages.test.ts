// What a page knows besides what its cells show: the view's code, and runs that were begun before it was loaded.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Model } from '../src/comm';
import { knownViews, type Render } from '../src/known_views';
import { OrphanChannel } from '../src/lab/orphan_channel';
import loader from '../src/loader';
import type { ToFront, ToKernel } from '../src/protocol';
import { delta, figures, record, spans } from './things';

const done: Render = () => () => undefined;

function model(traits: Record<string, unknown>): Model & { sent: unknown[]; hear: (content: unknown) => void } {
  const callbacks = new Set<(content: unknown) => void>();
  const sent: unknown[] = [];
  return {
    sent, get: (name) => traits[name], send: (content) => sent.push(content),
    on: (_, callback) => callbacks.add(callback), off: (_, callback) => callbacks.delete(callback),
    hear: (content) => callbacks.forEach((callback) => callback(content)),
  };
}

describe('the few lines that each widget brings', () => {
  const el = document.createElement('div');
  beforeEach(() => {
    vi.useFakeTimers();
    Object.assign(knownViews(), { extension: null });
    knownViews().byDigest.clear();
  });
  afterEach(() => vi.useRealTimers());

  it('take the view that is in the page, and the extension’s if it speaks the same messages', async () => {
    const extension = vi.fn(done);
    knownViews().extension = { protocol: 1, render: extension };
    await loader.render({ model: model({ digest: 'a', protocol: 1 }), el });
    expect(extension).toHaveBeenCalledTimes(1);
    const earlier = vi.fn(done);
    knownViews().byDigest.set('b', Promise.resolve(earlier));
    await loader.render({ model: model({ digest: 'b', protocol: 2 }), el });
    expect(earlier).toHaveBeenCalledTimes(1);
  });

  it('ask the kernel where there is none, until it answers', async () => {
    const asking = model({ digest: 'c', protocol: 1 });
    const drawn = loader.render({ model: asking, el });
    vi.advanceTimersByTime(1_000);
    expect(asking.sent).toEqual([{ type: 'code' }, { type: 'code' }, { type: 'code' }]); // at 0, 0.3 and 0.9 s
    vi.advanceTimersByTime(60_000);
    expect(asking.sent.length).toBeLessThan(10); // a cell that blocks has them all answered at its end
    asking.hear({ type: 'code', text: 'no module' });
    await expect(drawn).rejects.toThrow();
    expect(knownViews().byDigest.has('c')).toBe(false); // the next run tries again
  });
});

describe('the few lines that each widget brings, where its kernel has gone', () => {
  it('do not ask for ever', async () => {
    vi.useFakeTimers();
    const asking = model({ digest: 'd', protocol: 1 });
    const drawn = loader.render({ model: asking, el: document.createElement('div') });
    let nAsks = 0;
    asking.send = () => {
      nAsks += 1;
      throw new Error('Cannot send');
    };
    vi.advanceTimersByTime(3_000);
    vi.useRealTimers();
    await expect(drawn).rejects.toThrow('Cannot send');
    expect(nAsks).toBe(1);
  });
});

describe('a run that was begun before the page was loaded', () => {
  it('is asked for until it comes whole, and tells it to every view that opens', async () => {
    vi.useFakeTimers();
    const sent: ToKernel[] = [];
    const begun: string[] = [];
    const channel = new OrphanChannel('c1', (message) => sent.push(message), ({ head }) => begun.push(head.run));
    channel.hear(delta());
    vi.advanceTimersByTime(2_500);
    expect(sent.map((message) => message.type)).toEqual(['open', 'open', 'open']);
    expect(begun).toEqual([]); // a part of a run is not shown as if it were one
    channel.hear({ type: 'run', record: record() });
    channel.hear(delta({ figures: figures({ n_done: 60 }), spans: spans([0, 2, 3]) }));
    vi.useRealTimers();
    expect([begun, channel.run]).toEqual([['r1'], 'r1']);

    const heard: ToFront[] = [];
    channel.onMessage((message) => heard.push(message));
    channel.send({ type: 'open', version: 1 });
    await Promise.resolve();
    expect(heard[0]).toMatchObject({ type: 'run', record: { figures: { n_done: 60 }, spans: { lane: [0, 1, 0] } } });
    channel.send({ type: 'cancel', run: 'r1' });
    expect(sent.slice(3)).toEqual([{ type: 'keep' }, { type: 'cancel', run: 'r1' }]);
  });

  it('is told to be cut off when its kernel goes', () => {
    const channel = new OrphanChannel('c1', () => undefined, () => undefined);
    const kinds: string[] = [];
    channel.onMessage({ message: () => undefined, problem: ({ kind }) => kinds.push(kind) });
    channel.lose();
    channel.lose();
    expect(kinds).toEqual(['gone']);
  });
});
