// Pools: what is open, how much of it works, and a form that starts one on launchers and hosts.
import { setText } from '../dom';
import type { PoolRow } from '../protocol';
import { make } from './dom';
import { action, whileBusy, perform, isBusy, type Context } from './action';
import { Badge, head, Line } from './badge';
import type { Card } from './cards';
import { freshId } from './form';
import { count as whole } from '../text';
import { count, joined, line } from './text';

const MOST_WORKERS = 1024;

export function poolCard(context: Context, first: PoolRow): Card<PoolRow> {
  const name = first.name;
  const of = line(name);
  let row = first;
  const badge = new Badge();
  const title = head(badge);
  const [places, busy] = [new Line('dim'), new Line()];
  const bar = make('span', { class: 'fill' });
  const gauge = make('div', { class: 'gauge', role: 'progressbar', 'aria-label': `busy workers of ${of}` }, bar);
  const works = (): string => (row.n_busy ? `Cancels what runs there.` : '');
  const use = action(context, 'Make default', () => `Make ${name} the default`, () => [{ verb: 'use', words: [name] }], {
    title: 'Cells run there from now on', isMain: true, of,
  });
  const restart = action(context, 'Restart', () => `Restart ${name}`, () => [{ verb: 'pool', words: [name, '--restart'] }], {
    title: 'Begin again with fresh workers', loss: works, of,
  });
  const close = action(context, 'Close', () => `Close ${name}`, () => [{ verb: 'close', words: [name] }], { loss: works, of });
  const size = resizer(context, name);
  return {
    element: make(
      'div', { class: 'card', role: 'listitem', 'data-name': name },
      title.element, places.element, gauge, busy.element,
      make('div', { class: 'buttons' }, use.element, size.element, restart.element, close.element),
    ),
    update(now) {
      row = now;
      title.setName(now.name);
      badge.update(now.is_default ? 'default' : now.n_busy ? 'working' : 'idle', now.is_default ? 'good' : 'plain');
      places.update(now.places.join(', ') === now.name ? '' : joined(now.places, ', '));
      busy.update(`${now.n_busy} of ${count(now.n_workers, 'worker')} busy${now.is_owned ? '' : ' · made in a cell, and closed there'}`);
      bar.style.width = `${now.n_workers ? Math.min(100, (100 * now.n_busy) / now.n_workers) : 0}%`;
      gauge.setAttribute('aria-valuemax', String(now.n_workers));
      gauge.setAttribute('aria-valuenow', String(now.n_busy));
      use.set(now.is_owned && !now.is_default);
      size.update(now);
      restart.set(now.is_owned);
      close.set(now.is_owned);
    },
  };
}

function resizer(context: Context, name: string): { element: HTMLElement; update(row: PoolRow): void } {
  const id = freshId('size');
  let wanted = '';
  const input = make('input', { id, type: 'number', class: 'input size', min: 1, max: MOST_WORKERS, 'aria-label': `workers of ${line(name)}` });
  const set = make('button', { type: 'submit', class: 'button plain' }, 'Resize');
  const where = make('label', { for: id });
  const element = make('form', { class: 'resizer', novalidate: true }, where, input, set);
  element.addEventListener('submit', (event) => {
    event.preventDefault();
    const n = Number(input.value);
    const isFine = Number.isInteger(n) && n >= 1 && n <= MOST_WORKERS;
    input.toggleAttribute('aria-invalid', !isFine);
    if (!isFine || isBusy(set)) return;
    void whileBusy(set, () => perform(context, `Resize ${name}`, [{ verb: 'pool', words: [name, '--nodes', String(n)] }]));
  });
  return {
    element,
    update(row) {
      element.hidden = !row.is_owned || (row.places.length === 1 && row.places[0] === 'serial');
      const isMixed = row.places.length > 1;
      const now = String(isMixed ? row.n_first : row.n_workers);
      set.title = isMixed ? `Have that many workers at ${line(row.places[0] ?? '')}; the other places keep theirs` : 'Have that many workers';
      input.title = set.title;
      setText(where, isMixed ? `${line(row.places[0] ?? '')}:` : '');
      where.hidden = !isMixed;
      if (wanted !== now && document.activeElement !== input) input.value = now;
      wanted = now;
    },
  };
}

/** What stands in the panel's head: how much of the default pool works. */
export function busyText(nBusy: number, nSlots: number): string {
  return nSlots ? `${whole(nBusy)} of ${whole(nSlots)} busy` : 'no workers';
}

export function setBusy(element: HTMLElement, nBusy: number, nSlots: number): void {
  setText(element, busyText(nBusy, nSlots));
  element.title = nSlots ? `${nBusy} of ${count(nSlots, 'worker')} at work` : '';
}
