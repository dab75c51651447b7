// Tunnels to ports on hosts, and servers that were started there.
import type { ServiceRow, TunnelRow } from '../protocol';
import { button, make } from './dom';
import { action, perform, type Context } from './action';
import { Badge, head, Line } from './badge';
import type { Card } from './cards';
import { field, form, freshId, option, type Form } from './form';
import { offer } from './host_form';
import { connectedNames, type PanelState } from './state';
import { bytes, count, joined, line, milliseconds } from './text';

export function tunnelCard(context: Context, first: TunnelRow): Card<TunnelRow> {
  const name = first.name;
  let address = '';
  const badge = new Badge();
  const title = head(badge);
  const [way, figures] = [new Line(), new Line('dim')];
  const copy = button('Copy address', 'plain', () => void copyText(context, address));
  const close = action(context, 'Close', () => `Close the tunnel ${name}`, () => [{ verb: 'kill', words: [name] }], { of: line(name) });
  return {
    element: make(
      'div', { class: 'card', role: 'listitem', 'data-name': name },
      title.element, way.element, figures.element, make('div', { class: 'buttons' }, copy, close.element),
    ),
    update(row) {
      address = `localhost:${row.local_port}`;
      title.setName(row.name);
      badge.update(row.state, row.state === 'connected' ? 'good' : row.state === 'reconnecting' ? 'busy' : 'bad');
      way.update(`${address} → ${row.host}:${row.remote.split(':').pop() ?? row.remote}`, `${address} leads to ${row.remote} on ${row.host}`);
      figures.update(joined([
        bytes(row.n_bytes),
        row.latency_ms !== null && milliseconds(row.latency_ms),
        row.n_reconnects > 0 && `opened again ${count(row.n_reconnects, 'time')}`,
      ]));
    },
  };
}

async function copyText(context: Context, text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    context.notes.tell('Copy', { is_ok: true, text: `${text} is in the clipboard`, cure: '' });
  } catch {
    context.notes.tell('Copy', { is_ok: false, text: 'the browser does not allow it', cure: `the address is ${text}` });
  }
}

export function serviceCard(context: Context, first: ServiceRow): Card<ServiceRow> {
  const name = first.name;
  const badge = new Badge();
  const title = head(badge);
  const where = new Line();
  const stop = action(context, 'Stop', () => `Stop ${name}`, () => [{ verb: 'kill', words: [name] }], {
    loss: () => 'Ends its workers.', of: line(name),
  });
  return {
    element: make(
      'div', { class: 'card', role: 'listitem', 'data-name': name },
      title.element, where.element, make('div', { class: 'buttons' }, stop.element),
    ),
    update(row) {
      title.setName(row.name);
      badge.update(row.state, row.state === 'connected' || row.state === 'running' ? 'good' : 'bad');
      where.update(joined([row.kind, `on ${row.host}`, row.port > 0 && `localhost:${row.port} here`]));
    },
  };
}

export interface OnHost extends Form {
  update(state: PanelState): void;
}

export function tunnelForm(context: Context): OnHost {
  const host = choice('Host');
  const port = field('Port there', { type: 'number', min: 1, max: 65535, isNeeded: true, hint: '8080' });
  const local = field('Port here', { type: 'number', min: 1, max: 65535, hint: 'any that is free' });
  const made = form('Open a tunnel …', [host.element, port.element, local.element], [
    {
      label: 'Open',
      check: () => host.wrong(),
      send: async () => {
        const words = [...option('local', local.value()), host.select.value, port.value()];
        return (await perform(context, 'Open a tunnel', [{ verb: 'tunnel', words }])).is_ok;
      },
    },
  ]);
  return { ...made, update: (state) => offer(host.select, connectedNames(state)) };
}

export function serverForm(context: Context): OnHost {
  const host = choice('Host');
  const workers = field('Workers', { type: 'number', min: 1, max: 4096, hint: 'one a core' });
  const made = form('Start a server …', [host.element, workers.element], [
    {
      label: 'Start',
      title: 'A server for ParallelPool; what it needs is carried there',
      check: () => host.wrong(),
      send: async () => {
        const words = [...option('nodes', workers.value()), host.select.value];
        return (await perform(context, 'Start a server', [{ verb: 'serve', words }])).is_ok;
      },
    },
  ]);
  return { ...made, update: (state) => offer(host.select, connectedNames(state)) };
}

function choice(label: string): { element: HTMLElement; select: HTMLSelectElement; wrong(): string } {
  const id = freshId('choice');
  const select = make('select', { id, class: 'input' });
  return {
    element: make('div', { class: 'field' }, make('label', { for: id }, label), select),
    select,
    wrong: () => (select.value ? '' : 'No host is connected: connect one first, above.'),
  };
}
