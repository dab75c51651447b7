// What the panel knows: a pure function of the messages. What of it has not come yet is null.
import type {
  HostRow, LauncherRow, PoolRow, RunRow, ServiceRow, Tables, ToFront, Topic, TunnelRow,
} from '../protocol';

export interface PanelState {
  readonly isReady: boolean;
  readonly hosts: readonly HostRow[] | null;
  readonly sshNames: readonly string[];
  readonly tunnels: readonly TunnelRow[] | null;
  readonly services: readonly ServiceRow[] | null;
  readonly pools: readonly PoolRow[] | null;
  readonly launchers: readonly LauncherRow[] | null;
  readonly runs: readonly RunRow[] | null;
  /** Rows that were left out, by topic. */
  readonly more: Readonly<Partial<Record<Topic, number>>>;
  readonly nSlots: number;
  readonly nBusy: number;
}

export const TOPICS: readonly Topic[] = ['hosts', 'tunnels', 'services', 'pools', 'launchers', 'runs'];

export const NOTHING: PanelState = {
  isReady: false,
  hosts: null,
  sshNames: [],
  tunnels: null,
  services: null,
  pools: null,
  launchers: null,
  runs: null,
  more: {},
  nSlots: 0,
  nBusy: 0,
};

export function reduce(state: PanelState, message: ToFront): PanelState {
  if (message.type === 'hello') return { ...state, isReady: true };
  if (message.type === 'tables') return withTables(state, message);
  return state;
}

function withTables(state: PanelState, tables: Tables): PanelState {
  return {
    isReady: true,
    hosts: tables.hosts ?? state.hosts,
    sshNames: tables.ssh_names ?? state.sshNames,
    tunnels: tables.tunnels ?? state.tunnels,
    services: tables.services ?? state.services,
    pools: tables.pools ?? state.pools,
    launchers: tables.launchers ?? state.launchers,
    runs: tables.runs ?? state.runs,
    more: { ...state.more, ...moreOf(tables) },
    nSlots: tables.n_slots,
    nBusy: tables.n_busy,
  };
}

/** How many rows were left out of each list that came. */
function moreOf(tables: Tables): Partial<Record<Topic, number>> {
  const came = TOPICS.filter((topic) => tables[topic] !== null);
  return Object.fromEntries(came.map((topic) => [topic, tables.n_more[topic] ?? 0]));
}

/** States of a host in which there is no connection to end. */
const AWAY = new Set(['', 'known', 'closed']);

export function isConnected(host: HostRow): boolean {
  return host.state === 'connected';
}

export function isAway(host: HostRow): boolean {
  return AWAY.has(host.state);
}

export function isComing(host: HostRow): boolean {
  return host.state === 'connecting';
}

/** The names of hosts that something can be done on. */
export function connectedNames(state: PanelState): string[] {
  return (state.hosts ?? []).filter(isConnected).map((host) => host.name);
}
