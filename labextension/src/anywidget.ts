// A run in a cell: what anywidget loads as `_esm` (pathos_nb/static/run.js).
import { fromModel, type Model } from './comm';
import { readRecord } from './record';
import { mountRun } from './run/run_view';

interface RenderProps {
  model: Model;
  el: HTMLElement;
}

/** Draw the run of a model; its trait `record`, if there is one, is shown before the kernel has answered anything. */
function render({ model, el }: RenderProps): () => void {
  const channel = fromModel(model);
  const first = readRecord(model.get('record'));
  const view = mountRun(el, channel, typeof first === 'string' ? null : first);
  return () => {
    view.destroy();
    channel.close();
  };
}

export default { render };
