// What a cell shows to a page that did not run it. A page that is loaded while a cell is at work has no request whose
// output it could hear, so JupyterLab drops what comes. What pathos_nb sends says for which cell it is, and at which
// place of its output; from here it goes there, with all else that this cell still sends.
//
//   kernel ──iopub──► Orphans ──which cell?──► its outputs: pictures, and what stays
//                        └──comm_msg──► OrphanChannel ◄──► the view drawn there (mime.ts)
import type { Cell, ICodeCellModel } from '@jupyterlab/cells';
import type * as nbformat from '@jupyterlab/nbformat';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Kernel, KernelMessage } from '@jupyterlab/services';
import { isObject } from '../comm';
import { ABOUT, type Left, type Place, RUN_MIME, type RunRecord } from '../protocol';
import { readRecord } from '../record';
import { isOver } from '../state';
import { Subshell } from '../subshell';
import { keptAtTheEnd } from './kept';
import { livingRuns } from './living';
import { modelOf, placeAround, showLiving, WIDGET_MIME } from './living_run';
import { OrphanChannel } from './orphan_channel';

type Outputs = ICodeCellModel['outputs'];

/** Of a kernel that is none any more. */
const LOST: ReadonlySet<Kernel.Status> = new Set<Kernel.Status>(['restarting', 'autorestarting', 'dead', 'terminating']);

interface Adopted {
  readonly cell: ICodeCellModel;
  readonly count: number;
}

export class Orphans {
  private kernel: Kernel.IKernelConnection | null = null;
  private line: Subshell | null = null;
  private readonly seen = new Set<string>();
  private readonly adopted = new Map<string, Adopted>();
  private readonly channels = new Map<string, OrphanChannel>();
  private readonly models = new Set<string>();

  constructor(private readonly notebook: NotebookPanel) {
    showLiving(notebook, (model) => placeIn(model.metadata) ?? '');
    const context = notebook.sessionContext;
    context.iopubMessage.connect((_, message) => this.hear(message as KernelMessage.IIOPubMessage));
    context.kernelChanged.connect((_, { oldValue }) => {
      if (oldValue) this.lose();
    });
    context.statusChanged.connect((_, status) => {
      if (LOST.has(status)) this.lose();
    });
    notebook.disposed.connect(() => {
      this.forget();
      this.forgetModels();
    });
  }

  /** Put back what a run left in its cell when this page was not there yet, unless the cell has run again since. */
  restore(left: Left): void {
    const cell = this.cellOf(left.place.cell);
    const isHere = left.began_at * 1000 >= performance.timeOrigin; // begun by this page, or heard by it
    if (!cell || isHere || this.notebook.context.model.collaborative) return;
    const count = cell.executionCount;
    if (count !== null && count > left.place.count) return;
    if (count !== null && count < left.place.count) cell.outputs.clear();
    const record = left.record ? { [RUN_MIME]: left.record as never } : {};
    write(cell.outputs, left.place.place, { 'text/html': left.html, 'text/plain': left.text, ...record });
    if (count !== left.place.count) this.number(cell, left.place.count);
  }

  /** Tell all that shows a run of the kernel that this is no more. */
  private lose(): void {
    // Not by the document: cells that are far away are not in it.
    const cellAround = (element: HTMLElement): Cell | undefined => this.notebook.content.widgets.find((cell) => cell.node.contains(element));
    for (const view of [...livingRuns().views]) {
      const cell = cellAround(view.element);
      if (!cell) continue;
      view.lose();
      if (cell.model.type === 'code') this.keep(cell.model as ICodeCellModel, placeAround(view.element), view.record());
    }
    for (const [place, channel] of this.channels) {
      channel.lose();
      for (const cell of this.codeCells()) this.keep(cell, place, channel.record);
    }
    this.forget();
    this.forgetModels();
  }

  private forgetModels(): void {
    for (const model of this.models) livingRuns().models.delete(model);
    this.models.clear();
  }

  /** Have the notebook keep what was known of a run whose kernel has gone, and no widget that nobody will find. */
  private keep(cell: ICodeCellModel, place: string | null, record: RunRecord | null): void {
    const at = place === null ? -1 : find(cell.outputs, place);
    if (place === null || !record || at < 0 || this.notebook.context.model.collaborative) return;
    const { [WIDGET_MIME]: _, ...bundle } = cell.outputs.get(at).data;
    const told = readRecord(bundle[RUN_MIME]);
    if (isOver(record) || typeof told === 'string') return;
    write(cell.outputs, place, { ...bundle, [RUN_MIME]: keptAtTheEnd(record, told) as never });
  }

  private *codeCells(): Iterable<ICodeCellModel> {
    for (const cell of this.notebook.context.model.cells) if (cell.type === 'code') yield cell as ICodeCellModel;
  }

  private forget(): void {
    for (const place of [...this.channels.keys()]) this.end(place);
    this.line?.close();
    this.line = this.kernel = null;
    this.seen.clear();
    this.adopted.clear();
  }

  private hear(message: KernelMessage.IIOPubMessage): void {
    const kernel = this.notebook.sessionContext.session?.kernel;
    const parent = message.parent_header as Partial<KernelMessage.IHeader>;
    if (!kernel || !parent.msg_id) return;
    this.noteModel(message);
    if (parent.session === kernel.clientId) return this.renew(message);
    if (kernel !== this.kernel) this.forget();
    this.kernel = kernel;
    // What began while this page was there belongs to another one, which shows it.
    if (message.header.msg_type === 'execute_input') this.seen.add(parent.msg_id);
    if (this.seen.has(parent.msg_id)) return;
    const place = placeOf(message);
    const adopted = this.adopted.get(parent.msg_id) ?? (place && this.adopt(parent.msg_id, place));
    if (!adopted) return;
    if (place) this.ours(message, place, adopted);
    else this.another(message, parent.msg_id, adopted);
  }

  /** Note that a widget of ours is in this page: it heard how that was opened. */
  private noteModel(message: KernelMessage.IIOPubMessage): void {
    if (message.header.msg_type !== 'comm_open' || !placeOf(message)) return;
    const { comm_id } = message.content as { comm_id: string };
    this.models.add(comm_id);
    livingRuns().models.add(comm_id);
  }

  /** Show the value of a cell of this page anew, as JupyterLab does for displays only: its points have run again. */
  private renew(message: KernelMessage.IIOPubMessage): void {
    const place = message.header.msg_type === 'update_display_data' ? placeOf(message) : null;
    const cell = place && this.cellOf(place.cell);
    const at = cell ? find(cell.outputs, place.place) : -1;
    if (!place || !cell || at < 0 || cell.outputs.get(at).type !== 'execute_result') return;
    const { data } = message.content as { data: nbformat.IMimeBundle };
    write(cell.outputs, place.place, data);
  }

  private adopt(request: string, place: Place): Adopted | null {
    const cell = this.cellOf(place.cell);
    if (!cell || this.notebook.context.model.collaborative) return null;
    if (cell.executionCount !== null && cell.executionCount > place.count) return null; // it has run again since
    if (cell.executionCount !== null && cell.executionCount !== place.count) {
      cell.outputs.clear(); // of an earlier time: the notebook was not saved since
      cell.executionCount = null;
    }
    const adopted = { cell, count: place.count };
    this.adopted.set(request, adopted);
    if (cell.executionCount === null) this.prompt(cell, '*');
    return adopted;
  }

  private cellOf(id: string): ICodeCellModel | null {
    for (const cell of this.codeCells()) if (cell.id === id) return cell;
    return null;
  }

  private number(cell: ICodeCellModel, count: number): void {
    cell.executionCount = count;
    this.prompt(cell, String(count));
  }

  private prompt(cell: ICodeCellModel, text: string): void {
    const widget = this.notebook.content.widgets.find((one) => one.model === cell);
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- JupyterLab before 4.4 has nothing else
    widget?.setPrompt(text);
  }

  /** Take what pathos_nb sends of a run. */
  private ours(message: KernelMessage.IIOPubMessage, place: Place, { cell }: Adopted): void {
    const content = message.content as unknown as Record<string, unknown>;
    const kind = message.header.msg_type;
    if (kind === 'comm_msg') this.channel(String(content['comm_id']), place, cell)?.hear(customOf(content['data']));
    if (kind === 'display_data' || kind === 'update_display_data') this.show(content, place, cell);
    if (kind === 'stream') this.another(message, '', { cell, count: place.count });
  }

  private channel(comm: string, place: Place, cell: ICodeCellModel): OrphanChannel | null {
    const there = this.channels.get(place.place);
    if (there || !this.kernel) return there ?? null;
    const line = (this.line ??= new Subshell(this.kernel));
    const made = new OrphanChannel(
      comm,
      (message) => line.say(comm, message, true),
      (record) => {
        livingRuns().channels.set(record.head.run, made);
        write(cell.outputs, place.place, { [RUN_MIME]: record as never, 'text/plain': record.head.title });
      },
    );
    this.channels.set(place.place, made);
    return made;
  }

  private end(place: string): void {
    const channel = this.channels.get(place);
    if (!channel) return;
    channel.close();
    livingRuns().channels.delete(channel.run);
    this.channels.delete(place);
    if (!this.channels.size) {
      this.line?.close();
      this.line = null;
    }
  }

  private show(content: Record<string, unknown>, place: Place, cell: ICodeCellModel): void {
    // A widget is left out: this page cannot speak with it while the cell is at work.
    const { [WIDGET_MIME]: _, ...bundle } = content['data'] as nbformat.IMimeBundle;
    const model = modelOf(content['data']);
    if (model !== null) {
      if (this.channels.get(place.place)?.comm !== model) this.end(place.place);
      this.channel(model, place, cell);
    } else if (RUN_MIME in bundle) {
      this.end(place.place);
      this.number(cell, place.count);
    } else if (this.channels.get(place.place)?.run) {
      return; // a picture for those who have no view
    }
    write(cell.outputs, place.place, bundle);
  }

  /** Take what else the cell sends. */
  private another(message: KernelMessage.IIOPubMessage, request: string, { cell, count }: Adopted): void {
    const kind = message.header.msg_type;
    const content = message.content as unknown as Record<string, unknown>;
    if (kind === 'clear_output') cell.outputs.clear(content['wait'] === true);
    else if (kind === 'stream' || kind === 'error' || kind === 'execute_result' || kind === 'display_data') {
      const { transient: _, ...rest } = content;
      cell.outputs.add({ output_type: kind, ...rest });
    } else if (kind === 'status' && content['execution_state'] === 'idle' && request) {
      this.number(cell, count);
    }
  }
}

/** Put something at a place of a cell's outputs: where it was, or at the end. A cell's value stays its value. */
function write(outputs: Outputs, place: string, data: nbformat.IMimeBundle): void {
  const at = find(outputs, place);
  const old = at < 0 ? null : outputs.get(at);
  const value = old?.type === 'execute_result' ? { output_type: old.type, execution_count: old.executionCount } : null;
  const output = { output_type: 'display_data', ...value, data, metadata: { [ABOUT]: { place } } } as nbformat.IOutput;
  if (at < 0) outputs.add(output);
  else outputs.set(at, output);
}

function find(outputs: Outputs, place: string): number {
  for (let i = 0; i < outputs.length; i++) {
    if (placeIn(outputs.get(i).metadata) === place) return i;
  }
  return -1;
}

function placeIn(metadata: unknown): string | null {
  const about = isObject(metadata) ? metadata[ABOUT] : null;
  return isObject(about) && typeof about['place'] === 'string' ? about['place'] : null;
}

function placeOf(message: KernelMessage.IIOPubMessage): Place | null {
  const about = (message.metadata as Record<string, unknown> | undefined)?.[ABOUT];
  return isObject(about) && typeof about['cell'] === 'string' && about['cell'] ? (about as unknown as Place) : null;
}

function customOf(data: unknown): unknown {
  return isObject(data) && data['method'] === 'custom' ? data['content'] : null;
}
