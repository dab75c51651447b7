// What the panel and its tabs share: a picture, and what opens a run.
import { LabIcon } from '@jupyterlab/ui-components';
import type { Link } from './link';

export type OpenRun = (link: Link, run: string, title: string) => void;

// Three workers under one roof.
export const icon = new LabIcon({
  name: 'pathos-nb:panel',
  svgstr:
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><g class="jp-icon3" fill="#616161">' +
    '<path d="M12 3 2.5 8v2h19V8z"/><rect x="4" y="12" width="3.4" height="8" rx="1"/>' +
    '<rect x="10.3" y="12" width="3.4" height="5" rx="1"/><rect x="16.6" y="12" width="3.4" height="6.5" rx="1"/></g></svg>',
});
