// From a notebook to the panel's comm in its kernel: asks whether pathos_nb is loaded there, opens the comm, and does
// so again when the kernel restarts or changes. All of it as states that a view can show.
import type { ISessionContext } from '@jupyterlab/apputils';
import type { Kernel } from '@jupyterlab/services';
import { type ISignal, Signal } from '@lumino/signaling';
import { fromComm, type Channel, type Comm } from '../comm';
import { PANEL_TARGET, PROTOCOL, type Topic } from '../protocol';
import { NOTHING, reduce, type PanelState } from '../panel/state';
import { listenForLoading } from './loaders';
import { lineTo } from '../subshell';
import { isLoaded, load, type Loaded } from './loading';

export type LinkState =
  | { kind: 'starting' }
  | { kind: 'gone' }
  | { kind: 'foreign'; language: string }
  | { kind: 'absent'; why: string }
  | { kind: 'loading' }
  | { kind: 'ready'; channel: Channel }
  | { kind: 'problem'; text: string };

const NO_PANEL =
  'pathos_nb is loaded in this kernel, but answers no panel. Install the same version of pathos-nb in the kernel and in JupyterLab.';

export class Link {
  state: LinkState = { kind: 'starting' };
  tables: PanelState = NOTHING;
  private readonly changes = new Signal<this, void>(this);
  private turn = 0;
  private wasRestarted = false;
  /** One that was shut down leaves a session that is not ready, as one that begins. */
  private hadKernel = false;
  private topics: readonly Topic[] = [];
  private readonly runs = new Set<string>();
  private readonly stopListening: () => void;

  constructor(private readonly session: ISessionContext) {
    session.kernelChanged.connect(this.kernelChanged, this);
    session.statusChanged.connect(this.statusChanged, this);
    this.stopListening = listenForLoading(session, { isThere: () => this.hearOfRun(), maybe: () => this.askAgain() });
    void this.renew();
  }

  get changed(): ISignal<this, void> {
    return this.changes;
  }

  /** The kernel has been started again, and nothing of pathos_nb is in it. */
  get isFresh(): boolean {
    return this.wasRestarted;
  }

  dispose(): void {
    this.turn += 1;
    this.stopListening();
    this.drop();
    Signal.clearData(this);
  }

  /** Say what is on show; what nobody looks at costs the kernel nothing. */
  watch(topics: readonly Topic[]): void {
    if (topics.join() === this.topics.join()) return;
    this.topics = topics;
    this.tellWatch();
  }

  watchRun(run: string, isWatched: boolean): void {
    if (isWatched) this.runs.add(run);
    else this.runs.delete(run);
    this.tellWatch();
  }

  private tellWatch(): void {
    if (this.state.kind !== 'ready') return;
    this.state.channel.send({ type: 'watch', topics: [...this.topics], runs: [...this.runs] });
  }

  /** Look again, from the beginning. */
  async renew(): Promise<void> {
    const turn = ++this.turn;
    this.drop();
    const kernel = this.session.session?.kernel;
    if (!kernel) {
      this.become({ kind: this.session.isReady || this.hadKernel ? 'gone' : 'starting' });
      return;
    }
    this.hadKernel = true;
    this.become({ kind: 'starting' });
    const found = await isLoaded(kernel);
    if (turn === this.turn) this.found(kernel, found);
  }

  /** Ask again, if what was asked before may be true no longer. */
  askAgain(): void {
    if (this.state.kind === 'absent' || this.state.kind === 'problem') void this.renew();
  }

  /** A run has said something: pathos_nb is there, whoever has loaded it, even while a cell is at work. */
  private hearOfRun(): void {
    const kernel = this.session.session?.kernel;
    if (this.state.kind !== 'absent' || !kernel) return;
    this.turn += 1;
    this.become({ kind: 'starting' });
    this.open(kernel);
  }

  /** Load pathos_nb into the kernel. */
  async load(): Promise<void> {
    const kernel = this.session.session?.kernel;
    if (!kernel || this.state.kind === 'loading') return;
    const turn = ++this.turn;
    this.become({ kind: 'loading' });
    const found = await load(kernel);
    if (turn === this.turn) this.found(kernel, found);
  }

  private found(kernel: Kernel.IKernelConnection, found: Loaded): void {
    if (found.kind === 'yes') this.open(kernel);
    else if (found.kind === 'no') this.become({ kind: 'absent', why: found.why });
    else if (found.kind === 'foreign') this.become(found);
    else this.become({ kind: 'starting' });
  }

  private open(kernel: Kernel.IKernelConnection): void {
    let comm: Kernel.IComm;
    try {
      comm = kernel.createComm(PANEL_TARGET);
    } catch (error) {
      return this.become({ kind: 'problem', text: `This page cannot speak with the kernel: ${String(error)}` });
    }
    const line = lineTo(kernel);
    const channel = fromComm(comm as unknown as Comm, line);
    let hasAnswered = false;
    channel.onMessage({
      message: (message) => {
        hasAnswered = true;
        const next = reduce(this.tables, message);
        if (next === this.tables) return;
        this.tables = next;
        this.changes.emit();
      },
      problem: (problem) => {
        if (problem.kind !== 'closed' || this.state.kind !== 'ready' || this.state.channel !== channel) return;
        if (hasAnswered) void this.renew();
        else this.become({ kind: 'problem', text: NO_PANEL });
      },
    });
    const { turn } = this;
    void whenHeard(kernel, comm).then(() => {
      if (turn !== this.turn || comm.isDisposed) return channel.close();
      this.wasRestarted = false;
      this.become({ kind: 'ready', channel });
      const open = { type: 'open', version: PROTOCOL };
      if (line) line.send('comm_open', { comm_id: comm.commId, target_name: PANEL_TARGET, data: open });
      else comm.open(open);
      this.tellWatch();
    });
  }

  private kernelChanged(): void {
    void this.renew();
  }

  private statusChanged(_: ISessionContext, status: Kernel.Status): void {
    if (status === 'restarting' || status === 'autorestarting') {
      this.turn += 1;
      this.wasRestarted = true;
      this.drop();
      this.become({ kind: 'starting' });
    } else if (status === 'dead' || status === 'terminating') {
      this.turn += 1;
      this.drop();
      this.become({ kind: 'gone' });
    } else if (status === 'idle' && this.isWaiting()) {
      void this.renew();
    }
  }

  /** The kernel is up again, and nobody has asked it yet. */
  private isWaiting(): boolean {
    return (this.state.kind === 'starting' && this.turn !== this.askedIn) || this.state.kind === 'gone';
  }

  /** The turn in which the kernel was asked last. */
  private askedIn = 0;

  private become(state: LinkState): void {
    if (state.kind === 'starting') this.askedIn = this.session.session?.kernel && !this.isStopped() ? this.turn : 0;
    this.state = state;
    this.changes.emit();
  }

  private isStopped(): boolean {
    const status = this.session.session?.kernel?.status ?? '';
    return ['restarting', 'autorestarting', 'dead', 'terminating'].includes(status);
  }

  private drop(): void {
    this.tables = NOTHING;
    if (this.state.kind === 'ready') this.state.channel.close();
  }
}

const SUBSHELL_MS = 3_000;

/** Wait until JupyterLab has a subshell for a comm, so that it is heard while a cell is at work; where there are such. */
async function whenHeard(kernel: Kernel.IKernelConnection, comm: Kernel.IComm): Promise<void> {
  const { subshellStarted } = comm as { subshellStarted?: Promise<unknown> }; // JupyterLab 4.4 and later
  if (!subshellStarted || !(kernel as { supportsSubshells?: boolean }).supportsSubshells) return;
  const tooLate = new Promise((resolve) => window.setTimeout(resolve, SUBSHELL_MS));
  await Promise.race([subshellStarted, tooLate]).catch(() => undefined);
}
