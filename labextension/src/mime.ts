import type { IRenderMime } from '@jupyterlab/rendermime-interfaces';

/** The renderers of saved runs. */
const extensions: IRenderMime.IExtension[] = [];

export default extensions;
