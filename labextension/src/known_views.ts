// The views of runs that a page has got already, whoever brought them: one table in the page, found by a symbol, since
// each widget's module and the extension are programs of their own.
import type { Model } from './comm';

export interface RenderProps {
  model: Model;
  el: HTMLElement;
}

/** Draws the run of a model; what it gives ends that. */
export type Render = (props: RenderProps) => () => void;

export interface KnownViews {
  readonly byDigest: Map<string, Promise<Render>>;
  /** The extension's, and which version of the messages it speaks. */
  extension: { readonly protocol: number; readonly render: Render } | null;
}

const NAME = Symbol.for('pathos_nb.views');

export function knownViews(): KnownViews {
  const home = globalThis as unknown as Record<symbol, KnownViews | undefined>;
  const known = home[NAME] ?? { byDigest: new Map(), extension: null };
  home[NAME] = known;
  return known;
}
