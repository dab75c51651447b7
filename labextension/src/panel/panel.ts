// The manager: hosts, tunnels, servers, pools and runs of one kernel, over one channel.
//
//   channel ── message ──► reduce ──► state ── per frame ──► sections
//      ▲                                                        │
//      └────────── do, reply, watch ◄── Doing ◄── buttons, forms
import type { Channel, Problem } from '../comm';
import { setShown, setText } from '../dom';
import { perFrame } from '../frames';
import { PROTOCOL, type ToFront } from '../protocol';
import { applyStyles } from '../styles';
import { make } from './dom';
import { perform, type Context } from './action';
import { closeAll, isAnythingOpen } from './closing';
import { Doing, type Deed } from './doing';
import { Notes } from './notes';
import { setBusy } from './pools';
import { Questions } from './questions';
import { NOTHING, reduce, TOPICS, type PanelState } from './state';
import { STYLE } from './style';
import { plain } from './text';
import { viewsOf } from './views';

export interface PanelOptions {
  /** Show a run in a place of its own. */
  openRun?: (run: string, title: string) => void;
  /** Called with each state. */
  onState?: (state: PanelState) => void;
  /** Whether to introduce oneself to the kernel; false: somebody else does, and says what is watched. */
  opens?: boolean;
}

export type FormName = 'host' | 'pool' | 'tunnel' | 'server';

export interface Panel {
  readonly element: HTMLElement;
  /** Unfold a form. */
  openForm(which: FormName): void;
  /** Have a verb carried out; how it ended is told in the panel. */
  act(what: string, deeds: readonly Deed[]): void;
  destroy(): void;
}

export function mountPanel(home: HTMLElement, channel: Channel, options: PanelOptions = {}): Panel {
  let state = NOTHING;
  const doing = new Doing(channel);
  const notes = new Notes();
  const context: Context = { doing, notes, openRun: options.openRun ?? null };
  const busy = make('span', { class: 'busy-text' });
  const problem = make('div', { class: 'problem', role: 'alert', hidden: true });
  const questions = new Questions(doing);
  const { hosts, pools, tunnels, servers, all: views } = viewsOf(context);
  const forms = { host: hosts, pool: pools, tunnel: tunnels, server: servers };
  const end = closeAll(context, () => state);
  const element = make(
    'div',
    { class: 'panel', role: 'region', 'aria-label': 'pathos_nb' },
    make('div', { class: 'head' }, make('h2', { class: 'title' }, 'pathos_nb'), busy, end.element),
    problem,
    questions.element,
    make('div', { class: 'sections' }, ...views.map((view) => view.element)),
    notes.element,
  );
  home.append(element);
  applyStyles(element, 'panel', STYLE);
  const draw = perFrame(() => {
    setBusy(busy, state.nBusy, state.nSlots);
    setShown(busy, state.isReady);
    end.set(isAnythingOpen(state));
    for (const view of views) view.update(state);
  });
  const hear = (message: ToFront): void => {
    doing.hear(message);
    const next = reduce(state, message);
    if (next === state) return;
    state = next;
    options.onState?.(state);
    draw.ask();
  };
  const stop = channel.onMessage({ message: hear, problem: (found) => showProblem(element, problem, doing, found) });
  if (options.opens ?? true) {
    channel.send({ type: 'open', version: PROTOCOL });
    channel.send({ type: 'watch', topics: [...TOPICS], runs: [] });
  }
  draw.ask();
  return {
    element,
    openForm: (which) => forms[which].open(),
    act: (what, deeds) => void perform(context, what, deeds),
    destroy() {
      stop();
      draw.stop();
      doing.giveUp();
      element.remove();
    },
  };
}

/** A plain notice in place of lists that would be wrong or stay empty. */
function showProblem(element: HTMLElement, place: HTMLElement, doing: Doing, found: Problem): void {
  setText(place, plain(found.text));
  setShown(place, true);
  doing.giveUp(found.text);
  element.classList.add('pathos-nb-panel-has-problem');
}
