// The way to the kernel, whatever it is made of. A view knows a Channel and nothing else.
//
//   anywidget's model ─┐
//   a kernel's comm ───┼──► Channel ──► view
//   nothing (saved) ───┘
//
// What comes is looked at before anybody believes it: a message of an unknown kind is told as a Problem.
import { PROTOCOL, type ToFront, type ToKernel } from './protocol';
import { lineTo, type Subshell } from './subshell';

/** Why a channel is of no use (any more), in words for the person. */
export interface Problem {
  kind: 'version' | 'unreadable' | 'closed' | 'gone';
  text: string;
}

export interface Listener {
  message(message: ToFront): void;
  problem?(problem: Problem): void;
}

export interface Channel {
  /** False for a saved record: nobody is there to answer. */
  readonly isLive: boolean;
  send(message: ToKernel): void;
  /** Listen from now on; what it gives stops that. */
  onMessage(listener: Listener | ((message: ToFront) => void)): () => void;
  close(): void;
}

/** What is used of an anywidget's (or any Backbone) model. */
export interface Model {
  get(name: string): unknown;
  send(content: unknown): void;
  on(event: string, callback: (content: unknown) => void): void;
  off(event: string, callback: (content: unknown) => void): void;
  /** JupyterLab's has a kernel. */
  readonly widget_manager?: { readonly kernel?: unknown };
}

/** What is used of a kernel's comm (JupyterLab's `IComm` has it). */
export interface Comm {
  readonly commId: string;
  readonly isDisposed: boolean;
  onMsg: (message: { content: { data: unknown } }) => void | PromiseLike<void>;
  onClose: (message: never) => void | PromiseLike<void>;
  send(data: never): unknown;
  close(): unknown;
}

/** A record, so that the compiler misses a kind that is not in it. */
const KINDS = new Set(Object.keys({
  hello: true, run: true, delta: true, profile: true, ended: true, window: true, tables: true, answer: true, ask: true,
  known: true, left: true, code: true,
} satisfies Record<ToFront['type'], true>));

/** What to do about a run that will never go on. */
export const AGAIN = 'Run the cell again: points that a sweep had finished by then are in its store (unless it was switched '
  + 'off) and are not computed twice.';

/** The kernel itself is no more, and no run of its goes on. */
export const GONE: Problem = {
  kind: 'gone',
  text: `The kernel was restarted or has ended, and this run was cut off by it. ${AGAIN}`,
};

const UPDATE = 'Install the same version of pathos-nb where JupyterLab runs and in the kernel, then reload this page.';

/** Give what is wrong with a message, or null: a kernel of another version, or no message of ours at all. */
export function problemOf(content: unknown): Problem | null {
  const kind = isObject(content) ? content['type'] : undefined;
  if (!isObject(content) || typeof kind !== 'string') {
    return { kind: 'unreadable', text: `The kernel sent something that is not a message of pathos_nb. ${UPDATE}` };
  }
  if (kind === 'hello' && content['version'] !== PROTOCOL) return otherVersion(content);
  if (KINDS.has(kind)) return null;
  return { kind: 'unreadable', text: `The kernel sent a message of a kind that is not known here: ${cut(kind)}. ${UPDATE}` };
}

function otherVersion(hello: Record<string, unknown>): Problem {
  const theirs = `version ${cut(String(hello['version']))} (pathos_nb ${cut(typeof hello['package'] === 'string' ? hello['package'] : 'of an unknown version')})`;
  return {
    kind: 'version',
    text: `The kernel speaks ${theirs} of the messages that this view is drawn from, and this page speaks version ${PROTOCOL}. ${UPDATE}`,
  };
}

/** A channel to the kernel of an anywidget. */
export function fromModel(model: Model): Channel {
  const listeners = new Listeners();
  const hear = (content: unknown): void => listeners.hear(content);
  const id = model.get('comm_id');
  const line = typeof id === 'string' ? lineTo(model.widget_manager?.kernel) : null;
  // Sent when a restart of the kernel has taken the comms with it.
  const lose = (): void => listeners.tell(GONE);
  model.on('msg:custom', hear);
  model.on('comm_live_update', lose);
  return {
    isLive: true,
    send(message) {
      try {
        if (line) line.say(id as string, message);
        else model.send(message);
      } catch {
        lose(); // the page has no comm any more, and has not said so yet: the kernel was restarted a moment ago
      }
    },
    onMessage: (listener) => listeners.add(listener),
    close() {
      model.off('msg:custom', hear);
      model.off('comm_live_update', lose);
      listeners.clear();
      line?.close();
    },
  };
}

/** A channel over a comm that is open; it is closed with the channel. What is sent takes the line, if there is one. */
export function fromComm(comm: Comm, line: Subshell | null = null): Channel {
  const listeners = new Listeners();
  comm.onMsg = (message) => listeners.hear(message.content.data);
  comm.onClose = () => listeners.tell({ kind: 'closed', text: 'The kernel has closed the connection.' });
  return {
    isLive: true,
    send(message) {
      if (comm.isDisposed) return;
      if (line) line.send('comm_msg', { comm_id: comm.commId, data: message });
      else comm.send(message as never);
    },
    onMessage: (listener) => listeners.add(listener),
    close() {
      listeners.clear();
      if (!comm.isDisposed) comm.close();
      line?.close();
    },
  };
}

/** A channel to nobody: for a saved record. */
export function fromNothing(): Channel {
  return { isLive: false, send: () => undefined, onMessage: () => () => undefined, close: () => undefined };
}

/** Those who listen to one channel. One that throws does not keep the message from the others. */
class Listeners {
  private readonly all = new Set<Listener>();

  add(listener: Listener | ((message: ToFront) => void)): () => void {
    const one = typeof listener === 'function' ? { message: listener } : listener;
    this.all.add(one);
    return () => this.all.delete(one);
  }

  hear(content: unknown): void {
    const problem = problemOf(content);
    if (problem) this.tell(problem);
    else this.each((listener) => listener.message(content as ToFront));
  }

  tell(problem: Problem): void {
    this.each((listener) => listener.problem?.(problem));
  }

  clear(): void {
    this.all.clear();
  }

  private each(act: (listener: Listener) => void): void {
    for (const listener of [...this.all]) {
      try {
        act(listener);
      } catch (error) {
        console.error('pathos_nb: a message could not be shown', error);
      }
    }
  }
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function cut(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
