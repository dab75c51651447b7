// The end of the day: runs are cancelled, pools and servers end, tunnels close, hosts are let go.
import { action, type Action, type Context } from './action';
import type { Deed } from './doing';
import { isAway, type PanelState } from './state';
import { count, joined } from './text';

// In this order, so that nothing is lost that is still in use.
const DEEDS: readonly Deed[] = ['cancel', 'kill', 'close', 'disconnect'].map((verb) => ({ verb, words: ['--all'] }));

export function closeAll(context: Context, now: () => PanelState): Action {
  return action(context, 'Close all', () => 'Close all', () => DEEDS, {
    title: 'Cancel what runs, end pools, tunnels and servers, disconnect all hosts',
    loss: () => `Ends ${loss(now())}.`,
  });
}

export function isAnythingOpen(state: PanelState): boolean {
  return loss(state) !== '';
}

function loss(state: PanelState): string {
  const hosts = (state.hosts ?? []).filter((host) => !isAway(host));
  const pools = (state.pools ?? []).filter((pool) => pool.is_owned);
  const runs = (state.runs ?? []).filter((run) => run.state === 'running' || run.state === 'queued');
  const some = (rows: readonly object[] | null, one: string): string => (rows?.length ? count(rows.length, one) : '');
  return joined([
    some(runs, 'run'), some(pools, 'pool'), some(state.tunnels, 'tunnel'), some(state.services, 'server'), some(hosts, 'connection'),
  ], ', ');
}
