// The verbs of %pathos from here: each `do` gets its answer, or the news that nobody will answer any more.
// Meanwhile the kernel may ask the person something; questions wait in a line.
import type { Channel } from '../comm';
import type { Answer, Ask, ToFront } from '../protocol';

/** A verb and its words, as they are sent. */
export interface Deed {
  verb: string;
  words: string[];
}

export type Outcome = Pick<Answer, 'is_ok' | 'text' | 'cure'>;

const GONE = 'The kernel is gone before it answered.';

export class Doing {
  /** Called when another question is the first in line, or none is. */
  onAsk: (ask: Ask | null) => void = () => undefined;

  private lastId = 0;
  private readonly open = new Map<number, (outcome: Outcome) => void>();
  private asks: Ask[] = [];

  constructor(private readonly channel: Channel) {}

  /** Do something; the promise is always kept, with an error where there is no answer. */
  do(deed: Deed): Promise<Outcome> {
    const id = ++this.lastId;
    return new Promise((resolve) => {
      this.open.set(id, resolve);
      this.send(id, deed);
    });
  }

  private send(id: number, deed: Deed): void {
    try {
      this.channel.send({ type: 'do', id, verb: deed.verb, words: deed.words });
    } catch (error) {
      this.end(id, { is_ok: false, text: `It could not be sent to the kernel: ${String(error)}`, cure: '' });
    }
  }

  hear(message: ToFront): void {
    if (message.type === 'answer') this.end(message.id, message);
    else if (message.type === 'ask') this.setAsks([...this.asks, message]);
  }

  /** Answer the first question; null gives up. */
  reply(ask: Ask, text: string | null): void {
    this.setAsks(this.asks.filter((one) => one.id !== ask.id));
    this.channel.send({ type: 'reply', id: ask.id, text });
  }

  /** Nobody will answer any more. */
  giveUp(why: string = GONE): void {
    for (const id of [...this.open.keys()]) this.end(id, { is_ok: false, text: why, cure: '' });
    this.setAsks([]);
  }

  private end(id: number, outcome: Outcome): void {
    const resolve = this.open.get(id);
    this.open.delete(id);
    this.setAsks(this.asks.filter((ask) => ask.do !== id));
    resolve?.(outcome);
  }

  private setAsks(asks: Ask[]): void {
    const before = this.asks[0] ?? null;
    this.asks = asks;
    const now = asks[0] ?? null;
    if (before?.id !== now?.id) this.onAsk(now);
  }
}
