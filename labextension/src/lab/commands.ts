// The commands of the palette. Those that need a kernel with pathos_nb say so by being disabled.
import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { SidePanel } from './side_panel';

const CATEGORY = 'pathos_nb';

interface Command {
  id: string;
  label: string;
  act: () => void;
  isEnabled?: () => boolean;
}

export function addCommands(app: JupyterFrontEnd, palette: ICommandPalette | null, panel: SidePanel, show: () => void): void {
  const isReady = (): boolean => panel.link?.state.kind === 'ready';
  const form = (which: 'host' | 'pool') => (): void => {
    show();
    panel.openForm(which);
  };
  const commands: Command[] = [
    { id: 'show', label: 'Show hosts, pools and runs', act: show },
    { id: 'load', label: 'Load pathos_nb into this kernel', act: () => void panel.link?.load(), isEnabled: () => panel.link?.state.kind === 'absent' },
    { id: 'add-host', label: 'Add a host …', act: form('host'), isEnabled: isReady },
    { id: 'start-pool', label: 'Start a pool …', act: form('pool'), isEnabled: isReady },
  ];
  for (const { id, label, act, isEnabled } of commands) {
    const command = `pathos-nb:${id}`;
    app.commands.addCommand(command, { label, caption: label, execute: act, isEnabled: isEnabled ?? (() => true) });
    palette?.addItem({ command, category: CATEGORY });
  }
  panel.changed.connect(() => app.commands.notifyCommandChanged());
}
