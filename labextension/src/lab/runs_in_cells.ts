// What the extension does for runs in cells: it brings the view along, so that no kernel need send it; it takes in what
// comes to a page that was loaded in the middle of a run; and runs that are over can run again from where they stand.
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { render } from '../anywidget';
import { knownViews } from '../known_views';
import { PROTOCOL } from '../protocol';
import type { Link } from './link';
import { livingRuns } from './living';
import { Orphans } from './orphans';
import { retries } from './retries';

export function showRuns(tracker: INotebookTracker, linkOf: (notebook: NotebookPanel) => Link | null): void {
  knownViews().extension = { protocol: PROTOCOL, render };
  livingRuns().offer = retries(tracker, linkOf);
  tracker.forEach((notebook) => new Orphans(notebook));
  tracker.widgetAdded.connect((_, notebook) => new Orphans(notebook));
}
