// The status bar's item: busy workers ÷ workers of the kernel in front. A click shows the panel.
import { Widget } from '@lumino/widgets';
import { count } from '../panel/text';
import type { SidePanel } from './side_panel';

export class StatusItem extends Widget {
  /** The person does not want to see it. */
  isUnwanted = false;
  private readonly text = document.createElement('button');

  constructor(
    private readonly panel: SidePanel,
    show: () => void,
  ) {
    super();
    this.addClass('pathos-nb-status');
    this.text.type = 'button';
    this.text.className = 'pathos-nb-status-button';
    this.text.addEventListener('click', show);
    this.node.append(this.text);
    panel.changed.connect(this.draw, this);
    this.draw();
  }

  get isActive(): boolean {
    return this.panel.link?.state.kind === 'ready';
  }

  private draw(): void {
    const tables = this.panel.link?.tables;
    const [busy, slots] = [tables?.nBusy ?? 0, tables?.nSlots ?? 0];
    this.text.textContent = `pathos_nb ${busy}/${slots}`;
    this.text.title = slots ? `${busy} of ${count(slots, 'worker')} busy` : 'no workers yet';
  }
}
