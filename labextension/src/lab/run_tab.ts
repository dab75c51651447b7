// A run in a tab of its own: the view that a cell shows, fed by the panel's comm.
import { ILabShell, type JupyterFrontEnd } from '@jupyterlab/application';
import { MainAreaWidget } from '@jupyterlab/apputils';
import { Widget } from '@lumino/widgets';
import type { Channel, Listener } from '../comm';
import type { ToFront } from '../protocol';
import { mountRun, type RunView } from '../run/run_view';
import { line } from '../panel/text';
import type { Link } from './link';
import { icon, type OpenRun } from './icon';

const DOWN = '40vh';
const ENDED = 'The kernel that this run belongs to is gone. What was known of the run stays.';

/** A channel to one run, over a link to the panel; asking for everything again is to watch it anew. */
export function runChannel(link: Link, run: string): Channel {
  const listeners = new Set<Listener>();
  const channel = link.state.kind === 'ready' ? link.state.channel : null;
  const stop = channel?.onMessage((message) => {
    if (isOf(message, run)) for (const one of listeners) one.message(message);
  });
  const check = (): void => {
    if (link.state.kind === 'ready' && link.state.channel === channel) return;
    for (const one of listeners) one.problem?.({ kind: 'gone', text: ENDED });
    link.changed.disconnect(check);
  };
  link.changed.connect(check);
  return {
    isLive: channel !== null,
    send(message) {
      if (message.type !== 'open') return channel?.send(message);
      link.watchRun(run, false);
      link.watchRun(run, true);
    },
    onMessage(listener) {
      const one = typeof listener === 'function' ? { message: listener } : listener;
      listeners.add(one);
      return () => listeners.delete(one);
    },
    close() {
      link.changed.disconnect(check);
      link.watchRun(run, false);
      listeners.clear();
      stop?.();
    },
  };
}

function isOf(message: ToFront, run: string): boolean {
  if (message.type === 'run') return message.record.head.run === run;
  return (message.type === 'delta' || message.type === 'profile' || message.type === 'ended' || message.type === 'window') && message.run === run;
}

class RunTab extends Widget {
  private readonly channel: Channel;
  private readonly view: RunView;

  constructor(link: Link, run: string) {
    super();
    this.addClass('pathos-nb-run-tab');
    this.channel = runChannel(link, run);
    this.view = mountRun(this.node, this.channel);
  }

  override dispose(): void {
    if (!this.isDisposed) {
      this.view.destroy();
      this.channel.close();
    }
    super.dispose();
  }
}

let lastTab = 0; // a page that is not fetched safely has no randomUUID

/** Give what opens a run: in a tab beside the notebook; in Notebook 7, which has one tab only, below it. */
export function runOpener(app: JupyterFrontEnd, labShell: ILabShell | null): OpenRun {
  const there = new Map<Link, Map<string, Widget>>();
  return (link, run, title) => {
    const ofLink = there.get(link) ?? new Map<string, Widget>();
    there.set(link, ofLink);
    const old = ofLink.get(run);
    if (old && !old.isDisposed && old.isAttached) return app.shell.activateById(old.id);
    const content = new RunTab(link, run);
    // Notebook 7 has its place below folded to nothing, and makes as much of it as what lies there asks for.
    if (!labShell) content.node.style.minHeight = DOWN;
    const made = new MainAreaWidget({ content });
    made.id = `pathos-nb-run-${++lastTab}`;
    made.title.label = line(title || run);
    made.title.icon = icon;
    made.title.closable = true;
    made.disposed.connect(() => ofLink.delete(run));
    ofLink.set(run, made);
    app.shell.add(made, labShell ? 'main' : 'down', { mode: 'split-bottom' });
    if (!made.parent) app.shell.add(made, 'right'); // Notebook before 7.3 has no place below
    app.shell.activateById(made.id);
  };
}
