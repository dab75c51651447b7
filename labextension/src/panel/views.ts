// The panel's lists: which topic is shown how, and which form makes more of it.
import type { Topic } from '../protocol';
import type { Context } from './action';
import { Cards, type Card } from './cards';
import type { Form } from './form';
import { hostForm } from './host_form';
import { hostCard } from './hosts';
import { poolForm } from './pool_form';
import { poolCard } from './pools';
import { runCard } from './runs';
import { section } from './section';
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

function view<Row>(context: Context, what: What<Row>): View {
  const part = section(what.topic, what.title, what.empty, !what.isFolded);
  const cards = new Cards<Row>(part.list, what.keyOf, (row) => what.card(context, row));
  if (what.form) part.body.prepend(what.form.element);
  return {
    element: part.element,
    update(state) {
      const rows = what.rows(state);
      part.setCount(rows?.length ?? null, state.more[what.topic] ?? 0);
      cards.update(rows ?? []);
      what.form?.update(state);
    },
    open() {
      part.element.open = true;
      what.form?.open();
      what.form?.element.scrollIntoView?.({ block: 'nearest' });
    },
  };
}

export function viewsOf(context: Context): { hosts: View; pools: View; all: View[] } {
  const hosts = view(context, {
    topic: 'hosts',
    title: 'Hosts',
    empty: 'No host yet. Add one: any machine that you reach by ssh.',
    rows: (state) => state.hosts,
    keyOf: (row) => row.name,
    card: hostCard,
    form: hostForm(context),
  });
  const pools = view(context, {
    topic: 'pools',
    title: 'Pools',
    empty: 'No pool yet. The first parallel cell opens one by itself.',
    rows: (state) => state.pools,
    keyOf: (row) => row.name,
    card: poolCard,
    form: poolForm(context),
  });
  return { hosts, pools, all: [hosts, pools, ...others(context)] };
}

function others(context: Context): View[] {
  const runs = view(context, {
    topic: 'runs',
    title: 'Runs',
    empty: 'No run yet. A cell that begins with %%pmap makes one.',
    rows: (state) => state.runs && [...state.runs].reverse(),
    keyOf: (row) => row.run,
    card: runCard,
  });
  const tunnels = view(context, {
    topic: 'tunnels',
    title: 'Tunnels',
    empty: 'No tunnel is open.',
    rows: (state) => state.tunnels,
    keyOf: (row) => row.name,
    card: tunnelCard,
    form: tunnelForm(context),
    isFolded: true,
  });
  const servers = view(context, {
    topic: 'services',
    title: 'Servers',
    empty: 'No server runs.',
    rows: (state) => state.services,
    keyOf: (row) => row.name,
    card: serviceCard,
    form: serverForm(context),
    isFolded: true,
  });
  return [runs, tunnels, servers];
}
