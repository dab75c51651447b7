// A run in a cell: the view of a widget's model (pathos_nb/static/run.js, which loader.ts finds).
import { fromModel, type Channel } from './comm';
import type { RenderProps } from './known_views';
import { livingRuns } from './lab/living';
import { readRecord } from './record';
import { mountRun } from './run/run_view';

/** Draw the run of a model; its trait `record`, if there is one, is shown before the kernel has answered anything. */
export function render({ model, el }: RenderProps, begun?: (channel: Channel) => void): () => void {
  const channel = fromModel(model);
  begun?.(channel);
  const first = readRecord(model.get('record'));
  const view = mountRun(el, channel, typeof first === 'string' ? null : first);
  const living = { element: el, lose: () => view.lose(), record: () => view.record() };
  livingRuns().views.add(living);
  return () => {
    livingRuns().views.delete(living);
    view.destroy();
    channel.close();
  };
}

export default { render };
