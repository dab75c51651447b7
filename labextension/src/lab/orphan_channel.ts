// A run whose messages come to a page that did not begin it: it knows the whole state, and tells it to any view that opens.
import type { Channel, Listener } from '../comm';
import { GONE, isObject, problemOf } from '../comm';
import { PROTOCOL, type RunRecord, type ToFront, type ToKernel } from '../protocol';
import { asRecord, reduce, type State } from '../state';

const OPEN_EVERY_MS = 1_000;
const MOST_OPENS = 30;

export class OrphanChannel implements Channel {
  readonly isLive = true;
  private state: State | null = null;
  private readonly listeners = new Set<Listener>();
  private nOpens = 0;
  private timer = 0;

  /** `begun` is called once, when the whole run is known. */
  constructor(
    readonly comm: string,
    private readonly say: (message: ToKernel) => void,
    private readonly begun: (head: RunRecord) => void,
  ) {
    this.open();
  }

  get record(): RunRecord | null {
    return this.state && asRecord(this.state);
  }

  get run(): string {
    return this.state?.head.run ?? '';
  }

  private open(): void {
    this.say({ type: 'open', version: PROTOCOL });
    this.nOpens += 1;
    if (this.nOpens < MOST_OPENS) this.timer = window.setTimeout(() => this.open(), OPEN_EVERY_MS);
  }

  hear(content: unknown): void {
    if (!isObject(content) || problemOf(content)) return;
    const message = content as unknown as ToFront;
    const isFirst = this.state === null && message.type === 'run';
    if (this.state === null && !isFirst) return; // the whole is on its way
    window.clearTimeout(this.timer);
    this.state = reduce(this.state, message, Date.now());
    if (isFirst) {
      this.begun(bare(message.record));
      this.say({ type: 'keep' });
    }
    this.tell(message);
  }

  send(message: ToKernel): void {
    if (message.type !== 'open') return this.say(message);
    queueMicrotask(() => {
      if (this.state) this.tell({ type: 'run', record: asRecord(this.state) });
    });
  }

  onMessage(listener: Listener | ((message: ToFront) => void)): () => void {
    const one = typeof listener === 'function' ? { message: listener } : listener;
    this.listeners.add(one);
    return () => this.listeners.delete(one);
  }

  /** The kernel is no more. */
  lose(): void {
    for (const listener of [...this.listeners]) listener.problem?.(GONE);
    this.close();
  }

  close(): void {
    window.clearTimeout(this.timer);
    this.listeners.clear();
  }

  private tell(message: ToFront): void {
    for (const listener of [...this.listeners]) listener.message(message);
  }
}

/** Leave what a notebook should keep if it is saved meanwhile: what the run is, and how far. */
function bare(record: RunRecord): RunRecord {
  const spans = { lane: [], start_s: [], end_s: [], busy_s: [], first: [], n_items: [], n_failed: [] };
  return { ...record, lanes: [], spans, failures: [], printed: [] };
}
