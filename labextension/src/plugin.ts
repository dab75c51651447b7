// What the extension adds to JupyterLab and Notebook 7: the side panel, its commands, settings, and the status bar's item.
import { ILabShell, ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { INotebookTracker, NotebookActions } from '@jupyterlab/notebook';
import { ISettingRegistry } from '@jupyterlab/settingregistry';
import { IStatusBar } from '@jupyterlab/statusbar';
import { addCommands } from './lab/commands';
import { showRuns } from './lab/runs_in_cells';
import { runOpener } from './lab/run_tab';
import { PANEL_ID, SidePanel } from './lab/side_panel';
import { StatusItem } from './lab/status';

const ID = 'pathos-nb:panel';
const RANK = 650; // behind the table of contents

function activate(
  app: JupyterFrontEnd,
  tracker: INotebookTracker,
  palette: ICommandPalette | null,
  settings: ISettingRegistry | null,
  restorer: ILayoutRestorer | null,
  statusBar: IStatusBar | null,
  labShell: ILabShell | null,
): void {
  const panel = new SidePanel(tracker, runOpener(app, labShell));
  showRuns(tracker, (notebook) => panel.linkOf(notebook));
  app.shell.add(panel, 'left', { rank: RANK, type: 'pathos_nb' });
  restorer?.add(panel, PANEL_ID);
  const show = (): void => app.shell.activateById(PANEL_ID);
  addCommands(app, palette, panel, show);
  NotebookActions.executed.connect((_, { notebook, cell }) => {
    const isInFront = notebook === tracker.currentWidget?.content;
    if (isInFront && cell.model.sharedModel.getSource().includes('pathos_nb')) panel.link?.askAgain();
  });
  const status = statusBar && addStatus(statusBar, panel, show);
  if (settings) void follow(settings, panel, status);
}

function addStatus(bar: IStatusBar, panel: SidePanel, show: () => void): StatusItem {
  const item = new StatusItem(panel, show);
  bar.registerStatusItem('pathos-nb:status', {
    item, align: 'left', rank: 90, isActive: () => item.isActive && !item.isUnwanted, activeStateChanged: panel.changed,
  });
  return item;
}

async function follow(registry: ISettingRegistry, panel: SidePanel, status: StatusItem | null): Promise<void> {
  try {
    const settings = await registry.load(ID);
    const apply = (): void => {
      const isStatusShown = settings.get('statusBar').composite !== false;
      if (status) status.isUnwanted = !isStatusShown;
      panel.wish({ autoLoad: settings.get('autoLoad').composite === true, isStatusShown: isStatusShown && status !== null });
    };
    settings.changed.connect(apply);
    apply();
  } catch (error) {
    console.warn('pathos_nb: the settings could not be read; the defaults count', error);
  }
}

const plugin: JupyterFrontEndPlugin<void> = {
  id: ID,
  description: 'Hosts, pools and runs of pathos_nb in a side panel.',
  autoStart: true,
  requires: [INotebookTracker],
  optional: [ICommandPalette, ISettingRegistry, ILayoutRestorer, IStatusBar, ILabShell],
  activate,
};

export default [plugin];
