// The panel's lists: which topic is shown how, and which form makes more of it.
import type { ServiceRow, Topic, TunnelRow } from '../protocol';
import type { Context } from './action';
import { Cards, type Card } from './cards';
import type { Form } from './form';
import { hostForm } from './host_form';
import { hostCard } from './hosts';
import { poolForm } from './pool_form';
import { poolCard } from './pools';
import { runCard } from './runs';
import { section } from './section';
import { shortened } from './shortened';
import { serverForm, serviceCard, tunnelCard, tunnelForm } from './services';
import type { PanelState } from './state';

export interface View {
  readonly element: HTMLElement;
  update(state: PanelState): void;
  /** Unfold it, and the form in it. */
  open(): void;
}

interface What<Row> {
  topic: Topic;
  title: string;
  empty: string;
  rows: (state: PanelState) => readonly Row[] | null;
  keyOf: (row: Row) => string;
  card: (context: Context, row: Row) => Card<Row>;
  form?: Form & { update(state: PanelState): void };
  isFolded?: boolean;
}

function view<Row extends object>(context: Context, what: What<Row>): View {
  const part = section(what.topic, what.title, what.empty, !what.isFolded);
  const cards = new Cards<Row>(part.list, what.keyOf, (row) => what.card(context, row));
  if (what.form) part.body.prepend(what.form.element);
  let rows: readonly Row[] | null = null;
  const short = shortened(what.title, () => cards.update(short.pick(rows ?? [])));
  part.list.before(short.find);
  part.list.after(short.rest);
  return {
    element: part.element,
    update(state) {
      rows = what.rows(state);
      part.setCount(rows?.length ?? null, state.more[what.topic] ?? 0);
      cards.update(short.pick(rows ?? []));
      what.form?.update(state);
    },
    open() {
      part.element.open = true;
      what.form?.open();
    },
  };
}

export interface Views {
  hosts: View;
  pools: View;
  tunnels: View;
  servers: View;
  all: readonly View[];
}

export function viewsOf(context: Context): Views {
  const hosts = view(context, {
    topic: 'hosts',
    title: 'Hosts',
    empty: 'No host yet. Add one: any machine that you reach by ssh.',
    rows: (state) => state.hosts,
    keyOf: byName,
    card: hostCard,
    form: hostForm(context),
  });
  const pools = view(context, {
    topic: 'pools',
    title: 'Pools',
    empty: 'No pool yet. The first parallel cell opens one by itself.',
    rows: (state) => state.pools,
    keyOf: byName,
    card: poolCard,
    form: poolForm(context),
  });
  const { runs, tunnels, servers } = others(context);
  return { hosts, pools, tunnels, servers, all: [hosts, pools, runs, tunnels, servers] };
}

function others(context: Context): { runs: View; tunnels: View; servers: View } {
  const runs = view(context, {
    topic: 'runs',
    title: 'Runs',
    empty: 'No run yet. A cell that begins with %%pmap makes one.',
    rows: (state) => state.runs && [...state.runs].reverse(),
    keyOf: (row) => row.run,
    card: runCard,
  });
  const folded = { keyOf: byName, isFolded: true };
  const tunnels: What<TunnelRow> = {
    ...folded, topic: 'tunnels', title: 'Tunnels', empty: 'No tunnel is open.',
    rows: (state) => state.tunnels, card: tunnelCard, form: tunnelForm(context),
  };
  const servers: What<ServiceRow> = {
    ...folded, topic: 'services', title: 'Servers', empty: 'No server runs.',
    rows: (state) => state.services, card: serviceCard, form: serverForm(context),
  };
  return { runs, tunnels: view(context, tunnels), servers: view(context, servers) };
}

function byName(row: { name: string }): string {
  return row.name;
}
