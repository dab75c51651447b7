// A way to a comm in a kernel that a cell blocks. JupyterLab 4.4 and later have one, once the kernel has told them what it
// can do: of a page that was loaded while a cell blocks, that question waits for the end of the cell. Before 4.4 there is
// none. So the subshell is asked for on the control channel, which nothing blocks, and its name is put on what is sent.
import type { ToKernel } from './protocol';

const PATIENCE_MS = 15_000; // ipykernel 6 does not answer, and the first question to a debugger takes a while

/** What is used of JupyterLab's connection to a kernel. */
export interface Connection {
  readonly clientId: string;
  readonly username: string;
  readonly isDisposed: boolean;
  readonly info: Promise<object>;
  sendShellMessage(message: never, isAnswered: boolean, isForgotten: boolean): unknown;
  sendControlMessage(message: never, isAnswered: boolean, isForgotten: boolean): { done: Promise<{ content: object } | undefined> };
}

type Content = Record<string, unknown>;

export class Subshell {
  private id: Promise<string | null> | null = null;
  private isKnown = false;

  constructor(private readonly kernel: Connection) {}

  /** Say something to an anywidget's comm; where there are no subshells it is heard when the kernel is free. */
  say(comm: string, content: ToKernel, isHurried = false): void {
    const said = { comm_id: comm, data: { method: 'custom', content } };
    if (isHurried && !this.isKnown && content.type === 'open') this.write('comm_msg', said, null); // it may be free
    this.send('comm_msg', said);
  }

  /** Send a message of a comm; they come in order. */
  send(kind: 'comm_open' | 'comm_msg', content: Content): void {
    this.id ??= this.made();
    void this.id.then((id) => {
      this.isKnown = true;
      if (!this.kernel.isDisposed) this.write(kind, content, id);
    });
  }

  private write(kind: string, content: Content, id: string | null): void {
    this.kernel.sendShellMessage(this.message(kind, 'shell', content, id === null ? null : { subshell_id: id }), false, true);
  }

  close(): void {
    const made = this.id;
    this.id = null;
    void made?.then((id) => {
      if (id && !this.kernel.isDisposed) this.ask('delete_subshell_request', { subshell_id: id }).catch(() => undefined);
    });
  }

  private async made(): Promise<string | null> {
    const tooLate = new Promise<null>((resolve) => window.setTimeout(() => resolve(null), PATIENCE_MS));
    try {
      // What is not known yet waits for the end of the cell, and is not waited for.
      const info = await Promise.race([this.kernel.info, Promise.resolve(null)]);
      if (info && !String((info as Content)['supported_features']).includes('kernel subshells')) return null;
      const reply = await Promise.race([this.ask('create_subshell_request', {}), tooLate]);
      const id = reply?.['subshell_id'];
      return typeof id === 'string' ? id : null;
    } catch {
      return null;
    }
  }

  private async ask(kind: string, content: Content): Promise<Content> {
    return (await this.kernel.sendControlMessage(this.message(kind, 'control', content, null), true, true).done)?.content as Content;
  }

  private message(kind: string, channel: string, content: Content, more: object | null): never {
    const { clientId, username } = this.kernel;
    const header = {
      msg_id: `${clientId}-${Date.now()}-${Math.random()}`, msg_type: kind, session: clientId, username,
      date: new Date().toISOString(), version: '5.3', ...more,
    };
    return { header, parent_header: {}, metadata: {}, content, channel, buffers: [] } as never;
  }
}

/** Give a way past a cell that blocks where the page's JupyterLab has none itself; null where it has, or is none. */
export function lineTo(kernel: unknown): Subshell | null {
  const is = typeof kernel === 'object' && kernel !== null && 'sendControlMessage' in kernel && !('supportsSubshells' in kernel);
  return is ? new Subshell(kernel as unknown as Connection) : null;
}
