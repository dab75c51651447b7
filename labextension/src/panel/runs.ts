// Runs of this kernel: live and past.
import { barOf } from '../bar';
import { setShown, setText } from '../dom';
import type { RunRow, RunState } from '../protocol';
import { button, make } from './dom';
import { action, type Context } from './action';
import { Badge, head, Line, type Mood } from './badge';
import type { Card } from './cards';
import { count as whole } from '../text';
import { count, joined, line, moment, seconds } from './text';

const MOODS: Readonly<Record<RunState, Mood>> = { queued: 'plain', running: 'busy', done: 'good', failed: 'bad', cancelled: 'bad' };

export function runCard(context: Context, first: RunRow): Card<RunRow> {
  const run = first.run;
  const of = line(first.title || run);
  let row = first;
  const called = (): string => line(row.title || run);
  const badge = new Badge();
  const title = head(badge);
  const figures = new Line('dim');
  const [done, failed] = [make('span', { class: 'fill' }), make('span', { class: 'fill fill-bad' })];
  const gauge = make('div', { class: 'gauge', role: 'progressbar', 'aria-valuemin': 0 }, done, failed);
  const cancel = action(context, 'Cancel', () => `Cancel ${called()}`, () => [{ verb: 'cancel', words: [run] }], { isMain: true, of });
  const again = action(context, 'Rerun', () => `Rerun ${called()}`, () => [{ verb: 'rerun', words: [run] }], { of });
  const mend = action(context, 'Rerun failed', () => `Rerun what failed in ${called()}`, () => [{ verb: 'rerun', words: [run, '--failed'] }], {
    title: 'The points that failed or were not run', of: `in ${of}`,
  });
  const open = button('Open', 'plain', () => context.openRun?.(run, called()), 'Its timeline, output and errors');
  open.setAttribute('aria-label', `Open ${of}`);
  return {
    element: make(
      'div', { class: 'card', role: 'listitem', 'data-name': run },
      title.element, gauge, figures.element,
      make('div', { class: 'buttons' }, cancel.element, mend.element, again.element, open),
    ),
    update(now) {
      row = now;
      const isLive = now.state === 'running' || now.state === 'queued';
      title.setName(called(), run);
      badge.update(now.state, MOODS[now.state]);
      figures.update(figuresText(now), `began ${moment(now.started_at)}`);
      setGauge(gauge, done, failed, now, called());
      cancel.set(isLive);
      again.set(!isLive && now.can_retry);
      setText(mend.button, now.n_failed ? 'Rerun failed' : 'Run the rest');
      mend.set(!isLive && now.can_retry && isUnfinished(now));
      setShown(open, context.openRun !== null);
    },
  };
}

function isUnfinished(row: RunRow): boolean {
  return row.n_failed > 0 || (row.total !== null && row.n_done < row.total);
}

function figuresText(row: RunRow): string {
  const of = row.total === null ? '' : ` of ${whole(row.total)}`;
  return joined([
    `${whole(row.n_done)}${of} done`,
    row.n_failed > 0 && count(row.n_failed, 'failed', 'failed'),
    seconds(row.seconds),
    `at\u00a0${moment(row.started_at).slice(16)}`,
  ]);
}

function setGauge(gauge: HTMLElement, done: HTMLElement, failed: HTMLElement, row: RunRow, name: string): void {
  const all = row.total ?? row.n_done;
  const part = (n: number): string => `${all ? Math.min(100, (100 * n) / all) : 0}%`;
  done.style.width = part(row.n_done - row.n_failed);
  failed.style.width = row.n_failed ? `max(3px, ${part(row.n_failed)})` : '0';
  gauge.dataset['bar'] = barOf(row);
  gauge.setAttribute('aria-label', `progress of ${name}`);
  gauge.setAttribute('aria-valuemax', String(all));
  gauge.setAttribute('aria-valuenow', String(row.n_done));
}
