// The commands of the palette. Those that need a kernel with pathos_nb say so by being disabled.
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { FormName } from '../panel/panel';
import type { SidePanel } from './side_panel';

const CATEGORY = 'pathos_nb';
const FOCUS_MS = 50;

interface Command {
  id: string;
  label: string;
  act: () => void;
  isEnabled?: () => boolean;
}

export function addCommands(app: JupyterFrontEnd, palette: ICommandPalette | null, panel: SidePanel, show: () => void): void {
  const isReady = (): boolean => panel.link?.state.kind === 'ready';
  const form = (which: FormName) => (): void => {
    show();
    // The palette gives the focus back to where it was once the command is done.
    window.setTimeout(() => panel.openForm(which), FOCUS_MS);
  };
  const cancelAll = (): void => panel.act('Cancel all runs', { verb: 'cancel', words: ['--all'] });
  const commands: Command[] = [
    { id: 'show', label: 'Show hosts, pools and runs', act: show },
    { id: 'load', label: 'Load pathos_nb into this kernel', act: () => void panel.link?.load(), isEnabled: () => panel.link?.state.kind === 'absent' },
    { id: 'add-host', label: 'Add a host …', act: form('host'), isEnabled: isReady },
    { id: 'start-pool', label: 'Start a pool …', act: form('pool'), isEnabled: isReady },
    { id: 'open-tunnel', label: 'Open a tunnel …', act: form('tunnel'), isEnabled: isReady },
    { id: 'start-server', label: 'Start a server …', act: form('server'), isEnabled: isReady },
    { id: 'cancel-all', label: 'Cancel all runs', act: cancelAll, isEnabled: isReady },
  ];
  for (const { id, label, act, isEnabled } of commands) {
    const command = `pathos-nb:${id}`;
    app.commands.addCommand(command, { label: `pathos_nb: ${label}`, caption: label, execute: act, isEnabled: isEnabled ?? (() => true) });
    palette?.addItem({ command, category: CATEGORY });
  }
  panel.changed.connect(() => app.commands.notifyCommandChanged());
}
