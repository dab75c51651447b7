// A record as it comes from a file or a trait: nobody can say what is in it until it has been looked at.
import { isObject } from './comm';
import { PROTOCOL, type Figures, type Head, type Items, type Lane, type PointRows, type ProfilePart, type RunRecord, type RunState, type Spans } from './protocol';

/** Give a record whose every part is what its type says, or why there is none, in words. */
export function readRecord(value: unknown): RunRecord | string {
  if (!isObject(value)) return 'This is no record of a run.';
  if (value['version'] !== PROTOCOL) {
    return `This run was saved in version ${String(value['version']).slice(0, 20)} of its form, and version ${PROTOCOL} is `
      + 'known here. Install the pathos-nb that it was saved with, or a newer one.';
  }
  if (!isObject(value['head']) || !isObject(value['figures'])) return 'The record of this run is damaged.';
  return {
    version: PROTOCOL,
    head: head(value['head']),
    figures: figures(value['figures']),
    lanes: rows(value['lanes']).map(lane),
    n_more_lanes: number(value['n_more_lanes']),
    spans: spans(value['spans']),
    items: items(value['items']), // records of earlier versions have none
    failures: rows(value['failures']).map((row) => ({
      index: number(row['index']), label: text(row['label']), error: text(row['error']), worker: text(row['worker']),
      traceback: text(row['traceback']),
    })),
    n_more_failures: number(value['n_more_failures']),
    printed: rows(value['printed']).map((row) => ({
      index: number(row['index']), label: text(row['label']), text: text(row['text']),
    })),
    n_more_printed: number(value['n_more_printed']),
    n_printed: number(value['n_printed']), // records of earlier versions have no such entry
    profile: isObject(value['profile']) ? profile(value['profile']) : null,
    inner: rows(value['inner']).map((row) => ({
      run: text(row['run']), label: text(row['label']), title: text(row['title']), state: text(row['state']),
      n_done: number(row['n_done']), n_failed: number(row['n_failed']), seconds: number(row['seconds']),
      total: typeof row['total'] === 'number' ? row['total'] : null,
    })),
    n_more_inner: number(value['n_more_inner']),
  };
}

function profile(value: Record<string, unknown>): ProfilePart {
  const nodes = columns(value['nodes'], 'id');
  const functions = columns(value['functions'], 'name');
  const usage = columns(value['usage'], 'name');
  return {
    n_samples: number(value['n_samples']), kinds_ms: list(value['kinds_ms']).map(number), notes: list(value['notes']).map(text),
    nodes: {
      id: nodes('id', number), parent: nodes('parent', number), name: nodes('name', text), where: nodes('where', text),
      total_ms: nodes('total_ms', number), kind: nodes('kind', number),
    },
    functions: {
      name: functions('name', text), where: functions('where', text), own_ms: functions('own_ms', number),
      total_ms: functions('total_ms', number), kind: functions('kind', number), n_calls: functions('n_calls', number),
    },
    usage: {
      name: usage('name', text), is_host: usage('is_host', (is) => is === true), run_s: usage('run_s', number),
      cpu_s: usage('cpu_s', number), load_s: usage('load_s', number), dump_s: usage('dump_s', number),
      wait_s: usage('wait_s', number), idle_s: usage('idle_s', number), transfer_s: usage('transfer_s', number),
      bytes_out: usage('bytes_out', number), bytes_in: usage('bytes_in', number), peak_bytes: usage('peak_bytes', number),
    },
    longest: points(value['longest']),
    heaviest: points(value['heaviest']),
  };
}

function points(value: unknown): PointRows {
  const rows = columns(value, 'label');
  return { amount: rows('amount', number), label: rows('label', text), worker: rows('worker', text) };
}

/** Give a reader of columns, each as long as the first. */
function columns(value: unknown, first: string): <T>(name: string, read: (entry: unknown) => T) => T[] {
  const found = isObject(value) ? value : {};
  const n = list(found[first]).length;
  return (name, read) => Array.from({ length: n }, (_, i) => read(list(found[name])[i]));
}

function head(value: Record<string, unknown>): Head {
  return {
    run: text(value['run']),
    title: text(value['title']),
    names: list(value['names']).map(text),
    started_at: number(value['started_at']),
    can_cancel: value['can_cancel'] === true,
    can_retry: value['can_retry'] === true,
  };
}

const STATES: readonly unknown[] = ['queued', 'running', 'done', 'failed', 'cancelled'] satisfies RunState[];

function figures(value: Record<string, unknown>): Figures {
  const state = value['state'];
  return {
    ...value, // what a newer kernel tells besides
    state: STATES.includes(state) ? (state as RunState) : 'done',
    n_done: number(value['n_done']),
    n_failed: number(value['n_failed']),
    total: typeof value['total'] === 'number' ? value['total'] : null,
    rate: number(value['rate']),
    left_s: typeof value['left_s'] === 'number' ? value['left_s'] : null,
    elapsed_s: number(value['elapsed_s']),
    busy_s: number(value['busy_s']),
    n_slots: number(value['n_slots']),
    waits: list(value['waits']).map(text),
  };
}

function lane(row: Record<string, unknown>): Lane {
  return {
    lane: number(row['lane']), worker: text(row['worker']), host: text(row['host']), machine: text(row['machine']), pid: number(row['pid']),
    n_items: number(row['n_items']), busy_s: number(row['busy_s']), is_up: row['is_up'] !== false, reason: text(row['reason']),
    parent: typeof row['parent'] === 'number' ? row['parent'] : -1, // records of earlier versions have no such entry
  };
}

function spans(value: unknown): Spans {
  const columns = isObject(value) ? value : {};
  const lane = list(columns['lane']).map(number);
  const column = (name: string): number[] => {
    const found = list(columns[name]);
    return lane.map((_, i) => number(found[i]));
  };
  return {
    lane, start_s: column('start_s'), end_s: column('end_s'), busy_s: column('busy_s'), first: column('first'),
    n_items: column('n_items'), n_failed: column('n_failed'),
  };
}

function items(value: unknown): Items {
  const read = columns(value, 'lane');
  return {
    lane: read('lane', number), start_s: read('start_s', number), end_s: read('end_s', number), index: read('index', number),
    label: read('label', text), is_failed: read('is_failed', (is) => is === true),
  };
}

function rows(value: unknown): Record<string, unknown>[] {
  return list(value).filter(isObject);
}

function list(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
