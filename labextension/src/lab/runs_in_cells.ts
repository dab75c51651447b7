// What the extension does for runs in cells: it brings the view along, so that no kernel need send it; it takes in what
// comes to a page that was loaded in the middle of a run; and runs that are over can run again from where they stand.
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { knownViews } from '../known_views';
import { PROTOCOL } from '../protocol';
import type { Link } from './link';
import { livingRuns } from './living';
import { renderKept } from './living_run';
import { Orphans } from './orphans';
import { retries } from './retries';

export function showRuns(tracker: INotebookTracker, linkOf: (notebook: NotebookPanel) => Link | null): void {
  knownViews().extension = { protocol: PROTOCOL, render: renderKept };
  livingRuns().offer = retries(tracker, linkOf);
  const cells = new WeakMap<NotebookPanel, Orphans>();
  const take = (notebook: NotebookPanel): Orphans => {
    const there = cells.get(notebook) ?? new Orphans(notebook);
    cells.set(notebook, there);
    return there;
  };
  tracker.forEach(take);
  tracker.widgetAdded.connect((_, notebook) => take(notebook));
  const asked = new WeakSet<Link>();
  tracker.currentChanged.connect((_, notebook) => {
    const link = notebook && linkOf(notebook);
    if (!link || asked.has(link)) return;
    asked.add(link);
    askWhatWasMissed(link, notebook, take(notebook)); // which may be in front before it is said to be there
  });
}

/** Ask a kernel once, when it answers, what its runs have left in the notebook's cells since that was saved. */
function askWhatWasMissed(link: Link, notebook: NotebookPanel, orphans: Orphans): void {
  const look = (): void => {
    if (link.state.kind !== 'ready' || !link.tables.isReady) return;
    link.changed.disconnect(look);
    const { channel } = link.state;
    channel.onMessage((message) => {
      if (message.type === 'left') orphans.restore(message);
    });
    void notebook.context.ready.then(() => {
      const saved = Date.parse(notebook.context.contentsModel?.last_modified ?? '') / 1000;
      channel.send({ type: 'missed', since: Number.isFinite(saved) ? saved : 0 });
    });
  };
  link.changed.connect(look);
  look();
}
