// The panel in a cell: %pathos panel, by anywidget.
import { fromModel, type Model } from './comm';
import { mountPanel } from './panel/panel';

const TALL = 'max-height: 640px; height: auto; border: 1px solid var(--jp-border-color2, #8884); border-radius: 4px;';

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const channel = fromModel(model);
  const panel = mountPanel(el, channel);
  panel.element.style.cssText = TALL;
  return () => {
    panel.destroy();
    channel.close();
  };
}

export default { render };
