import { describe, expect, it } from 'vitest';
import { fromComm, fromModel, fromNothing, problemOf, type Comm, type Model, type Problem } from '../src/comm';
import { PROTOCOL, type ToFront } from '../src/protocol';

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
      isDisposed: false, onMsg: () => undefined, onClose: () => undefined, close: () => undefined,
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
