// Whether pathos_nb is loaded in a kernel, and how it gets there. What is asked leaves no trace: no history, no
// execution count, no output.
import type { Kernel } from '@jupyterlab/services';

export type Loaded =
  | { kind: 'yes' }
  | { kind: 'no'; why: string }
  | { kind: 'foreign'; language: string }
  | { kind: 'unknown' };

const ASK = "'pathos_nb' in get_ipython().extension_manager.loaded";
const LOAD = "get_ipython().extension_manager.load_extension('pathos_nb')";

export async function isLoaded(kernel: Kernel.IKernelConnection): Promise<Loaded> {
  try {
    const language = (await kernel.info).language_info.name;
    if (language !== 'python') return { kind: 'foreign', language };
    const said = (await execute(kernel, '', { loaded: ASK }))['user_expressions'];
    return JSON.stringify(said ?? null).includes('"True"') ? { kind: 'yes' } : { kind: 'no', why: '' };
  } catch {
    return { kind: 'unknown' }; // the kernel went while it was asked; what comes next tells
  }
}

export async function load(kernel: Kernel.IKernelConnection): Promise<Loaded> {
  try {
    const reply = await execute(kernel, LOAD, {});
    if (reply['status'] === 'ok') return await isLoaded(kernel);
    return { kind: 'no', why: whyNot(String(reply['ename']), String(reply['evalue'])) };
  } catch {
    return { kind: 'unknown' };
  }
}

async function execute(
  kernel: Kernel.IKernelConnection, code: string, expressions: Record<string, string>,
): Promise<Record<string, unknown>> {
  const asked = kernel.requestExecute({
    code, silent: true, store_history: false, user_expressions: expressions, allow_stdin: false, stop_on_error: false,
  });
  return (await asked.done).content as unknown as Record<string, unknown>;
}

function whyNot(name: string, said: string): string {
  const text = `${name}: ${said}`;
  const isMissing = name === 'ModuleNotFoundError' && said.includes("'pathos_nb'");
  return isMissing ? 'It is not installed in this kernel’s environment: %pip install pathos-nb in a cell, then try again.' : text;
}
