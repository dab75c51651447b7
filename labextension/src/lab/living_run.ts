// The output of a run that goes on. It has the widget that shows it, and besides, as a record, how far the run is: that is
// what a notebook keeps which is saved now, and all there is when its kernel has gone. Whoever can show the widget does;
// the record may then be renewed as often as it likes.
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { PanelLayout } from '@lumino/widgets';
import { render } from '../anywidget';
import { isObject } from '../comm';
import type { Render, RenderProps } from '../known_views';
import { SAVED, SavedRun } from '../mime';
import { RUN_MIME } from '../protocol';
import { readRecord } from '../record';
import { isOver } from '../state';
import { livingRuns } from './living';

export const WIDGET_MIME = 'application/vnd.jupyter.widget-view+json';
const PLACE = 'pathosNbPlace';
const LIVING = 'pathos-nb-living';
const RANK = -20; // before widgets, which have -10

/** Give the widget's model that an output shows, if there is one. */
export function modelOf(data: unknown): string | null {
  const view: unknown = isObject(data) ? data[WIDGET_MIME] : null;
  const model = isObject(view) ? view['model_id'] : null;
  return typeof model === 'string' && model ? model : null;
}

/** Give the place of the output that an element is in. */
export function placeAround(element: HTMLElement): string | null {
  return element.closest<HTMLElement>(`.${LIVING}`)?.dataset[PLACE] ?? null;
}

class LivingRun extends SavedRun {
  private run = '';
  private readonly inside = new PanelLayout();

  constructor(private readonly notebook: NotebookPanel, private readonly placeOf: (model: IRenderMime.IMimeModel) => string) {
    super();
    this.layout = this.inside;
  }

  override async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const record = readRecord(model.data[RUN_MIME]);
    const [run, isGoingOn] = typeof record === 'string' ? ['', false] : [record.head.run, !isOver(record)];
    if (isGoingOn && this.run === run) return; // also when its kernel has gone: the view has more than the record
    if (this.run) this.clear();
    const id = isGoingOn ? modelOf(model.data) : null;
    if (id === null || !livingRuns().models.has(id)) return super.renderModel(model);
    this.clear();
    this.run = run;
    this.removeClass(SAVED);
    this.addClass(LIVING);
    this.node.dataset[PLACE] = this.placeOf(model);
    const { rendermime } = this.notebook.content;
    const child = rendermime.createRenderer(rendermime.getFactory(WIDGET_MIME) ? WIDGET_MIME : 'text/html');
    this.inside.addWidget(child);
    await child.renderModel(model);
  }

  protected override clear(): void {
    this.run = '';
    this.removeClass(LIVING);
    this.addClass(SAVED);
    for (const child of [...this.inside.widgets]) child.dispose();
    super.clear();
  }
}

/** Have runs in a notebook shown by their widgets as long as there are any, and by their records else. */
export function showLiving(notebook: NotebookPanel, placeOf: (model: IRenderMime.IMimeModel) => string): void {
  const createRenderer = (): LivingRun => new LivingRun(notebook, placeOf);
  notebook.content.rendermime.addFactory({ safe: true, mimeTypes: [RUN_MIME], createRenderer }, RANK);
}

/** Draw a run as ever, and tell the kernel where its output may be shown anew meanwhile. */
export const renderKept: Render = (props: RenderProps) => render(props, (channel) => {
  const stop = channel.onMessage(() => {
    if (placeAround(props.el) === null) return;
    stop(); // not before something was heard: what is sent earlier may meet a busy shell
    channel.send({ type: 'keep' });
  });
});
