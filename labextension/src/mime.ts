// Saved runs, in notebooks that nobody needs to trust: everything is drawn from data, as text.
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { Widget } from '@lumino/widgets';
import { fromNothing } from './comm';
import { make } from './dom';
import { RUN_MIME } from './protocol';
import { readRecord } from './record';
import { mountRun, type RunView } from './run/run_view';

class SavedRun extends Widget implements IRenderMime.IRenderer {
  private view: RunView | null = null;

  constructor() {
    super();
    this.addClass('pathos-nb-saved');
  }

  /** Draw a record; one that cannot be drawn says why. */
  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.clear();
    const record = readRecord(model.data[RUN_MIME]);
    if (typeof record === 'string') this.node.append(make('div', { class: 'unreadable', role: 'note' }, record));
    else this.view = mountRun(this.node, fromNothing(), record);
    return Promise.resolve();
  }

  override dispose(): void {
    this.clear();
    super.dispose();
  }

  private clear(): void {
    this.view?.destroy();
    this.view = null;
    this.node.replaceChildren();
  }
}

const extension: IRenderMime.IExtension = {
  id: 'pathos-nb:saved-run',
  description: 'Shows saved runs of pathos_nb.',
  rendererFactory: { safe: true, mimeTypes: [RUN_MIME], createRenderer: () => new SavedRun() },
  // Before the HTML that stands beside it in the same output, for front ends that have no extension.
  rank: 10,
  dataType: 'json',
};

export default extension;
