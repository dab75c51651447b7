// The form that starts a pool: any launcher that is ready, any connected host, or a mix of them.
import type { LauncherRow } from '../protocol';
import { make } from './dom';
import { perform, type Context } from './action';
import type { Deed } from './doing';
import { Cards, type Card } from './cards';
import { field, form, freshId, option, type Form } from './form';
import { isConnected, type PanelState } from './state';
import { joined, line } from './text';

const NAME = /^[A-Za-z_][A-Za-z0-9_.-]*$/;

interface Place {
  name: string;
  isReady: boolean;
  says: string;
}

export interface PoolForm extends Form {
  update(state: PanelState): void;
}

export function poolForm(context: Context): PoolForm {
  let taken: readonly string[] = [];
  const list = make('div', { class: 'places' });
  const cards = new Cards<Place>(list, (place) => place.name, placeChoice);
  const places = make('fieldset', { class: 'fieldset' }, make('legend', {}, 'Where'), list);
  const workers = field('Workers each', { type: 'number', min: 1, max: 1024, hint: 'one a core' });
  const name = field('Name', { hint: 'made of the places' });
  const isDefault = make('input', { type: 'checkbox', id: freshId('default'), checked: true });
  const use = make('div', { class: 'check' }, isDefault, make('label', { for: isDefault.id }, 'Run cells there from now on'));
  const chosen = (): string[] => [...list.querySelectorAll('input')].filter((one) => one.checked).map((one) => one.value);
  const check = (): string => {
    if (!chosen().length) return 'Where: choose at least one place.';
    if (chosen().includes('serial') && chosen().length > 1) return 'Where: serial is this notebook’s own thread, and cannot be mixed.';
    if (name.value() && !NAME.test(name.value())) return 'Name: letters, digits, . _ - and no blank.';
    return taken.includes(name.value()) ? `Name: there is a pool called ${name.value()} already.` : '';
  };
  const made = form('Start a pool …', [places, workers.element, name.element, use], [
    {
      label: 'Start',
      check,
      send: async () => {
        const called = name.value() || freeName(chosen(), taken);
        const deeds = poolDeeds(called, chosen(), workers.value(), isDefault.checked);
        return (await perform(context, `Start the pool ${called}`, deeds)).is_ok;
      },
    },
  ]);
  return {
    ...made,
    update(state) {
      taken = (state.pools ?? []).map((pool) => pool.name);
      cards.update(placesOf(state));
    },
  };
}

export function poolDeeds(name: string, places: readonly string[], workers: string, isDefault: boolean): Deed[] {
  const size = places.includes('serial') ? [] : option('nodes', workers);
  const deeds: Deed[] = [{ verb: 'pool', words: [...size, name, ...places] }];
  return isDefault ? [...deeds, { verb: 'use', words: [name] }] : deeds;
}

/** A name that no pool has: made of the places, and numbered if need be. */
export function freeName(places: readonly string[], taken: readonly string[]): string {
  const stem = `${places.map((place) => place.replace(/[^A-Za-z0-9_-]+/g, '-')).join('-').slice(0, 40)}-pool`;
  for (let i = 1; ; i += 1) {
    const name = i === 1 ? stem : `${stem}-${i}`;
    if (!taken.includes(name)) return name;
  }
}

/** Launchers that stand for a kind of place of their own; others need an address behind their name. */
export function placesOf(state: PanelState): Place[] {
  const launchers = (state.launchers ?? []).map(launcherPlace);
  const hosts = (state.hosts ?? []).filter(isConnected).map((host) => ({
    name: host.name,
    isReady: true,
    says: joined(['host', host.n_cores !== null && `${host.n_cores} cores`]),
  }));
  const names = new Set(launchers.map((one) => one.name));
  return [...launchers, ...hosts.filter((host) => !names.has(host.name))];
}

function launcherPlace(row: LauncherRow): Place {
  return { name: row.name, isReady: row.is_ready, says: row.is_ready ? row.reason : row.reason || 'not here' };
}

function placeChoice(first: Place): Card<Place> {
  const input = make('input', { type: 'checkbox', id: freshId('place'), value: first.name });
  const says = make('span', { class: 'dim' });
  const label = make('label', { for: input.id }, line(first.name));
  const element = make('div', { class: 'check', 'data-name': first.name }, input, label, says);
  return {
    element,
    update(place) {
      input.disabled = !place.isReady;
      if (!place.isReady) input.checked = false;
      element.classList.toggle('pathos-nb-panel-off', !place.isReady);
      says.textContent = line(place.says);
      element.title = line(place.says);
    },
  };
}
