// What the side panel shows of one notebook: the panel of its kernel, or why there is none and what to do about it.
import type { Deed } from '../panel/doing';
import { button, make } from '../panel/dom';
import { mountPanel, type FormName, type Panel } from '../panel/panel';
import { STYLE } from '../panel/style';
import { plain } from '../panel/text';
import { applyStyles } from '../styles';
import type { Link, LinkState } from './link';

const SLOW_MS = 3000;

export class LinkView {
  readonly element = make('div', { class: 'link' });
  private panel: Panel | null = null;
  private shown: LinkState | null = null;
  private timer = 0;
  private wanted: FormName | null = null;

  constructor(
    private readonly link: Link,
    private readonly openRun: ((run: string, title: string) => void) | null,
  ) {
    link.changed.connect(this.draw, this);
    this.draw();
  }

  dispose(): void {
    this.link.changed.disconnect(this.draw, this);
    window.clearTimeout(this.timer);
    this.panel?.destroy();
    this.element.remove();
  }

  /** Unfold a form as soon as there is one. */
  openForm(which: FormName): void {
    if (this.panel) this.panel.openForm(which);
    else this.wanted = which;
  }

  /** Have a verb carried out, if there is a panel. */
  act(what: string, deed: Deed): void {
    this.panel?.act(what, [deed]);
  }

  private draw(): void {
    const state = this.link.state;
    if (state === this.shown) return;
    this.shown = state;
    window.clearTimeout(this.timer);
    this.panel?.destroy();
    this.panel = null;
    if (state.kind !== 'ready') {
      this.element.replaceChildren(this.notice(state));
      applyStyles(this.element, 'panel', STYLE);
      return;
    }
    this.element.replaceChildren();
    this.panel = mountPanel(this.element, state.channel, { opens: false, ...(this.openRun && { openRun: this.openRun }) });
    if (this.wanted) this.panel.openForm(this.wanted);
    this.wanted = null;
  }

  private notice(state: Exclude<LinkState, { kind: 'ready' }>): HTMLElement {
    if (state.kind === 'absent') return this.absent(state.why);
    if (state.kind === 'loading') return notice('Loading pathos_nb …');
    if (state.kind === 'problem') return notice('No panel here', state.text);
    if (state.kind === 'gone') return notice('No kernel', 'Start or choose a kernel for this notebook; the panel follows it.');
    if (state.kind === 'foreign') {
      return notice('Not a Python kernel', `This notebook’s kernel speaks ${plain(state.language, 40)}; pathos_nb is for Python.`);
    }
    return this.starting();
  }

  private starting(): HTMLElement {
    const made = notice('Asking the kernel …');
    this.timer = window.setTimeout(() => {
      made.append(make('p', {}, 'It is starting, or runs a cell; it answers when that has ended.'));
    }, SLOW_MS);
    return made;
  }

  private absent(why: string): HTMLElement {
    const text = this.link.isFresh
      ? 'The kernel was restarted. Its pools have ended, and its hosts are disconnected; load pathos_nb to go on.'
      : 'This notebook’s kernel has not loaded it. Hosts, pools and runs appear here when it has.';
    const made = notice('pathos_nb is not loaded', text);
    if (why) made.append(make('p', { class: 'wrong', role: 'alert' }, plain(why, 1000)));
    made.append(button('Load pathos_nb', 'main', () => void this.link.load(), 'The same as %load_ext pathos_nb in a cell'));
    return made;
  }
}

export function notice(title: string, text = ''): HTMLElement {
  return make('div', { class: 'notice', role: 'status' }, make('h2', {}, title), text ? make('p', {}, plain(text, 2000)) : null);
}
