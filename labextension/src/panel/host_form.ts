// The form that adds a host: what ~/.ssh/config has is offered, what it says of a host need not be typed.
import { setShown } from '../dom';
import { make } from './dom';
import { perform, type Context } from './action';
import { field, form, freshId, option, type Form } from './form';
import type { PanelState } from './state';
import { plain } from './text';

const NAME = /^[A-Za-z0-9_.@:%\-[\]]+$/;

export interface HostForm extends Form {
  update(state: PanelState): void;
}

export function hostForm(context: Context): HostForm {
  const names = make('datalist', { id: freshId('ssh-names') });
  const jumps = make('datalist', { id: freshId('jumps') });
  const host = field('Host', { hint: 'me@node7', isNeeded: true, list: names });
  const known = chooser(host.input);
  const user = field('User', { hint: 'as ssh has it' });
  const port = field('Port', { hint: '22', type: 'number', min: 1, max: 65535 });
  const key = field('Key file', { hint: 'as ssh has it' });
  const through = field('Jump through', { hint: 'gate', list: jumps });
  const name = field('Call it', { hint: 'the host’s name' });
  const python = field('Python', { hint: '3.11 or a path' });
  const workers = field('Workers', { hint: 'one a core', type: 'number', min: 1, max: 4096 });
  const target = (): string => (user.value() ? `${user.value()}@${host.value()}` : host.value());
  const words = (): string[] => [
    ...option('name', name.value()), ...option('port', port.value()), ...option('key', key.value()),
    ...option('through', through.value()), ...option('python', python.value()), ...option('nodes', workers.value()),
  ];
  const check = (): string => {
    if (!NAME.test(host.value())) return 'Host: a name or an address, with user@ in front if need be.';
    return user.value() && host.value().includes('@') ? 'The user stands in front of the host already.' : '';
  };
  const made = form(
    'Add a host …',
    [
      host.element,
      known.element,
      make(
        'details',
        { class: 'inner' },
        make('summary', {}, 'User, port, key, jump …'),
        ...[user, port, key, through, name, python, workers].map((one) => one.element),
      ),
    ],
    [
      {
        label: 'Connect',
        title: 'Passwords and codes are asked here, and kept nowhere',
        check,
        send: async () => {
          const deed = { verb: 'connect', words: [...words(), target()] };
          return (await perform(context, `Connect ${target()}`, [deed])).is_ok;
        },
      },
      {
        label: 'Only remember',
        title: 'Put it into the list, without connecting',
        check,
        send: async () => {
          const deed = { verb: 'hosts', words: ['--add', target(), ...words()] };
          return (await perform(context, `Remember ${target()}`, [deed])).is_ok;
        },
      },
    ],
  );
  return {
    ...made,
    update(state) {
      offer(names, state.sshNames);
      known.update(state.sshNames);
      offer(jumps, [...state.sshNames, ...(state.hosts ?? []).map((one) => one.name)]);
    },
  };
}

/** What ~/.ssh/config has, to be chosen by mouse; there is none of it where nothing is known. */
function chooser(host: HTMLInputElement): { element: HTMLElement; update(names: readonly string[]): void } {
  const id = freshId('known');
  const select = make('select', { id, class: 'input' });
  const element = make('div', { class: 'field', hidden: true }, make('label', { for: id }, 'From ~/.ssh/config'), select);
  select.addEventListener('change', () => {
    host.value = select.value;
    host.focus();
  });
  return {
    element,
    update(names) {
      setShown(element, names.length > 0);
      if (select.children.length !== names.length + 1 || names.some((one, i) => select.children[i + 1]?.textContent !== plain(one, 200))) {
        select.replaceChildren(make('option', { value: '' }, `choose of ${names.length} …`), ...names.map((one) => make('option', { value: plain(one, 200) }, plain(one, 200))));
      }
    },
  };
}

/** Offer values; elements are touched only if there is something new. */
export function offer(list: HTMLDataListElement | HTMLSelectElement, values: readonly string[]): void {
  const wanted = [...new Set(values.map((one) => plain(one, 200)))];
  const there = [...list.children].map((one) => one.getAttribute('value') ?? '');
  if (wanted.length === there.length && wanted.every((one, i) => one === there[i])) return;
  const chosen = list instanceof HTMLSelectElement ? list.value : '';
  list.replaceChildren(...wanted.map((one) => make('option', { value: one }, one)));
  if (list instanceof HTMLSelectElement && wanted.includes(chosen)) list.value = chosen;
}
