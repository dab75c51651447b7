import { describe, expect, it, vi } from 'vitest';
import { fromComm, fromModel, fromNothing, problemOf, type Comm, type Model, type Problem } from '../src/comm';
import { PROTOCOL, type ToFront } from '../src/protocol';
import { lineTo } from '../src/subshell';

/** What anywidget hands to `render`, with a kernel that is this test. */
class FakeModel implements Model {
  readonly sent: unknown[] = [];
  private readonly callbacks = new Set<(content: unknown) => void>();
  readonly others = new Map<string, (content: unknown) => void>();
  get(): unknown {
    return undefined;
  }
  send(content: unknown): void {
    this.sent.push(content);
  }
  on(event: string, callback: (content: unknown) => void): void {
    if (event === 'msg:custom') this.callbacks.add(callback);
    else this.others.set(event, callback);
  }
  off(event: string, callback: (content: unknown) => void): void {
    this.others.delete(event);
    this.callbacks.delete(callback);
  }
  say(content: unknown): void {
    for (const callback of this.callbacks) callback(content);
  }
}

/** The connection to a kernel that JupyterLab 4.2 has: it knows of no subshells. */
class FakeKernel {
  readonly clientId = 'me';
  readonly username = '';
  readonly isDisposed = false;
  readonly info: Promise<object>;
  readonly shell: unknown[] = [];
  readonly control: string[] = [];
  constructor(info: object = { supported_features: ['kernel subshells'] }) {
    this.info = Promise.resolve(info);
  }
  sendShellMessage({ header, content }: { header: { subshell_id?: string }; content: { data: { content?: unknown } } }): void {
    const said = (content.data.content ?? content.data) as { type: string };
    this.shell.push([said.type, header.subshell_id]);
  }
  sendControlMessage({ header }: { header: { msg_type: string } }): { done: Promise<{ content: object }> } {
    this.control.push(header.msg_type);
    return { done: Promise.resolve({ content: { subshell_id: 's1' } }) };
  }
}

function listen(channel: ReturnType<typeof fromModel>): { messages: ToFront[]; problems: Problem[]; stop: () => void } {
  const messages: ToFront[] = [];
  const problems: Problem[] = [];
  const stop = channel.onMessage({ message: (m) => messages.push(m), problem: (p) => problems.push(p) });
  return { messages, problems, stop };
}

const HELLO = { type: 'hello', version: PROTOCOL, package: '0.1.0' };

describe('a channel', () => {
  it('carries messages both ways over the model of an anywidget, until it is closed', () => {
    const model = new FakeModel();
    const channel = fromModel(model);
    const heard = listen(channel);
    channel.send({ type: 'open', version: PROTOCOL });
    model.say(HELLO);
    channel.close();
    model.say(HELLO);
    expect(model.sent).toEqual([{ type: 'open', version: PROTOCOL }]);
    expect(heard.messages).toEqual([HELLO]);
  });

  it('tells that the kernel was restarted, which takes every comm with it', () => {
    const model = new FakeModel();
    const channel = fromModel(model);
    const heard = listen(channel);
    model.others.get('comm_live_update')?.(model);
    expect(heard.problems).toMatchObject([{ kind: 'gone', text: expect.stringMatching(/was restarted.*cut off.*Run the cell again/) as string }]);
    channel.close();
    expect([...model.others.keys()]).toEqual([]);
  });

  it('of a page whose comm has gone unannounced is lost when it is used, and throws at nobody', () => {
    const model = new FakeModel();
    const channel = fromModel(model);
    const heard = listen(channel);
    model.send = () => {
      throw new Error('Cannot send');
    };
    channel.send({ type: 'open', version: PROTOCOL });
    expect(heard.problems.map((p) => p.kind)).toEqual(['gone']);
  });

  it('tells when a comm is closed, and sends nothing after that', () => {
    const sent: unknown[] = [];
    const comm: Comm & { isDisposed: boolean } = {
      commId: 'c', isDisposed: false, onMsg: () => undefined, onClose: () => undefined, close: () => undefined,
      send: (data) => sent.push(data),
    };
    const channel = fromComm(comm);
    const heard = listen(channel);
    void comm.onMsg({ content: { data: HELLO } });
    comm.isDisposed = true;
    void comm.onClose(undefined as never);
    channel.send({ type: 'close' });
    expect(heard.messages).toEqual([HELLO]);
    expect(heard.problems.map((p) => p.kind)).toEqual(['closed']);
    expect(sent).toEqual([]);
  });

  it('finds its own way past a busy cell where JupyterLab has none, and in order', async () => {
    const kernel = new FakeKernel();
    const comm: Comm = {
      commId: 'c', isDisposed: false, onMsg: () => undefined, onClose: () => undefined, close: () => undefined, send: () => undefined,
    };
    const channel = fromComm(comm, lineTo(kernel));
    channel.send({ type: 'cancel', run: 'r' });
    channel.send({ type: 'close' });
    await vi.waitFor(() => expect(kernel.shell).toEqual([['cancel', 's1'], ['close', 's1']]));
    channel.close();
    await vi.waitFor(() => expect(kernel.control).toEqual(['create_subshell_request', 'delete_subshell_request']));
  });

  it('of an anywidget takes that way too', async () => {
    const kernel = new FakeKernel();
    const model = Object.assign(new FakeModel(), { widget_manager: { kernel }, get: (name: string) => (name === 'comm_id' ? 'c' : undefined) });
    const channel = fromModel(model);
    channel.send({ type: 'open', version: PROTOCOL });
    channel.send({ type: 'keep' });
    await vi.waitFor(() => expect(kernel.shell).toEqual([['open', 's1'], ['keep', 's1']]));
    expect(model.sent).toEqual([]);
  });

  it('asks for no subshell where the kernel says that it has none', async () => {
    const kernel = new FakeKernel({ supported_features: ['debugger'] });
    const channel = fromModel(Object.assign(new FakeModel(), { widget_manager: { kernel }, get: () => 'c' }));
    channel.send({ type: 'keep' });
    await vi.waitFor(() => expect(kernel.shell).toEqual([['keep', undefined]]));
    expect(kernel.control).toEqual([]);
  });

  it('leaves all to a JupyterLab that has subshells of its own, and to what is none', () => {
    expect(lineTo(Object.assign(new FakeKernel(), { supportsSubshells: false }))).toBeNull();
    expect([undefined, null, {}, 'kernel'].map(lineTo)).toEqual([null, null, null, null]);
  });

  it('goes on when one of its listeners throws', () => {
    const model = new FakeModel();
    const channel = fromModel(model);
    channel.onMessage(() => {
      throw new Error('on purpose');
    });
    const heard = listen(channel);
    const say = console.error;
    console.error = () => undefined;
    model.say(HELLO);
    console.error = say;
    expect(heard.messages).toEqual([HELLO]);
  });

  it('to nobody is not live', () => {
    expect(fromNothing().isLive).toBe(false);
  });
});

describe('a message', () => {
  it.each([null, 7, 'run', [], {}, { type: 3 }])('that is none (%j) is said to be unreadable', (content) => {
    expect(problemOf(content)?.kind).toBe('unreadable');
  });

  it('of another version is told with both versions, and what to do', () => {
    const problem = problemOf({ type: 'hello', version: 99, package: '7.0' });
    expect(problem?.kind).toBe('version');
    expect(problem?.text).toMatch(/version 99 \(pathos_nb 7\.0\).*version 1\. Install the same version/);
  });
});
