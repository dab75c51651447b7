// What a profile says in rows: functions, what workers' time was spent on, points that stand out.
import { make, setShown } from '../dom';
import { bytes } from '../panel/text';
import type { Profile } from '../profile';
import type { PointRows } from '../protocol';
import { count, duration, line } from '../text';

export const FUNCTIONS = ['own', 'total', 'function', 'at', 'mostly', 'calls'] as const;
export const USAGE = ['worker', 'busy', 'CPU', 'unpickling', 'pickling', 'waiting', 'idle', 'transfer', 'out', 'in', 'peak'] as const;
export const KINDS = ['Python', 'C code', 'waiting', 'waiting for the GIL', 'without a core'] as const;

/** Give a table that scrolls, with the names of its columns above a body. */
export function table(names: readonly string[], body: HTMLElement): HTMLElement {
  const head = make('tr', {}, ...names.map((name) => make('th', { scope: 'col' }, name)));
  return make('div', { class: 'list' }, make('table', { class: 'table' }, make('thead', {}, head), body));
}

/** Points that stand out, folded. */
export class PointsTable {
  private readonly body = make('tbody', {});
  readonly fold: HTMLDetailsElement;

  constructor(title: string, private readonly told: (amount: number) => string) {
    this.fold = make('details', { class: 'by-point', hidden: true }, make('summary', {}, title), table(['', 'point', 'worker'], this.body));
  }

  update(rows: PointRows): void {
    setShown(this.fold, rows.label.length > 0);
    this.body.replaceChildren(...rows.label.map((label, i) => make('tr', {},
      make('td', { class: 'number' }, this.told(rows.amount[i] ?? 0)),
      make('th', { scope: 'row' }, make('bdi', {}, line(label, 100))),
      make('td', {}, make('bdi', {}, line(rows.worker[i] ?? '', 100))))));
  }
}

export function functionRows(profile: Profile): HTMLElement[] {
  const { functions } = profile;
  return functions.name.map((name, i) => {
    const calls = functions.n_calls[i] ?? 0;
    return make('tr', {},
      make('td', { class: 'number' }, duration((functions.own_ms[i] ?? 0) / 1000)),
      make('td', { class: 'number' }, duration((functions.total_ms[i] ?? 0) / 1000)),
      make('th', { scope: 'row' }, make('bdi', {}, line(name, 100))),
      make('td', { class: 'faint' }, make('bdi', {}, line(functions.where[i] ?? '', 100))),
      make('td', {}, KINDS[functions.kind[i] ?? 0] ?? ''),
      make('td', { class: 'number' }, calls ? count(calls) : ''));
  });
}

export function usageRows(profile: Profile): HTMLElement[] {
  const { usage } = profile;
  const cell = (seconds: number | undefined): HTMLElement => make('td', { class: 'number' }, duration(seconds ?? 0));
  return usage.name.map((name, i) => make('tr', {},
    make('th', { scope: 'row' }, make('bdi', {}, line(usage.is_host[i] ? `host ${name}` : name, 100))),
    ...[usage.run_s, usage.cpu_s, usage.load_s, usage.dump_s, usage.wait_s, usage.idle_s, usage.transfer_s].map((each) => cell(each[i])),
    ...[usage.bytes_out, usage.bytes_in, usage.peak_bytes].map((each) => make('td', { class: 'number' }, bytes(each[i] ?? 0)))));
}
