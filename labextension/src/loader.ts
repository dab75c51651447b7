// What anywidget loads for each run: a few lines that find the view, which is large, so that it is sent once.
//
//   left in the page by an earlier run ─┐
//   left there by our extension ────────┼─► render
//   in the widget's state ──────────────┤
//   asked of the kernel ────────────────┘
import type { Model } from './comm';
import { knownViews, type Render, type RenderProps } from './known_views';
import type { WantCode } from './protocol';

// The first messages of a comm may reach a shell that a cell blocks, which answers all of them at its end: so few are sent.
const ASK_AGAIN_MS = 300;

function viewFor(model: Model): Promise<Render> {
  const known = knownViews();
  const digest = String(model.get('digest'));
  const there = known.byDigest.get(digest);
  if (there) return there;
  if (known.extension && known.extension.protocol === model.get('protocol')) return Promise.resolve(known.extension.render);
  const made = codeOf(model).then(imported);
  known.byDigest.set(digest, made);
  made.catch(() => known.byDigest.delete(digest));
  return made;
}

async function imported(code: string): Promise<Render> {
  const address = URL.createObjectURL(new Blob([code], { type: 'text/javascript' }));
  try {
    return ((await import(/* webpackIgnore: true */ address)) as { default: { render: Render } }).default.render;
  } finally {
    URL.revokeObjectURL(address);
  }
}

function codeOf(model: Model): Promise<string> {
  const code = model.get('code');
  return typeof code === 'string' && code ? Promise.resolve(code) : asked(model);
}

function asked(model: Model): Promise<string> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      window.clearTimeout(timer);
      model.off('msg:custom', hear);
    };
    let wait_ms = ASK_AGAIN_MS;
    let timer = 0;
    const ask = (): void => {
      timer = window.setTimeout(ask, wait_ms);
      wait_ms *= 2;
      try {
        model.send({ type: 'code' } satisfies WantCode);
      } catch (error) {
        stop(); // there is no comm any more: the kernel was restarted
        reject(new Error(String(error)));
      }
    };
    const hear = (content: unknown): void => {
      const { type, text } = (content ?? {}) as { type?: unknown; text?: unknown };
      if (type !== 'code' || typeof text !== 'string') return;
      stop();
      resolve(text);
    };
    model.on('msg:custom', hear);
    ask();
  });
}

async function render(props: RenderProps): Promise<() => void> {
  return (await viewFor(props.model))(props);
}

export default { render };
