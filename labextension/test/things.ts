// Runs for tests: a channel whose kernel is the test, a canvas that remembers, messages with their usual content.
import type { Channel, Listener, Problem } from '../src/comm';
import { NO_ITEMS } from '../src/state';
import type { Figures, Lane, ProfilePart, RunDelta, RunRecord, Spans, ToFront, ToKernel } from '../src/protocol';

export function figures(over: Partial<Figures> = {}): Figures {
  return {
    state: 'running', n_done: 40, n_failed: 2, total: 100, rate: 8, left_s: 7.5, elapsed_s: 5, busy_s: 9, n_slots: 2, waits: [], ...over,
  };
}

export function lane(n: number, over: Partial<Lane> = {}): Lane {
  return { lane: n, worker: `w${n}`, host: 'laptop', machine: '', pid: 100 + n, n_items: 20, busy_s: 4.5, is_up: true, reason: '', parent: -1, ...over };
}

/** Spans, each as [lane, start, end, items, failed]. */
export function spans(...rows: [number, number, number, number?, number?][]): Spans {
  return {
    lane: rows.map((row) => row[0]), start_s: rows.map((row) => row[1]), end_s: rows.map((row) => row[2]),
    busy_s: rows.map((row) => row[2] - row[1]), first: rows.map((_, i) => 10 * i), n_items: rows.map((row) => row[3] ?? 1),
    n_failed: rows.map((row) => row[4] ?? 0),
  };
}

export function record(over: Partial<RunRecord> = {}): RunRecord {
  return {
    version: 1,
    head: { run: 'r1', title: 'score(m, 0)', names: ['m'], started_at: 0, can_cancel: true, can_retry: true },
    figures: figures(), lanes: [lane(0), lane(1)], n_more_lanes: 0, spans: spans([0, 0, 1], [1, 0, 2]), items: NO_ITEMS,
    failures: [], n_more_failures: 0, printed: [], n_more_printed: 0, n_printed: 0, profile: null, inner: [], n_more_inner: 0,
    ...over,
  };
}

export function delta(over: Partial<RunDelta> = {}): RunDelta {
  return {
    type: 'delta', run: 'r1', figures: figures(), lanes: [], spans: spans(), failures: [], n_more_failures: 0, printed: [],
    n_more_printed: 0, n_printed: 0, inner: [], n_more_inner: 0, ...over,
  };
}

/** A part of a profile; nodes, each as [id, parent, name, milliseconds, kind]. */
export function profilePart(...nodes: [number, number, string, number, number?][]): ProfilePart {
  return {
    n_samples: 10, kinds_ms: [700, 0, 300, 0, 0], notes: [],
    nodes: {
      id: nodes.map((n) => n[0]), parent: nodes.map((n) => n[1]), name: nodes.map((n) => n[2]), where: nodes.map((n) => (n[0] ? `a.py:${n[0]}` : '')),
      total_ms: nodes.map((n) => n[3]), kind: nodes.map((n) => n[4] ?? 0),
    },
    functions: { name: ['slow<b>'], where: ['a.py:1'], own_ms: [700], total_ms: [900], kind: [0], n_calls: [3] },
    usage: { name: ['w0'], is_host: [false], run_s: [1], cpu_s: [0.7], load_s: [0], dump_s: [0], wait_s: [0.1], idle_s: [0.25],
      transfer_s: [0.002], bytes_out: [3_400], bytes_in: [0], peak_bytes: [52_000_000] },
    longest: { amount: [0.75], label: ['x=<b>3'], worker: ['w0'] },
    heaviest: { amount: [52_000_000], label: ['x=4'], worker: ['w0'] },
  };
}

/** A channel whose other end is the test. */
export class TestChannel implements Channel {
  readonly isLive = true;
  readonly sent: ToKernel[] = [];
  private readonly listeners = new Set<Listener>();
  send(message: ToKernel): void {
    this.sent.push(message);
  }
  onMessage(listener: Listener | ((message: ToFront) => void)): () => void {
    const one = typeof listener === 'function' ? { message: listener } : listener;
    this.listeners.add(one);
    return () => this.listeners.delete(one);
  }
  say(message: ToFront): void {
    for (const listener of this.listeners) listener.message(message);
  }
  complain(problem: Problem): void {
    for (const listener of this.listeners) listener.problem?.(problem);
  }
  close(): void {
    this.listeners.clear();
  }
}

/** What was drawn: the texts, and the last image of the rows. */
export interface Drawn {
  texts: string[];
  image: Uint32Array;
  width: number;
}

/** Give every canvas a context that remembers; jsdom has none. A character is 6 pixels wide. */
export function fakeCanvas(): Drawn {
  const drawn: Drawn = { texts: [], image: new Uint32Array(0), width: 0 };
  const context = {
    setTransform: () => (drawn.texts = []),
    createImageData: (width: number, height: number) => ({ data: new Uint8ClampedArray(4 * width * height), width }),
    putImageData(image: { data: Uint8ClampedArray; width: number }) {
      drawn.image = new Uint32Array(image.data.buffer);
      drawn.width = image.width;
    },
    getImageData: () => ({ data: context.fillStyle === 'white' ? [255, 255, 255] : hex(context.fillStyle) }),
    fillText: (text: string) => drawn.texts.push(text),
    measureText: (text: string) => ({ width: 6 * text.length }),
    fillStyle: '', font: '', textBaseline: '',
    fillRect: () => undefined, save: () => undefined, restore: () => undefined, beginPath: () => undefined,
    rect: () => undefined, clip: () => undefined,
  };
  HTMLCanvasElement.prototype.getContext = (() => context) as never;
  Object.defineProperty(HTMLElement.prototype, 'clientWidth', { configurable: true, get: () => 600 });
  return drawn;
}

function hex(color: string): number[] {
  return [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
}

export async function frame(): Promise<void> {
  await new Promise((resolve) => requestAnimationFrame(resolve));
  await new Promise((resolve) => setTimeout(resolve, 0));
}
