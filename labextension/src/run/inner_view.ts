// The maps inside of items: how far each is, those that go on first. Seen while any goes on, folded when all are over.
import { make, setShown, setText } from '../dom';
import type { InnerRow } from '../protocol';
import { isOver, type State } from '../state';
import { count, duration, line } from '../text';

export interface InnerView {
  update(state: State): void;
}

/** Put the list into an element. */
export function mountInner(element: HTMLElement): InnerView {
  const title = make('span', {});
  const body = make('tbody', {});
  const rest = make('div', { class: 'faint' });
  const head = make('tr', {}, ...['item', 'map', 'done', 'time', 'state'].map((name) => make('th', { scope: 'col' }, name)));
  const table = make('table', { class: 'table' }, make('thead', {}, head), body);
  const fold = make('details', { class: 'inner-maps' }, make('summary', {}, title), make('div', { class: 'list' }, table), rest);
  element.append(fold);
  let shown: readonly InnerRow[] | null = null;
  let wasOver: boolean | null = null;
  return {
    update(state) {
      const n = state.inner.length + state.nMoreInner;
      setShown(element, n > 0);
      if (!n) return;
      setText(title, `${count(n)} ${n === 1 ? 'map' : 'maps'} inside of items`);
      const over = isOver(state);
      if (over !== wasOver) fold.open = !over;
      wasOver = over;
      if (state.inner === shown) return;
      shown = state.inner;
      body.replaceChildren(...state.inner.map(rowOf));
      setText(rest, state.nMoreInner ? `and ${count(state.nMoreInner)} more` : '');
    },
  };
}

function rowOf(row: InnerRow): HTMLElement {
  const of = row.total === null ? '' : ` of ${count(row.total)}`;
  const failed = row.n_failed ? `, ${count(row.n_failed)} failed` : '';
  return make('tr', row.state === 'failed' || row.state === 'lost' ? { class: 'gone' } : {},
    make('th', { scope: 'row' }, make('bdi', {}, line(row.label, 100))),
    make('td', {}, make('bdi', {}, line(row.title, 60))),
    make('td', { class: 'number' }, `${count(row.n_done)}${of}${failed}`),
    make('td', { class: 'number' }, duration(row.seconds)),
    make('td', {}, row.state));
}
