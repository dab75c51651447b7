import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fromNothing, GONE } from '../src/comm';
import { keptAtTheEnd } from '../src/lab/kept';
import { asCsv, asTable, fileName } from '../src/run/exports';
import { laidOut } from '../src/run/rows';
import { mountRun, type RunView } from '../src/run/run_view';
import { stateOf } from '../src/state';
import { delta, fakeCanvas, figures, frame, lane, record, spans, TestChannel, type Drawn } from './things';

let drawn: Drawn;
let element: HTMLElement;
let view: RunView | null = null;

beforeEach(() => {
  drawn = fakeCanvas();
  element = document.createElement('div');
  document.body.append(element);
});

afterEach(() => {
  view?.destroy();
  view = null;
  vi.useRealTimers();
});

function mounted(over: Parameters<typeof record>[0] = {}): TestChannel {
  const channel = new TestChannel();
  view = mountRun(element, channel, record(over));
  return channel;
}

const text = (selector: string): string => element.querySelector(selector)?.textContent ?? '(none)';
const isShown = (selector: string): boolean => element.querySelector<HTMLElement>(selector)?.hidden === false;
const click = (selector: string): void => element.querySelector<HTMLElement>(selector)?.click();

describe('the view of a run', () => {
  it('asks for everything, and shows what is known before the answer', () => {
    vi.useFakeTimers({ toFake: ['Date'] }); // the clock that is shown goes on
    const channel = mounted();
    expect(channel.sent).toEqual([{ type: 'open', version: 1 }]);
    expect(text('.pathos-nb-title')).toBe('score(m, 0)');
    expect(text('.pathos-nb-figures')).toMatch(/40 \/ 100 done.*2 failed.*8\.0\/s.*7\.5 s left.*5\.0 s elapsed.*90 % efficiency.*2 workers/);
    const bar = element.querySelector('[role=progressbar]');
    expect([bar?.getAttribute('aria-valuenow'), bar?.getAttribute('aria-valuemax')]).toEqual(['40', '100']);
  });

  it('draws what comes, once a frame', async () => {
    const channel = mounted();
    for (let i = 41; i <= 60; i++) channel.say(delta({ figures: figures({ n_done: i }), spans: spans([0, i, i + 1]) }));
    expect(text('.pathos-nb-figures')).toMatch(/40 \/ 100/);
    await frame();
    expect(text('.pathos-nb-figures')).toMatch(/60 \/ 100/);
  });

  it('draws lanes with names, work and failures in their colours, and failures cut for who sees no colours', async () => {
    const channel = mounted();
    channel.say({ type: 'run', record: record({
      figures: figures({ state: 'done', elapsed_s: 10 }), lanes: [lane(0), lane(1, { worker: 'x-other' })],
      spans: spans([0, 0, 5], [0, 6, 8, 1, 1], [1, 0, 10]),
    }) });
    await frame();
    expect(drawn.texts).toEqual(expect.arrayContaining(['w0', 'x-other', '0 s']));
    const row = (y: number): number[] => [...drawn.image.subarray(y * drawn.width, (y + 1) * drawn.width)];
    expect(new Set(row(5)).size).toBeGreaterThanOrEqual(4); // ground, idle, work, failed
    expect(new Set(row(25)).size).toBeLessThan(new Set(row(5)).size);
    const [ground, middle] = [row(0)[0], row(10)];
    const cut = row(5).map((color, x) => (color !== middle[x] ? x : -1)).filter((x) => x >= 0);
    expect(cut.length).toBeGreaterThan(40); // a fifth of the timeline, but for the names
    expect(new Set(cut.map((x) => middle[x]))).toEqual(new Set([ground]));
  });

  it('cancels by its button, which says so until the run has ended', async () => {
    const channel = mounted();
    click('.pathos-nb-cancel');
    expect(channel.sent.at(-1)).toEqual({ type: 'cancel', run: 'r1' });
    expect(text('.pathos-nb-cancel')).toBe('Cancelling…');
    channel.say({ type: 'ended', run: 'r1', figures: figures({ state: 'cancelled', n_failed: 0 }) });
    await frame();
    expect(isShown('.pathos-nb-cancel')).toBe(false);
    expect(text('.pathos-nb-state')).toBe('cancelled');
  });

  it('says what else helps when nobody answers to cancel', () => {
    vi.useFakeTimers();
    mounted();
    click('.pathos-nb-cancel');
    vi.advanceTimersByTime(11_000);
    expect(text('.pathos-nb-notice')).toMatch(/Interrupting the kernel/);
    expect(text('.pathos-nb-cancel')).toBe('Cancel');
  });

  it('of a kernel that was restarted is cut off: no clock, nothing to cancel, and what to do', async () => {
    vi.useFakeTimers();
    const channel = mounted({ figures: figures({ waits: ['waits for hpc'] }) });
    click('.pathos-nb-cancel');
    vi.advanceTimersByTime(2_000);
    channel.complain(GONE);
    vi.advanceTimersByTime(40_000);
    const n = channel.sent.length;
    vi.advanceTimersByTime(40_000);
    expect([text('.pathos-nb-state'), element.querySelector('section')?.getAttribute('aria-busy')]).toEqual(['cut off', 'false']);
    expect(text('.pathos-nb-notice')).toMatch(/restarted.*cut off.*Run the cell again/);
    expect(text('.pathos-nb-figures')).toMatch(/5\.0 s/);
    expect(text('.pathos-nb-figures')).not.toMatch(/elapsed/);
    expect(['cancel', 'retry', 'waits', 'left'].filter((name) => isShown(`.pathos-nb-${name}`))).toEqual([]);
    expect(channel.sent).toHaveLength(n);
    vi.useRealTimers();
    channel.say(delta({ figures: figures({ n_done: 60 }) })); // it was not so
    await frame();
    expect([text('.pathos-nb-state'), isShown('.pathos-nb-notice')]).toEqual(['running', false]);
  });

  it('that is over stays as it is when its kernel goes', async () => {
    mounted({ figures: figures({ state: 'done', n_failed: 0 }) });
    view?.lose();
    await frame();
    expect([text('.pathos-nb-state'), isShown('.pathos-nb-notice')]).toEqual(['done', false]);
  });

  it('offers to retry failures when it is over', async () => {
    const channel = mounted({ figures: figures({ state: 'failed' }) });
    expect(isShown('.pathos-nb-cancel')).toBe(false);
    click('.pathos-nb-retry');
    expect(channel.sent.at(-1)).toEqual({ type: 'retry', run: 'r1' });
    expect(text('.pathos-nb-retry')).toBe('Retrying…');
  });

  it('of a saved run has no button that needs a kernel', () => {
    view = mountRun(element, fromNothing(), record({ figures: figures({ state: 'failed' }) }));
    expect([isShown('.pathos-nb-cancel'), isShown('.pathos-nb-retry')]).toEqual([false, false]);
    expect(isShown('.pathos-nb-download-json')).toBe(true);
    expect(text('.pathos-nb-figures')).not.toMatch(/left/);
  });

  it('shows failures with tracebacks when they are opened, and finds them', async () => {
    mounted({
      failures: [
        { index: 3, label: 'm=3', error: '\u001b[31mValueError\u001b[0m: <script>x</script>', worker: 'w1', traceback: 'line 1\nline 2' },
        { index: 4, label: 'm=4', error: 'KeyError: k\u202e', worker: 'w0', traceback: '' },
      ],
      n_more_failures: 3, figures: figures({ n_failed: 5 }),
    });
    const list = element.querySelector<HTMLDetailsElement>('.pathos-nb-failed-points');
    expect(list?.querySelector('summary')?.textContent).toBe('5 failed');
    expect(list?.querySelectorAll('.pathos-nb-row')).toHaveLength(0);
    if (list) list.open = true;
    await vi.waitFor(() => expect(list?.querySelectorAll('.pathos-nb-row')).toHaveLength(2));
    expect(list?.textContent).toMatch(/ValueError: <script>x<\/script>.*KeyError: k‹U\+202E›.*3 more failures not kept here/);
    const row = list?.querySelector<HTMLDetailsElement>('details.pathos-nb-row');
    if (row) row.open = true;
    await vi.waitFor(() => expect(row?.querySelector('pre')?.textContent).toBe('line 1\nline 2\n\non w1'));
    const search = list?.querySelector('input');
    if (search) search.value = 'keyerror';
    search?.dispatchEvent(new Event('input'));
    await vi.waitFor(() => expect(list?.querySelectorAll('.pathos-nb-row')).toHaveLength(1));
    expect(element.querySelectorAll('script')).toHaveLength(0);
  });

  it('shows of each output the first line that says something, without what only a terminal understands', async () => {
    const printed = [
      '\u001b]8;;http://a.b\u0007link\u001b]8;;\u0007 here', '\u001b]0;title\u0007named', '\u0000\r\nfrom\u0000 a pipe\r\n',
      'carried\r\nback', ' 10%\r100%\r\n',
    ].map((said, index) => ({ index, label: '', text: said }));
    mounted({ printed });
    const list = element.querySelector<HTMLDetailsElement>('.pathos-nb-printed');
    if (list) list.open = true;
    await vi.waitFor(() => expect(list?.querySelectorAll('.pathos-nb-row')).toHaveLength(5));
    const rows = [...(list?.querySelectorAll('.pathos-nb-row') ?? [])];
    expect(rows.map((row) => (row.querySelector('summary') ?? row).textContent)).toEqual(
      ['#0 link here', '#1 named', '#2 from\ufffd a pipe', '#3 carried', '#4 100%']);
    const opened = rows[0] as HTMLDetailsElement;
    opened.open = true;
    await vi.waitFor(() => expect(opened.querySelector('pre')?.textContent).toBe('link here'));
  });

  it.each([[0, 'output of 2 points'], [2, 'output of 2 points'], [160, 'output of 2 of 160 points']])(
    'says how many of %i points that printed it has the output of', (n_printed, said) => {
      mounted({ n_printed, printed: [0, 1].map((index) => ({ index, label: '', text: 'x' })) });
      expect(text('.pathos-nb-printed > summary')).toBe(said);
    });

  it('tells hosts, workers and what they did by keys', async () => {
    mounted({ lanes: [lane(0), lane(1, { host: 'far' })], figures: figures({ state: 'done' }) });
    const scroller = element.querySelector<HTMLElement>('.pathos-nb-scroller');
    const press = (key: string): unknown => scroller?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    press('ArrowDown');
    expect(text('.pathos-nb-tip')).toMatch(/^laptop/);
    press('ArrowDown');
    press(',');
    expect(text('.pathos-nb-tip')).toMatch(/item 0.*1\.0 s.*w0 on laptop \(pid 100\)/);
    press('Escape');
    expect(isShown('.pathos-nb-tip')).toBe(false);
  });

  it('calls a host as users do, and tells its own name to who asks', async () => {
    mounted({ lanes: [lane(0), lane(1, { host: 'me@node7', machine: 'host-1' })], figures: figures({ state: 'done' }) });
    const press = (key: string): unknown =>
      element.querySelector('.pathos-nb-scroller')?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    for (let i = 0; i < 3; i++) press('ArrowDown');
    expect(text('.pathos-nb-tip')).toMatch(/^me@node7 \(host-1\)/);
    press('ArrowDown');
    expect(text('.pathos-nb-tip')).toMatch(/w1 on me@node7 \(host-1\)/);
    const fold = element.querySelector<HTMLDetailsElement>('.pathos-nb-workers-table');
    if (fold) fold.open = true;
    await vi.waitFor(() => expect(fold?.querySelector('td[title="host-1"]')?.textContent).toBe('me@node7'));
  });

  it('has the workers as a table', async () => {
    mounted({ lanes: [lane(0), lane(1, { is_up: false, reason: 'killed by signal 9' })] });
    const fold = element.querySelector<HTMLDetailsElement>('.pathos-nb-workers-table');
    if (fold) fold.open = true;
    const rows = (): (string | null)[] => [...(fold?.querySelectorAll('tbody tr') ?? [])].map((row) => row.textContent);
    await vi.waitFor(() => expect(rows()).toEqual(['w0laptop204.5 sup', 'w1laptop204.5 sgone: killed by signal 9']));
  });

  it('says what it waits for, when the kernel tells', () => {
    mounted({ figures: { ...figures(), waits: ['waiting for node7: its link was lost'] } });
    expect(text('.pathos-nb-waits')).toMatch(/waiting for node7/);
  });
});

describe('a run leaves the page', () => {
  const odd = stateOf(record({
    lanes: [lane(0, { worker: '=HYPERLINK("x")', host: 'a,b' }), lane(1)],
    failures: [{ index: 3, label: 'm=\t3', error: 'bad\nworse', worker: 'w1', traceback: '' }],
  }), 0);

  it('as comma-separated values that no spreadsheet takes for a formula', () => {
    expect(asCsv(odd).split('\r\n').slice(0, 2)).toEqual([
      'worker,host,start_s,end_s,busy_s,first_index,items,failed', `"'=HYPERLINK(""x"")","a,b",0,1,1,0,1,0`,
    ]);
  });

  it('as tables with tabs, a line a row', () => {
    expect(asTable(odd)).toMatch(/^run\tscore\(m, 0\)\nstate\trunning\n[^]*\n\nindex\tpoint\terror\tworker\n3\tm= 3\tbad worse\tw1\n$/);
  });

  it('under a name that any system takes', () => {
    expect(fileName({ ...odd, head: { ...odd.head, title: '../../etc: a*b', run: 'ab-12/..' } }, 'csv')).toBe('etc-a-b-ab-12.csv');
  });
});

describe('a run that is over', () => {
  const over = { figures: figures({ state: 'cancelled', n_done: 40, n_failed: 2, total: 100 }) };

  it('offers to run again what has no value, as long as somebody can do that', async () => {
    view = mountRun(element, fromNothing(), record(over));
    expect(isShown('.pathos-nb-retry')).toBe(false);
    view.offerRetry(() => Promise.resolve('its points are not there any more'));
    expect([isShown('.pathos-nb-retry'), text('.pathos-nb-retry')]).toEqual([true, 'Run 62 missing points']);
    click('.pathos-nb-retry');
    await frame();
    expect(text('.pathos-nb-notice')).toBe('its points are not there any more');
    view.offerRetry(null);
    expect(isShown('.pathos-nb-retry')).toBe(false);
  });

  it('says of a record that was saved too early that this is how far it was, and nothing of it moves', () => {
    view = mountRun(element, fromNothing(), record());
    expect([text('.pathos-nb-state'), element.querySelector('section')?.getAttribute('aria-busy')]).toEqual(['cut off', 'false']);
    expect(text('.pathos-nb-notice')).toMatch(/how far the run was.*Run the cell again/);
    expect(text('.pathos-nb-figures')).not.toMatch(/left|elapsed/);
  });

  it.each([[2, /item 7.*m=7, <b>x=3.*1\.0 s.*w0 on laptop/], [40, /item 7.*m=7, <b>x=3.*1\.0 s.*w0 on laptop/]])(
    'names single items with their arguments, seconds and host, also if only some of %i are kept', (n_done, said) => {
      const items = { lane: [0], start_s: [0], end_s: [1], index: [7], label: ['m=7, <b>x=3'], is_failed: [false] };
      view = mountRun(element, fromNothing(), record({ items, figures: figures({ state: 'done', n_done }) }));
      const scroller = element.querySelector<HTMLElement>('.pathos-nb-scroller');
      for (const key of ['ArrowDown', ',']) scroller?.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
      expect(text('.pathos-nb-tip')).toMatch(said);
      expect(view.record()?.items).toEqual(items);
    });

  it('keeps of a run that was cut off what a kernel would leave, and the last timeline that was small enough', () => {
    const wide = spans(...Array.from({ length: 2_000 }, (_, i): [number, number, number] => [0, i, i + 1]));
    const printed = [{ index: 0, label: '', text: 'x'.repeat(20_000) }, { index: 1, label: '', text: 'y'.repeat(20_000) }];
    const known = record({ spans: wide, printed, figures: figures({ n_done: 2_000 }) });
    const kept = keptAtTheEnd(known, record({ figures: figures({ n_done: 50 }) }));
    expect([kept.figures.n_done, kept.spans.lane.length, kept.printed.length, kept.n_more_printed]).toEqual([2_000, 2, 1, 20_000]);
    expect(keptAtTheEnd(record({ figures: figures({ n_done: 60 }) }), known).spans.lane).toHaveLength(2);
  });
});

describe('workers that share a lane', () => {
  it('are counted as many, and are on no host of their own', () => {
    const lanes = [lane(0), lane(1, { worker: 'more workers', host: '' })];
    mounted({ lanes, n_more_lanes: 801 });
    expect(text('.pathos-nb-workers-table summary')).toMatch(/^802 workers, as a table/);
    expect(laidOut(new Map(lanes.map((one) => [one.lane, one])), new Map()).rows.map((row) => row.kind)).toEqual(['lane', 'lane']);
  });
});
