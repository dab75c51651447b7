// Which runs in this page are more than a record: those that go on, and those whose points could run again. One table in
// the page, found by a symbol: the renderer of saved runs and the plugin that knows the kernels are loaded apart.
import type { Widget } from '@lumino/widgets';
import type { Channel } from '../comm';
import type { RunRecord } from '../protocol';

/** Runs points again that have no value; what it gives says why not, or nothing. */
export type Retry = () => Promise<string>;

/** A view that a kernel feeds. */
export interface LivingView {
  readonly element: HTMLElement;
  lose(): void;
  record(): RunRecord | null;
}

export interface LivingRuns {
  /** Those of widgets: who knows the kernels tells them when one is no more. */
  readonly views: Set<LivingView>;
  /** Widgets that a kernel has opened in this page. */
  readonly models: Set<string>;
  /** By a run's id. A view listens, and leaves it open. */
  readonly channels: Map<string, Channel>;
  /** Tell by `show`, now and whenever it changes, how a run's points run again; null where they cannot. */
  offer: ((widget: Widget, run: string, show: (retry: Retry | null) => void) => () => void) | null;
}

const NAME = Symbol.for('pathos_nb.living');

export function livingRuns(): LivingRuns {
  const home = globalThis as unknown as Record<symbol, LivingRuns | undefined>;
  const living = home[NAME] ?? { views: new Set(), models: new Set(), channels: new Map(), offer: null };
  home[NAME] = living;
  return living;
}
