// Points that run again from a run that is over: whether its kernel knows it still, and the button's way there.
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import type { Widget } from '@lumino/widgets';
import type { Channel } from '../comm';
import type { ToFront } from '../protocol';
import type { Link } from './link';
import type { LivingRuns, Retry } from './living';

let lastId = 1_000_000_000; // the panel counts its own from 1

/** Give what tells a view of a saved run whether points of it can run again. */
export function retries(tracker: INotebookTracker, linkOf: (notebook: NotebookPanel) => Link | null): NonNullable<LivingRuns['offer']> {
  return (widget, run, show) => {
    const notebook = notebookOf(widget, tracker);
    const link = notebook && linkOf(notebook);
    if (!link) return () => undefined;
    return follow(link, run, show);
  };
}

function notebookOf(widget: Widget, tracker: INotebookTracker): NotebookPanel | null {
  for (let one: Widget | null = widget; one; one = one.parent) {
    const above = one;
    const found = tracker.find((panel) => panel === above);
    if (found) return found;
  }
  return null;
}

function follow(link: Link, run: string, show: (retry: Retry | null) => void): () => void {
  let asked: Channel | null = null;
  let stop = (): void => undefined;
  const look = (): void => {
    // Not before the kernel has said something: what is sent before its comm is open there is lost.
    const channel = link.state.kind === 'ready' && link.tables.isReady ? link.state.channel : null;
    if (channel === asked) return;
    stop();
    asked = channel;
    show(null);
    if (channel) stop = ask(channel, run, () => show(() => again(channel, run)));
  };
  link.changed.connect(look);
  look();
  return () => {
    link.changed.disconnect(look);
    stop();
  };
}

function ask(channel: Channel, run: string, known: () => void): () => void {
  const id = ++lastId;
  const stop = channel.onMessage((message) => {
    if (message.type === 'known' && message.id === id && message.runs.includes(run)) known();
  });
  channel.send({ type: 'know', id, runs: [run] });
  return stop;
}

function again(channel: Channel, run: string): Promise<string> {
  const id = ++lastId;
  return new Promise((resolve) => {
    const hear = (message: ToFront): void => {
      if (message.type !== 'answer' || message.id !== id) return;
      stop();
      resolve(message.is_ok ? '' : [message.text, message.cure].filter(Boolean).join('; '));
    };
    const stop = channel.onMessage({ message: hear, problem: () => resolve('') });
    channel.send({ type: 'do', id, verb: 'rerun', words: [run, '--failed'] });
  });
}
