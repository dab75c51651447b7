import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

/** What the extension adds to JupyterLab. */
const plugins: JupyterFrontEndPlugin<unknown>[] = [];

export default plugins;
