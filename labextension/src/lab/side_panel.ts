// The side panel: it shows the link of the notebook that is in front, and keeps those of the others as they are.
import type { INotebookTracker, NotebookPanel } from '@jupyterlab/notebook';
import { type ISignal, Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';
import type { Deed } from '../panel/doing';
import type { FormName } from '../panel/panel';
import { TOPICS } from '../panel/state';
import { STYLE } from '../panel/style';
import { applyStyles } from '../styles';
import { icon, type OpenRun } from './icon';
import { Link } from './link';
import { LinkView, notice } from './link_view';

export const PANEL_ID = 'pathos-nb-panel';

export interface Wishes {
  autoLoad: boolean;
  /** Whether something of the current kernel is shown while the panel is not. */
  isStatusShown: boolean;
}

interface Followed {
  link: Link;
  view: LinkView;
}

export class SidePanel extends Widget {
  private readonly followed = new Map<NotebookPanel, Followed>();
  private readonly changes = new Signal<this, void>(this);
  private shown: Followed | null = null;
  private wishes: Wishes = { autoLoad: false, isStatusShown: true };

  constructor(
    private readonly tracker: INotebookTracker,
    private readonly openRun: OpenRun | null,
  ) {
    super();
    this.id = PANEL_ID;
    this.addClass('pathos-nb-side');
    this.title.icon = icon;
    this.title.caption = 'pathos_nb: hosts, pools and runs';
    tracker.currentChanged.connect(this.follow, this);
    this.follow();
  }

  /** Emitted when the link that is followed has changed, or is another one. */
  get changed(): ISignal<this, void> {
    return this.changes;
  }

  /** The link of the notebook in front. */
  get link(): Link | null {
    return this.shown?.link ?? null;
  }

  /** The link of a notebook that has been in front. */
  linkOf(notebook: NotebookPanel): Link | null {
    return this.followed.get(notebook)?.link ?? null;
  }

  openForm(which: FormName): void {
    this.shown?.view.openForm(which);
  }

  act(what: string, deed: Deed): void {
    this.shown?.view.act(what, deed);
  }

  wish(wishes: Wishes): void {
    this.wishes = wishes;
    this.care();
  }

  protected override onAfterShow(): void {
    this.care();
  }

  protected override onAfterHide(): void {
    this.care();
  }

  override dispose(): void {
    for (const notebook of [...this.followed.keys()]) this.forget(notebook);
    super.dispose();
  }

  private follow(): void {
    const notebook = this.tracker.currentWidget;
    this.shown = notebook ? this.of(notebook) : null;
    this.node.replaceChildren(this.shown?.view.element ?? notice('No notebook', 'Open a notebook; the panel follows its kernel.'));
    applyStyles(this.node, 'panel', STYLE);
    this.care();
  }

  private of(notebook: NotebookPanel): Followed {
    const there = this.followed.get(notebook);
    if (there) return there;
    const link = new Link(notebook.sessionContext);
    const openRun = this.openRun;
    const view = new LinkView(link, openRun && ((run, title) => openRun(link, run, title)));
    const made = { link, view };
    this.followed.set(notebook, made);
    link.changed.connect(this.care, this);
    notebook.disposed.connect(() => this.forget(notebook));
    return made;
  }

  private forget(notebook: NotebookPanel): void {
    const gone = this.followed.get(notebook);
    this.followed.delete(notebook);
    gone?.view.dispose();
    gone?.link.dispose();
    if (gone && gone === this.shown) this.follow();
  }

  /** See that kernels send what is looked at and no more, and load pathos_nb where that is wished. */
  private care(): void {
    for (const one of this.followed.values()) {
      const isInFront = one === this.shown;
      const state = one.link.state;
      one.link.watch(isInFront && this.isVisible ? TOPICS : isInFront && this.wishes.isStatusShown ? ['pools'] : []);
      const isWanted = isInFront && this.isVisible && this.wishes.autoLoad;
      if (isWanted && state.kind === 'absent' && !state.why) void one.link.load();
    }
    this.changes.emit();
  }
}
