// Hosts: how each of them is, and what can be done with it.
import type { HostRow } from '../protocol';
import { make } from './dom';
import { action, type Context } from './action';
import { Badge, head, Line, type Mood } from './badge';
import type { Card } from './cards';
import { Sparkline } from './sparkline';
import { isAway, isComing, isConnected } from './state';
import { bytes, count, joined, line, milliseconds } from './text';

function moodOf(state: string): Mood {
  if (state === 'connected') return 'good';
  if (/lost|failed/.test(state)) return 'bad';
  return state === 'connecting' ? 'busy' : 'plain';
}

export function hostCard(context: Context, first: HostRow): Card<HostRow> {
  const name = first.name;
  let row = first;
  const badge = new Badge();
  const title = head(badge);
  const [where, machine, problem, mismatch] = [new Line('dim where'), new Line(), new Line('bad'), new Line('warn')];
  const trips = new Sparkline();
  const tripText = make('span', { class: 'dim' });
  const trip = make('div', { class: 'line trip' }, trips.element, tripText);
  const hold = (): string => (row.n_workers ? `Ends ${count(row.n_workers, 'worker')} there.` : '');
  const of = line(name);
  const connect = action(context, 'Connect', () => `Connect ${name}`, () => [{ verb: 'connect', words: [name] }], { isMain: true, of });
  const use = action(context, 'Run cells here', () => `Run cells on ${name}`, () => [{ verb: 'use', words: [name] }], { of });
  const check = action(context, 'Check', () => `Check ${name}`, () => [{ verb: 'check', words: [name] }], {
    title: 'Look at it anew: Python, cores, memory, clock, link', of, isLook: true,
  });
  const end = action(context, 'Disconnect', () => `Disconnect ${name}`, () => [{ verb: 'disconnect', words: [name] }], { loss: hold, of });
  const save = action(context, 'Remember', () => `Remember ${name}`, () => [{ verb: 'hosts', words: ['--save', name] }], {
    title: 'Keep how it is reached for other notebooks', of,
  });
  const forget = action(context, 'Remove', () => `Remove ${name}`, () => [{ verb: 'hosts', words: ['--forget', name] }], {
    title: 'Remember it no longer', loss: () => 'Forget how it is reached?', of,
  });
  const actions = [connect, use, check, end, save, forget];
  return {
    element: make(
      'div',
      { class: 'card', role: 'listitem', 'data-name': name },
      title.element, where.element, problem.element, mismatch.element, machine.element, trip,
      make('div', { class: 'buttons' }, ...actions.map((one) => one.element)),
    ),
    update(now) {
      row = now;
      title.setName(now.name, addressOf(now));
      badge.update(now.state === 'known' ? 'not connected' : now.state, moodOf(now.state), now.problem);
      where.update(whereText(now), addressOf(now));
      problem.update(now.problem);
      mismatch.update(now.mismatch);
      machine.update(isAway(now) ? '' : machineText(now));
      trips.update(now.round_trips_ms);
      tripText.textContent = tripTextOf(now);
      trip.hidden = now.round_trips_ms.length === 0;
      const [isThere, isFree] = [isConnected(now), isAway(now)];
      connect.set(!isThere && !isComing(now));
      use.set(isThere);
      check.set(isThere);
      end.set(!isFree && !isComing(now));
      save.set(isThere && !now.is_saved);
      forget.set(isFree && now.is_saved);
    },
  };
}

function addressOf(row: HostRow): string {
  const user = row.user ? `${row.user}@` : '';
  return `${user}${row.address || row.name}${row.port && row.port !== 22 ? `:${row.port}` : ''}`;
}

function whereText(row: HostRow): string {
  const address = addressOf(row);
  return joined([
    address === row.name ? '' : address,
    row.through && `through ${row.through}`,
    row.transport && row.transport !== 'paramiko' && row.transport,
  ]);
}

function machineText(row: HostRow): string {
  return joined([
    row.n_workers > 0 && count(row.n_workers, 'worker'),
    row.n_cores !== null && count(row.n_cores, 'core'),
    row.load !== null && `load ${row.load.toFixed(1)}`,
    memoryText(row),
    row.python && `Python ${row.python}`,
  ]);
}

function memoryText(row: HostRow): string {
  if (row.memory_bytes === null) return '';
  return row.free_bytes === null ? bytes(row.memory_bytes) : `${bytes(row.free_bytes)} of ${bytes(row.memory_bytes)} free`;
}

function tripTextOf(row: HostRow): string {
  const last = row.round_trips_ms[row.round_trips_ms.length - 1];
  return last === undefined ? '' : `round trip ${milliseconds(last)}`;
}
