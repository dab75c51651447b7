// Generated from pathos_nb/wire/messages.py by tools/protocol_ts.py; do not edit.

/** The names of all types of messages. */
export type MessageType = (ToFront | ToKernel)['type'];

export const PROTOCOL = 1;

export const PANEL_TARGET = 'pathos_nb.panel';

export const RUN_MIME = 'application/vnd.pathos-nb.run.v1+json';

export const ABOUT = 'pathos_nb';

export type RunState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export type Topic = 'hosts' | 'tunnels' | 'services' | 'pools' | 'launchers' | 'runs';

/** A run's numbers at one moment. */
export interface Figures {
  state: RunState;
  n_done: number;
  n_failed: number;
  total: number | null;
  /** items a second, lately */
  rate: number;
  left_s: number | null;
  elapsed_s: number;
  /** of all workers together */
  busy_s: number;
  /** workers that take part: efficiency is busy_s / (elapsed_s * n_slots) */
  n_slots: number;
  /** which places it waits for or does without, each a sentence */
  waits: string[];
}

/** What a run is, from its start on. */
export interface Head {
  run: string;
  title: string;
  /** the parameters of a point, if it has any */
  names: string[];
  started_at: number;
  can_cancel: boolean;
  can_retry: boolean;
}

/** A worker, which is one line of the timeline; `lane` is its number in this run. */
export interface Lane {
  lane: number;
  worker: string;
  /** as users call it */
  host: string;
  /** its own name, where that is another one */
  machine: string;
  pid: number;
  n_items: number;
  busy_s: number;
  is_up: boolean;
  /** why it went */
  reason: string;
  /** of a map inside of an item: the lane of that item's worker, under which it stands; else -1 */
  parent: number;
}

/** What workers did, as columns; a span is a chunk, or several that were put together. */
export interface Spans {
  lane: number[];
  start_s: number[];
  end_s: number[];
  /** less than end - start where spans with gaps were put together */
  busy_s: number[];
  /** the first item's index */
  first: number[];
  n_items: number[];
  n_failed: number[];
}

/** Single items, as columns; sent when somebody looks closely, and kept of those that stand out. */
export interface Items {
  lane: number[];
  start_s: number[];
  end_s: number[];
  index: number[];
  /** its parameters or arguments, cut */
  label: string[];
  is_failed: boolean[];
}

/** An item that failed. */
export interface FailureRow {
  index: number;
  label: string;
  error: string;
  worker: string;
  /** cut */
  traceback: string;
}

/** What an item wrote; ANSI colours and all. */
export interface PrintedRow {
  index: number;
  label: string;
  text: string;
}

/** A map inside of an item. */
export interface InnerRow {
  run: string;
  /** of the item; of the items, where there are maps inside of these */
  label: string;
  title: string;
  /** RunState, or lost */
  state: string;
  n_done: number;
  n_failed: number;
  total: number | null;
  seconds: number;
}

/** Where something is shown, for a page that did not ask for it: in the metadata of a kernel's message. */
export interface Place {
  /** an output; in a saved notebook too */
  place: string;
  /** "" where nobody knows */
  cell: string;
  /** the cell's number */
  count: number;
}

/** Functions by who called them, as columns; a node keeps its number, and a parent comes before its children. */
export interface FlameNodes {
  id: number[];
  /** the outermost has itself */
  parent: number[];
  name: string[];
  /** file and line; empty for C code */
  where: string[];
  /** in it and in what it called */
  total_ms: number[];
  /** what it was mostly: 0 Python, 1 C code, 2 waiting, 3 waiting for the GIL, 4 without a core */
  kind: number[];
}

/** The functions that took the most time themselves, as columns. */
export interface FunctionRows {
  name: string[];
  where: string[];
  own_ms: number[];
  total_ms: number[];
  kind: number[];
  /** 0 where calls are not counted */
  n_calls: number[];
}

/** What workers' time was spent on, as columns; where there are several hosts, these come first. */
export interface UsageRows {
  name: string[];
  is_host: boolean[];
  run_s: number[];
  cpu_s: number[];
  /** unpickling */
  load_s: number[];
  /** pickling */
  dump_s: number[];
  /** for input */
  wait_s: number[];
  /** of a host that of all its workers */
  idle_s: number[];
  /** of reports */
  transfer_s: number[];
  bytes_out: number[];
  bytes_in: number[];
  peak_bytes: number[];
}

/** Points that stand out, as columns: by seconds, or by bytes. */
export interface PointRows {
  amount: number[];
  label: string[];
  worker: string[];
}

/** A run's profile, or what has changed of it: nodes that are not in it are as they were, tables are whole. */
export interface ProfilePart {
  n_samples: number;
  kinds_ms: number[];
  nodes: FlameNodes;
  functions: FunctionRows;
  usage: UsageRows;
  longest: PointRows;
  heaviest: PointRows;
  notes: string[];
}

/** A whole run: the answer to ``open``, and the content of the MIME type in a saved notebook. */
export interface RunRecord {
  version: number;
  head: Head;
  figures: Figures;
  lanes: Lane[];
  n_more_lanes: number;
  spans: Spans;
  /** of a run that is over: all if they are few, else those that failed or took longest; spans have all */
  items: Items;
  failures: FailureRow[];
  n_more_failures: number;
  printed: PrintedRow[];
  /** characters */
  n_more_printed: number;
  /** points that printed something */
  n_printed: number;
  /** of a run that is profiled */
  profile: ProfilePart | null;
  inner: InnerRow[];
  n_more_inner: number;
}

/** The first answer to ``open``. */
export interface Hello {
  type: 'hello';
  version: number;
  package: string;
}

/** A run as it is now; whatever was known of it is replaced. */
export interface RunWhole {
  type: 'run';
  record: RunRecord;
}

/** What is new of a run since the last message. */
export interface RunDelta {
  type: 'delta';
  run: string;
  figures: Figures;
  /** new ones, and those of which something changed */
  lanes: Lane[];
  spans: Spans;
  failures: FailureRow[];
  n_more_failures: number;
  printed: PrintedRow[];
  n_more_printed: number;
  n_printed: number;
  /** all that are told of; none: as they were */
  inner: InnerRow[];
  n_more_inner: number;
}

/** What is new of a run's profile; about once a second. */
export interface RunProfile {
  type: 'profile';
  run: string;
  part: ProfilePart;
}

/** The last message of a run. */
export interface RunEnd {
  type: 'ended';
  run: string;
  figures: Figures;
}

/** The answer to ``look``: a part of the timeline, closer. */
export interface Window {
  type: 'window';
  id: number;
  run: string;
  from_s: number;
  to_s: number;
  spans: Spans;
  /** empty where there are too many in this part */
  items: Items;
}

/** A host that is known or connected. */
export interface HostRow {
  name: string;
  user: string;
  address: string;
  port: number;
  through: string;
  transport: string;
  /** as %pathos hosts has it: connected, lost, known ... */
  state: string;
  problem: string;
  is_saved: boolean;
  python: string;
  /** what differs from the kernel's versions, in words */
  mismatch: string;
  n_cores: number | null;
  load: number | null;
  memory_bytes: number | null;
  free_bytes: number | null;
  /** the latest, at most 60 */
  round_trips_ms: number[];
  n_workers: number;
}

/** An open tunnel. */
export interface TunnelRow {
  name: string;
  host: string;
  local_port: number;
  remote: string;
  state: string;
  n_bytes: number;
  latency_ms: number | null;
  n_reconnects: number;
}

/** A server that was started on a host. */
export interface ServiceRow {
  name: string;
  host: string;
  kind: string;
  state: string;
  port: number;
}

/** An open pool. */
export interface PoolRow {
  name: string;
  places: string[];
  n_workers: number;
  /** of them at the first place: the number that ``%pathos pool NAME --nodes`` sets */
  n_first: number;
  n_busy: number;
  is_default: boolean;
  /** the session's, so that it may be closed and resized by hand */
  is_owned: boolean;
}

/** A kind of place. */
export interface LauncherRow {
  name: string;
  is_ready: boolean;
  reason: string;
}

/** A run of this kernel. */
export interface RunRow {
  run: string;
  title: string;
  state: RunState;
  n_done: number;
  n_failed: number;
  total: number | null;
  started_at: number;
  seconds: number;
  can_retry: boolean;
}

/** Everything the panel lists; a topic that has not changed is None. */
export interface Tables {
  type: 'tables';
  hosts: HostRow[] | null;
  /** of ~/.ssh/config, to choose from */
  ssh_names: string[] | null;
  tunnels: TunnelRow[] | null;
  services: ServiceRow[] | null;
  pools: PoolRow[] | null;
  launchers: LauncherRow[] | null;
  runs: RunRow[] | null;
  /** rows that were left out, by topic */
  n_more: Record<string, number>;
  n_slots: number;
  n_busy: number;
}

/** How a ``do`` ended: what the verb says, or its error. */
export interface Answer {
  type: 'answer';
  id: number;
  is_ok: boolean;
  text: string;
  cure: string;
}

/** The answer to ``know``. */
export interface Known {
  type: 'known';
  id: number;
  /** those of which points can run again */
  runs: string[];
}

/** What a run has left in its cell: an answer to ``missed``, one for each run. */
export interface Left {
  type: 'left';
  place: Place;
  /** since the epoch */
  began_at: number;
  html: string;
  text: string;
  record: RunRecord | null;
}

/** The view itself, for a page that has not got it (`labextension/src/loader.ts`). */
export interface Code {
  type: 'code';
  text: string;
}

/** A question that a ``do`` has for the person: a password, a one-time code, whether to trust a key. */
export interface Ask {
  type: 'ask';
  /** of the question */
  id: number;
  /** of the ``do`` */
  do: number;
  kind: 'text' | 'secret' | 'trust';
  prompt: string;
  /** of a key, where it is to be trusted */
  fingerprint: string;
}

/** Somebody looks: send everything. */
export interface Open {
  type: 'open';
  version: number;
}

/** The page keeps this view while its output is shown anew: what a saved notebook has of the run may be renewed. */
export interface Keep {
  type: 'keep';
}

/** A part of the timeline, closer. */
export interface Look {
  type: 'look';
  id: number;
  run: string;
  lanes: number[];
  from_s: number;
  to_s: number;
  n_pixels: number;
}

/** Stop a run. */
export interface Cancel {
  type: 'cancel';
  run: string;
}

/** Run the failed points of a run again. */
export interface Retry {
  type: 'retry';
  run: string;
}

/** A verb of ``%pathos``, as words that need no quoting. */
export interface Do {
  type: 'do';
  id: number;
  verb: string;
  words: string[];
}

/** The person's answer to ``ask``; None: the person gave up. A key is trusted by its fingerprint, or by ``yes``. */
export interface Reply {
  type: 'reply';
  id: number;
  text: string | null;
}

/** Which topics are on show; what nobody looks at costs nothing. ``run``: of which runs deltas are wanted too. */
export interface Watch {
  type: 'watch';
  topics: Topic[];
  runs: string[];
}

/** Of which of these runs points that have no value could run again, if the kernel knows them at all. */
export interface Know {
  type: 'know';
  id: number;
  /** at most 100 */
  runs: string[];
}

/** What have runs left in their cells that ended since then: the page was not there to hear it. */
export interface Missed {
  type: 'missed';
  /** since the epoch */
  since: number;
}

/** The page has no view to show this with. */
export interface WantCode {
  type: 'code';
}

/** Nobody looks any more. */
export interface Close {
  type: 'close';
}

export type ToFront = Hello | RunWhole | RunDelta | RunProfile | RunEnd | Window | Tables | Answer | Ask | Known | Left | Code;

export type ToKernel = Open | Keep | Look | Cancel | Retry | Do | Reply | Watch | Know | Missed | WantCode | Close;
