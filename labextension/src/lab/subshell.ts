// A way to a comm in a kernel that a cell blocks. JupyterLab has one too, once the kernel has told it what it can do;
// of a page that was loaded while a cell blocks, that question waits for the end of the cell. So the subshell is asked
// for on the control channel, which nothing blocks.
import { type Kernel, KernelMessage } from '@jupyterlab/services';
import type { ToKernel } from '../protocol';

const PATIENCE_MS = 15_000; // ipykernel 6 does not answer, and the first question to a debugger takes a while

export class Subshell {
  private id: Promise<string | null> | null = null;
  private isKnown = false;

  constructor(private readonly kernel: Kernel.IKernelConnection) {}

  /** Say something to an anywidget's comm; where there are no subshells it is heard when the kernel is free. */
  async say(comm: string, content: ToKernel): Promise<void> {
    this.id ??= this.made();
    if (!this.isKnown && content.type === 'open') this.send(comm, content, null); // it may be free
    const id = await this.id;
    this.isKnown = true;
    if (!this.kernel.isDisposed) this.send(comm, content, id);
  }

  private send(comm: string, content: ToKernel, id: string | null): void {
    const message = KernelMessage.createMessage({
      msgType: 'comm_msg', channel: 'shell', username: this.kernel.username, session: this.kernel.clientId,
      content: { comm_id: comm, data: { method: 'custom', content: content as never } },
    });
    if (id) Object.assign(message.header, { subshell_id: id });
    this.kernel.sendShellMessage(message, false, true);
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
      const reply = await Promise.race([this.ask('create_subshell_request', {}), tooLate]);
      const id = reply?.['subshell_id'];
      return typeof id === 'string' ? id : null;
    } catch {
      return null;
    }
  }

  private async ask(kind: 'create_subshell_request' | 'delete_subshell_request', content: object): Promise<Record<string, unknown>> {
    const message = KernelMessage.createMessage({
      msgType: kind, channel: 'control', username: this.kernel.username, session: this.kernel.clientId, content: content as never,
    } as never) as unknown as KernelMessage.IControlMessage;
    const reply = await this.kernel.sendControlMessage(message, true, true).done;
    return reply.content as unknown as Record<string, unknown>;
  }
}
