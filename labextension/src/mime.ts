// Saved runs, in notebooks that nobody needs to trust: everything is drawn from data, as text. A run that still goes on,
// or whose points the kernel can run again, has its buttons here too.
import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import type { Message } from '@lumino/messaging';
import { Widget } from '@lumino/widgets';
import { fromNothing, type Channel } from './comm';
import { make } from './dom';
import { livingRuns } from './lab/living';
import { RUN_MIME, type RunRecord } from './protocol';
import { readRecord } from './record';
import { mountRun, type RunView } from './run/run_view';
import { isOver } from './state';

export const SAVED = 'pathos-nb-saved';

export class SavedRun extends Widget implements IRenderMime.IRenderer {
  private view: RunView | null = null;
  private record: RunRecord | null = null;
  private channel: Channel | null = null;
  private stopOffer = (): void => undefined;

  constructor() {
    super();
    this.addClass(SAVED);
  }

  /** Draw a record; one that cannot be drawn says why. */
  renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    const record = readRecord(model.data[RUN_MIME]);
    const isRecord = typeof record !== 'string';
    const channel = isRecord && !isOver(record) ? livingRuns().channels.get(record.head.run) : undefined;
    if (channel && channel === this.channel) return Promise.resolve(); // it shows more than the record has
    this.clear();
    if (isRecord) {
      this.record = record;
      this.channel = channel ?? null;
      this.view = mountRun(this.node, channel ?? fromNothing(), record);
      if (this.isAttached) this.offer();
    } else {
      this.node.append(make('div', { class: 'unreadable', role: 'note' }, record));
    }
    return Promise.resolve();
  }

  protected override onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    this.offer();
  }

  protected override onBeforeDetach(message: Message): void {
    this.stopOffer();
    super.onBeforeDetach(message);
  }

  override dispose(): void {
    this.clear();
    super.dispose();
  }

  /** Which notebook this is in, and so which kernel, is known when it is attached. */
  private offer(): void {
    const { record, view } = this;
    this.stopOffer();
    if (!view || !record || !record.head.can_retry || !isOver(record)) return;
    this.stopOffer = livingRuns().offer?.(this, record.head.run, (retry) => view.offerRetry(retry)) ?? this.stopOffer;
  }

  protected clear(): void {
    this.stopOffer();
    this.stopOffer = () => undefined;
    this.view?.destroy();
    this.view = this.record = this.channel = null;
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
