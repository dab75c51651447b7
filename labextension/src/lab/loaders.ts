// That pathos_nb has come into a kernel without this page's doing: another page has run a cell that loads it, or a cell
// of ours has and goes on. What a kernel sends to all pages tells: a run's own messages at once, a cell's text when it ends.
import type { ISessionContext } from '@jupyterlab/apputils';
import type { KernelMessage } from '@jupyterlab/services';
import { ABOUT } from '../protocol';

export interface Hints {
  /** It is there: a run has said something. */
  isThere(): void;
  /** A cell that names it has ended. */
  maybe(): void;
}

/** Listen to all that the kernels of a notebook send; what is returned ends that. */
export function listenForLoading(session: ISessionContext, hints: Hints): () => void {
  const begun = new Set<string>();
  const hear = (message: KernelMessage.IIOPubMessage): void => {
    const request = (message.parent_header as Partial<KernelMessage.IHeader>).msg_id ?? '';
    const kind = message.header.msg_type;
    if (ABOUT in message.metadata) hints.isThere();
    else if (kind === 'execute_input' && String((message.content as { code?: unknown }).code).includes('pathos_nb')) begun.add(request);
    else if (isIdle(message) && begun.delete(request)) hints.maybe();
  };
  const slot = (_: ISessionContext, message: KernelMessage.IMessage): void => hear(message as KernelMessage.IIOPubMessage);
  session.iopubMessage.connect(slot);
  return () => session.iopubMessage.disconnect(slot);
}

function isIdle(message: KernelMessage.IIOPubMessage): boolean {
  return message.header.msg_type === 'status' && (message.content as { execution_state?: unknown }).execution_state === 'idle';
}
