import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Channel, Listener } from '../src/comm';
import { mountPanel, type Panel } from '../src/panel/panel';
import { NOTHING, reduce } from '../src/panel/state';
import { bytes, plain, seconds } from '../src/panel/text';
import type { HostRow, PoolRow, RunRow, Tables, ToFront, ToKernel } from '../src/protocol';

const HOST: HostRow = {
  name: 'node1', user: 'me', address: '10.0.0.1', port: 22, through: '', transport: 'paramiko', state: 'connected', problem: '',
  is_saved: false, python: '3.11.2', mismatch: '', n_cores: 16, load: 1.5, memory_bytes: 64e9, free_bytes: 41e9,
  round_trips_ms: [10, 12], n_workers: 4,
};
const POOL: PoolRow = { name: 'big', places: ['processes'], n_workers: 4, n_first: 4, n_busy: 0, is_default: false, is_owned: true };
const RUN: RunRow = { run: 'r1', title: 'fits', state: 'running', n_done: 3, n_failed: 0, total: 10, started_at: 1.7e9, seconds: 2, can_retry: false };
const NONE: Tables = {
  type: 'tables', hosts: [], ssh_names: [], tunnels: [], services: [], pools: [], launchers: [], runs: [], n_more: {}, n_slots: 0, n_busy: 0,
};

let sent: ToKernel[];
let frames: ((now: number) => void)[];
let listener: Listener;
let panel: Panel;

function channel(): Channel {
  return {
    isLive: true,
    send: (message) => sent.push(message),
    onMessage(one) {
      listener = one as Listener;
      return () => undefined;
    },
    close: () => undefined,
  };
}

beforeEach(() => {
  sent = [];
  frames = [];
  vi.stubGlobal('requestAnimationFrame', (draw: (now: number) => void) => frames.push(draw));
  const home = document.body.appendChild(document.createElement('div'));
  panel = mountPanel(home, channel(), { openRun: () => undefined });
});

function tell(message: ToFront): void {
  listener.message(message);
}

function show(tables: Partial<Tables>): void {
  tell({ ...NONE, ...tables });
  for (const draw of frames.splice(0)) draw(0);
}

function press(label: string, home: ParentNode = document): HTMLButtonElement {
  const found = [...home.querySelectorAll('button')].find((one) => one.textContent === label && !one.closest('[hidden]'));
  if (!found) throw new Error(`no button ${label}: ${home.textContent ?? ''}`);
  found.click();
  return found;
}

function card(name: string): HTMLElement {
  const found = document.querySelector<HTMLElement>(`[role=listitem][data-name="${name}"]`);
  if (!found) throw new Error(`no card ${name}`);
  return found;
}

function type(label: string, value: string): void {
  const found = [...document.querySelectorAll('label')].find((one) => one.textContent === label);
  (document.getElementById(found?.htmlFor ?? '') as HTMLInputElement).value = value;
}

function dos(): [string, string[]][] {
  return sent.flatMap((one) => (one.type === 'do' ? [[one.verb, one.words] as [string, string[]]] : []));
}

async function answer(is_ok: boolean, text: string, cure = ''): Promise<void> {
  const last = sent.filter((one) => one.type === 'do').pop();
  if (last?.type !== 'do') throw new Error('nothing was asked');
  tell({ type: 'answer', id: last.id, is_ok, text, cure });
  await new Promise((done) => setTimeout(done));
}

describe('the state', () => {
  it('keeps a topic that has not changed, and forgets what was left out of one that has', () => {
    const first = reduce(NOTHING, { ...NONE, hosts: [HOST], n_more: { hosts: 5, runs: 7 } });
    const second = reduce(first, { ...NONE, hosts: [], pools: null, runs: null, n_more: {} });
    expect(second.hosts).toEqual([]);
    expect(second.runs).toBe(first.runs);
    expect(second.more).toMatchObject({ hosts: 0, runs: 7 });
  });

  it('is untouched by a message that is not for it', () => {
    expect(reduce(NOTHING, { type: 'answer', id: 1, is_ok: true, text: '', cure: '' })).toBe(NOTHING);
  });
});

describe('the panel', () => {
  it('introduces itself and watches', () => {
    expect(sent.map((one) => one.type)).toEqual(['open', 'watch']);
  });

  it('connects by the form, with the options that were typed', async () => {
    show({});
    panel.openForm('host');
    type('Host', 'node7');
    type('User', 'me');
    type('Port', '2222');
    type('Jump through', 'gate');
    const made = press('Connect');
    expect(dos()).toEqual([['connect', ['--port', '2222', '--through', 'gate', 'me@node7']]]);
    expect(made.getAttribute('aria-busy')).toBe('true');
    made.click();
    expect(dos()).toHaveLength(1);
    await answer(false, 'node7 refused the password', 'try again');
    expect(made.hasAttribute('aria-busy')).toBe(false);
    expect(document.querySelector('[role=alert].pathos-nb-panel-note')?.textContent).toContain('refused the passwordtry again');
  });

  it('says at the form what cannot be sent', () => {
    show({});
    panel.openForm('host');
    press('Connect');
    expect(document.querySelector('.pathos-nb-panel-wrong:not([hidden])')?.textContent).toBe('Host: this is needed.');
    type('Host', '-oProxyCommand=evil');
    press('Connect');
    expect(document.querySelector('.pathos-nb-panel-wrong:not([hidden])')?.textContent).toContain('cannot begin with a dash');
    expect(dos()).toEqual([]);
  });

  it('asks for a secret, sends it once and keeps it nowhere', () => {
    show({});
    tell({ type: 'ask', id: 7, do: 1, kind: 'secret', prompt: 'Password of me@node7', fingerprint: '' });
    const input = document.querySelector<HTMLInputElement>('.pathos-nb-panel-question input');
    expect(document.activeElement).toBe(input);
    expect(input?.type).toBe('password');
    input!.value = 'sesame';
    press('Send');
    expect(sent.pop()).toEqual({ type: 'reply', id: 7, text: 'sesame' });
    expect(document.documentElement.outerHTML + input!.value).not.toContain('sesame');
    expect(document.querySelector('.pathos-nb-panel-question')).toBeNull();
  });

  it('shows a fingerprint and trusts that very key, or none', () => {
    const ask: ToFront = { type: 'ask', id: 1, do: 1, kind: 'trust', prompt: 'the key of node1 is not known: ssh-ed25519 SHA256:abc', fingerprint: 'SHA256:abc' };
    tell(ask);
    tell({ ...ask, id: 2, fingerprint: 'SHA256:def' });
    expect(document.querySelector('code')?.textContent).toBe('SHA256:abc');
    expect(document.querySelector('.pathos-nb-panel-question-text')?.textContent).toBe('The key of node1 is not known: ssh-ed25519');
    expect(document.activeElement?.tagName).not.toBe('BUTTON');
    press('It is the same: trust it');
    press('Do not connect');
    expect(sent.slice(-2)).toEqual([{ type: 'reply', id: 1, text: 'SHA256:abc' }, { type: 'reply', id: 2, text: null }]);
  });

  it('puts a question away when its verb has ended', async () => {
    show({ hosts: [HOST] });
    press('Check', card('node1'));
    tell({ type: 'ask', id: 3, do: 1, kind: 'text', prompt: 'Code', fingerprint: '' });
    await answer(false, 'too late');
    expect(document.querySelector('.pathos-nb-panel-question')).toBeNull();
  });

  it('asks first where work would be lost', () => {
    show({ pools: [{ ...POOL, n_busy: 2 }] });
    press('Close', card('big'));
    expect(dos()).toEqual([]);
    press('No', card('big'));
    press('Close', card('big'));
    press('Yes: close', card('big'));
    expect(dos()).toEqual([['close', ['big']]]);
  });

  it('starts a pool on a mix of places and makes it the default', async () => {
    show({ hosts: [HOST], launchers: [{ name: 'processes', is_ready: true, reason: '' }, { name: 'mpi', is_ready: false, reason: 'no mpi4py' }] });
    panel.openForm('pool');
    const boxes = document.querySelectorAll<HTMLInputElement>('.pathos-nb-panel-places input');
    expect([...boxes].map((one) => [one.value, one.disabled])).toEqual([['processes', false], ['mpi', true], ['node1', false]]);
    boxes[0]!.click();
    boxes[2]!.click();
    type('Workers each', '3');
    press('Start');
    await answer(true, 'made');
    expect(dos()).toEqual([['pool', ['--nodes', '3', 'processes-node1-pool', 'processes', 'node1']], ['use', ['processes-node1-pool']]]);
  });

  it('takes a name of the configuration by mouse alone', () => {
    show({ ssh_names: ['gate', 'node7'] });
    const known = document.querySelector<HTMLSelectElement>('.pathos-nb-panel-section-hosts select')!;
    expect([...known.options].map((one) => one.text)).toEqual(['choose of 2 …', 'gate', 'node7']);
    known.value = 'node7';
    known.dispatchEvent(new Event('change'));
    press('Connect');
    expect(dos()).toEqual([['connect', ['node7']]]);
  });

  it('resizes a pool of several places at its first, and says so', () => {
    show({ pools: [{ ...POOL, places: ['processes', 'node1'], n_workers: 4, n_first: 2 }] });
    const input = card('big').querySelector('input')!;
    expect(card('big').querySelector('label')?.textContent).toBe('processes:');
    expect([input.value, input.title]).toEqual(['2', 'Have that many workers at processes; the other places keep theirs']);
    input.value = '3';
    press('Resize', card('big'));
    expect(dos()).toEqual([['pool', ['big', '--nodes', '3']]]);
  });

  it('closes everything, once it was said what that is', async () => {
    show({});
    expect(document.querySelector('.pathos-nb-panel-head')?.textContent).not.toContain('Ends');
    expect(document.querySelector('.pathos-nb-panel-head button')?.closest('[hidden]')).not.toBeNull();
    show({ hosts: [HOST, { ...HOST, name: 'away', state: 'known' }], pools: [POOL], runs: [RUN] });
    press('Close all');
    expect(document.querySelector('.pathos-nb-panel-sure')?.textContent).toContain('Ends 1 run, 1 pool, 1 connection.');
    press('Yes: close all');
    for (const said of ['cancelled fits', 'no tunnel and no server', 'closed big', 'disconnected node1']) await answer(true, said);
    expect(dos().map(([verb]) => verb)).toEqual(['cancel', 'kill', 'close', 'disconnect']);
    expect(document.querySelector('.pathos-nb-panel-note')?.textContent).toContain('closed big; disconnected node1');
  });

  it('puts good news away by itself, but not what somebody reads, nor bad news', async () => {
    vi.useFakeTimers();
    const notes = (): string[] => [...document.querySelectorAll('.pathos-nb-panel-note')].map((note) => note.textContent);
    const said = async (...words: [boolean, string]): Promise<void> => {
      const isTaken = answer(...words);
      await vi.advanceTimersByTimeAsync(1);
      await isTaken;
    };
    show({ pools: [POOL], runs: [RUN] });
    press('Cancel', card('r1'));
    await said(false, 'it is over');
    press('Restart', card('big'));
    await said(true, 'all fresh\nand more');
    document.querySelector<HTMLElement>('.pathos-nb-panel-note-ok summary')!.click();
    vi.advanceTimersByTime(60_000);
    expect(notes()).toHaveLength(2);
    document.querySelector<HTMLElement>('.pathos-nb-panel-note-ok summary')!.click();
    vi.advanceTimersByTime(60_000);
    expect(notes()).toEqual([expect.stringContaining('it is over')]);
    vi.useRealTimers();
  });

  it('keeps cards, their focus and what is typed into them over an update', () => {
    show({ pools: [POOL] });
    const [before, input] = [card('big'), card('big').querySelector('input')];
    input!.focus();
    input!.value = '7';
    show({ pools: [{ ...POOL, name: 'new' }, { ...POOL, n_busy: 3, n_workers: 5 }] });
    expect(card('big')).toBe(before);
    expect(document.activeElement).toBe(input);
    expect(input!.value).toBe('7');
    expect(card('big').textContent).toContain('3 of 5 workers busy');
  });

  it('cancels and runs again what can be', () => {
    show({ runs: [RUN, { ...RUN, run: 'r0', state: 'failed', n_failed: 2, n_done: 10, can_retry: true }] });
    press('Cancel', card('r1'));
    press('Rerun failed', card('r0'));
    expect(dos()).toEqual([['cancel', ['r1']], ['rerun', ['r0', '--failed']]]);
  });

  it('tells runs of one name apart by when they began, and has one colour for one state', () => {
    show({ runs: [RUN, { ...RUN, run: 'r0', state: 'done', n_done: 10, started_at: 1.7e9 + 61 }] });
    const clock = (at_s: number): string => new Date(1000 * at_s).toTimeString().slice(0, 8);
    expect(card('r1').textContent).toContain(clock(1.7e9));
    expect(card('r0').textContent).toContain(clock(1.7e9 + 61));
    expect(card('r1').querySelector(`[title*="Nov"][title*="2023 ${clock(1.7e9)}"]`)).not.toBeNull();
    const bar = (name: string): unknown => card(name).querySelector<HTMLElement>('[role=progressbar]')?.dataset['bar'];
    expect([bar('r1'), bar('r0')]).toEqual(['live', 'over']);
    show({ runs: [{ ...RUN, state: 'failed' }] });
    expect(bar('r1')).toBe('short');
  });

  it('shows what comes from outside as text, cut and harmless', () => {
    const evil = '<img src=x onerror=alert(1)>\u202e\u001b[31mred';
    show({ hosts: [{ ...HOST, name: evil, problem: evil, mismatch: 'x'.repeat(1e6) }], runs: [{ ...RUN, title: evil }] });
    expect(document.querySelector('img')).toBeNull();
    expect(document.querySelector('.pathos-nb-panel-name')?.textContent).toBe('<img src=x onerror=alert(1)>red');
    expect(document.body.textContent.length).toBeLessThan(10_000);
  });

  it('gives a plain notice to a kernel of another version, and lets nobody wait', async () => {
    show({ hosts: [HOST] });
    const made = press('Check', card('node1'));
    listener.problem?.({ kind: 'version', text: 'The kernel speaks version 9.' });
    await new Promise((done) => setTimeout(done));
    expect(document.querySelector('.pathos-nb-panel-problem:not([hidden])')?.textContent).toContain('version 9');
    expect(made.hasAttribute('aria-busy')).toBe(false);
  });

  it('lists fifty hosts and none', () => {
    const names = (): string[] => [...document.querySelectorAll('.pathos-nb-panel-section-hosts [role=listitem]')].map((one) => one.getAttribute('data-name') ?? '');
    show({ hosts: Array.from({ length: 50 }, (_, i) => ({ ...HOST, name: `node${i}` })) });
    expect(names()).toHaveLength(5);
    press('Show all 50');
    expect(names()).toHaveLength(50);
    const find = document.querySelector<HTMLInputElement>('input[aria-label="Find in Hosts"]')!;
    find.value = 'NODE4';
    find.dispatchEvent(new Event('input'));
    expect(names()).toEqual(['node4', ...Array.from({ length: 10 }, (_, i) => `node4${i}`)]);
    show({ hosts: [{ ...HOST, mismatch: 'Python 3.12 there, 3.11 here' }] });
    expect(document.querySelector('.pathos-nb-panel-warn')?.textContent).toBe('Python 3.12 there, 3.11 here');
    show({ hosts: [] });
    expect(document.querySelector('.pathos-nb-panel-section-hosts')?.textContent).toContain('No host yet');
  });
});

describe('words', () => {
  it('are short', () => {
    expect([bytes(999), bytes(1234567), bytes(64e9), seconds(0.0123), seconds(75), seconds(7322)]).toEqual([
      '999 B', '1.2 MB', '64 GB', '12 ms', '1 min 15 s', '2 h 2 min',
    ].map((one) => one.replaceAll(' ', '\u00a0')));
    expect(plain('a'.repeat(20), 10)).toBe('aaaaaaaaa…');
  });
});
