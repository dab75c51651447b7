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
import type { Context } from './action';
import { Doing } from './doing';
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

export interface Panel {
  readonly element: HTMLElement;
  /** Unfold a form: of a host, of a pool. */
  openForm(which: 'host' | 'pool'): void;
  destroy(): void;
}

export function mountPanel(home: HTMLElement, channel: Channel, options: PanelOptions = {}): Panel {
  const doing = new Doing(channel);
  const notes = new Notes();
  const context: Context = { doing, notes, openRun: options.openRun ?? null };
  const busy = make('span', { class: 'busy-text' });
  const problem = make('div', { class: 'problem', role: 'alert', hidden: true });
  const questions = new Questions(doing);
  const { hosts, pools, all: views } = viewsOf(context);
  const element = make(
    'div',
    { class: 'panel', role: 'region', 'aria-label': 'pathos_nb' },
    make('div', { class: 'head' }, make('h2', { class: 'title' }, 'pathos_nb'), busy),
    problem,
    questions.element,
    make('div', { class: 'sections' }, ...views.map((view) => view.element)),
    notes.element,
  );
  home.append(element);
  applyStyles(element, 'panel', STYLE);
  let state = NOTHING;
  const draw = perFrame(() => {
    setBusy(busy, state.nBusy, state.nSlots);
    setShown(busy, state.isReady);
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
    openForm: (which) => (which === 'host' ? hosts : pools).open(),
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
