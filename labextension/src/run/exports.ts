// A run in forms that other programs read: tab-separated, comma-separated, JSON. And how they leave the page.
import { asRecord, efficiency, stateName, type State } from '../state';

type Cell = string | number;

const WORKER_HEAD = ['worker', 'host', 'pid', 'items', 'busy_s', 'state'];
const SPAN_HEAD = ['worker', 'host', 'start_s', 'end_s', 'busy_s', 'first_index', 'items', 'failed'];

/** Give the tables of a run as text with tabs: its figures, its workers, its failures. */
export function asTable(state: State): string {
  const { head, figures } = state;
  const share = efficiency(figures);
  const about: Cell[][] = [
    ['run', head.title || head.run], ['state', stateName(state)], ['done', figures.n_done], ['failed', figures.n_failed],
    ['total', figures.total ?? ''], ['seconds', round(figures.elapsed_s)], ['workers', figures.n_slots],
    ['efficiency', share === null ? '' : round(share)],
  ];
  const failures: Cell[][] = state.failures.map((row) => [row.index, row.label, row.error, row.worker]);
  const tables = [about, [WORKER_HEAD, ...workers(state)]];
  if (failures.length) tables.push([['index', 'point', 'error', 'worker'], ...failures]);
  return tables.map((rows) => rows.map((row) => row.map(tabbed).join('\t')).join('\n')).join('\n\n') + '\n';
}

function workers(state: State): Cell[][] {
  return [...state.lanes.values()].map((lane) => [
    lane.worker, lane.host, lane.pid, lane.n_items, round(lane.busy_s), lane.reason || (lane.is_up ? 'up' : 'ended'),
  ]);
}

/** Give the spans of a run as comma-separated values. */
export function asCsv(state: State): string {
  const { columns, n } = state.spans;
  const rows: string[] = [SPAN_HEAD.join(',')];
  for (let i = 0; i < n; i++) {
    const lane = state.lanes.get(columns.lane[i] ?? 0);
    const cells: Cell[] = [
      lane?.worker ?? '', lane?.host ?? '', round(columns.start[i] ?? 0), round(columns.end[i] ?? 0),
      round(columns.busy[i] ?? 0), columns.first[i] ?? 0, columns.nItems[i] ?? 0, columns.nFailed[i] ?? 0,
    ];
    rows.push(cells.map(quoted).join(','));
  }
  return rows.join('\r\n') + '\r\n';
}

/** Give the record of a run as JSON. */
export function asJson(state: State): string {
  return JSON.stringify(asRecord(state), null, 1);
}

/** Give a file name that any system takes. */
export function fileName(state: State, suffix: string): string {
  const name = (state.head.title || 'run').replace(/[^\p{L}\p{N}_-]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${name || 'run'}-${state.head.run.replace(/[^\w-]+/g, '').slice(0, 12)}.${suffix}`;
}

/** Let the browser save a text as a file. */
export function download(text: string, name: string, type: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  window.setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Put a text on the clipboard; false if the page may not. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** The way for pages that are not served securely, which have no clipboard of their own. */
function copyBySelection(text: string): boolean {
  const area = document.createElement('textarea');
  area.value = text;
  area.style.position = 'fixed';
  area.style.opacity = '0';
  document.body.append(area);
  area.select();
  try {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- pages without https have no other clipboard
    return document.execCommand('copy');
  } finally {
    area.remove();
  }
}

function tabbed(cell: Cell): string {
  return guarded(cell).replace(/[\t\r\n]+/g, ' ');
}

function quoted(cell: Cell): string {
  const text = guarded(cell);
  return /[",\r\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/** Let no text be taken for a formula by a spreadsheet. */
function guarded(cell: Cell): string {
  return typeof cell === 'string' && /^[=+\-@\t\r]/.test(cell) ? `'${cell}` : String(cell);
}

function round(seconds: number): number {
  return Number(seconds.toPrecision(9));
}
