"""The messages between a kernel and whoever shows it, a run's view or the panel: JSON both ways, by comm.

`labextension/src/protocol.ts` is generated from this file by `tools/protocol_ts.py`. Below is said which go which way.

Every message has a ``type``. Times are seconds since the start of the run (``_s``), but for ``started_at`` (since the
epoch). A list that grows with the run is cut: what was left out is counted beside it. Columns are lists of one length.
Front ends say in ``open`` which version they speak; a kernel that speaks another one answers ``hello`` only.
"""

from __future__ import annotations

from typing import Literal, TypedDict

PROTOCOL = 1
PANEL_TARGET = "pathos_nb.panel"
RUN_MIME = "application/vnd.pathos-nb.run.v1+json"
ABOUT = "pathos_nb"  # where the metadata of a message and of an output has its `Place`

RunState = Literal["queued", "running", "done", "failed", "cancelled"]
Topic = Literal["hosts", "tunnels", "services", "pools", "launchers", "runs"]


class Figures(TypedDict):
    """A run's numbers at one moment."""

    state: RunState
    n_done: int
    n_failed: int
    total: int | None
    rate: float  # items a second, lately
    left_s: float | None
    elapsed_s: float
    busy_s: float  # of all workers together
    n_slots: int  # workers that take part: efficiency is busy_s / (elapsed_s * n_slots)
    waits: list[str]  # which places it waits for or does without, each a sentence


class Head(TypedDict):
    """What a run is, from its start on."""

    run: str
    title: str
    names: list[str]  # the parameters of a point, if it has any
    started_at: float
    can_cancel: bool
    can_retry: bool


class Lane(TypedDict):
    """A worker, which is one line of the timeline; `lane` is its number in this run."""

    lane: int
    worker: str
    host: str  # as users call it
    machine: str  # its own name, where that is another one
    pid: int
    n_items: int
    busy_s: float
    is_up: bool
    reason: str  # why it went
    parent: int  # of a map inside of an item: the lane of that item's worker, under which it stands; else -1


class Spans(TypedDict):
    """What workers did, as columns; a span is a chunk, or several that were put together."""

    lane: list[int]
    start_s: list[float]
    end_s: list[float]
    busy_s: list[float]  # less than end - start where spans with gaps were put together
    first: list[int]  # the first item's index
    n_items: list[int]
    n_failed: list[int]


class Items(TypedDict):
    """Single items, as columns; sent when somebody looks closely, and kept of those that stand out."""

    lane: list[int]
    start_s: list[float]
    end_s: list[float]
    index: list[int]
    label: list[str]  # its parameters or arguments, cut
    is_failed: list[bool]


class FailureRow(TypedDict):
    """An item that failed."""

    index: int
    label: str
    error: str
    worker: str
    traceback: str  # cut


class PrintedRow(TypedDict):
    """What an item wrote; ANSI colours and all."""

    index: int
    label: str
    text: str


class InnerRow(TypedDict):
    """A map inside of an item."""

    run: str
    label: str  # of the item; of the items, where there are maps inside of these
    title: str
    state: str  # RunState, or lost
    n_done: int
    n_failed: int
    total: int | None
    seconds: float


class Place(TypedDict):
    """Where something is shown, for a page that did not ask for it: in the metadata of a kernel's message."""

    place: str  # an output; in a saved notebook too
    cell: str  # "" where nobody knows
    count: int  # the cell's number


class FlameNodes(TypedDict):
    """Functions by who called them, as columns; a node keeps its number, and a parent comes before its children."""

    id: list[int]
    parent: list[int]  # the outermost has itself
    name: list[str]
    where: list[str]  # file and line; empty for C code
    total_ms: list[float]  # in it and in what it called
    kind: list[int]  # what it was mostly: 0 Python, 1 C code, 2 waiting, 3 waiting for the GIL, 4 without a core


class FunctionRows(TypedDict):
    """The functions that took the most time themselves, as columns."""

    name: list[str]
    where: list[str]
    own_ms: list[float]
    total_ms: list[float]
    kind: list[int]
    n_calls: list[int]  # 0 where calls are not counted


class UsageRows(TypedDict):
    """What workers' time was spent on, as columns; where there are several hosts, these come first."""

    name: list[str]
    is_host: list[bool]
    run_s: list[float]
    cpu_s: list[float]
    load_s: list[float]  # unpickling
    dump_s: list[float]  # pickling
    wait_s: list[float]  # for input
    idle_s: list[float]  # of a host that of all its workers
    transfer_s: list[float]  # of reports
    bytes_out: list[int]
    bytes_in: list[int]
    peak_bytes: list[int]


class PointRows(TypedDict):
    """Points that stand out, as columns: by seconds, or by bytes."""

    amount: list[float]
    label: list[str]
    worker: list[str]


class ProfilePart(TypedDict):
    """A run's profile, or what has changed of it: nodes that are not in it are as they were, tables are whole."""

    n_samples: int
    kinds_ms: list[float]
    nodes: FlameNodes
    functions: FunctionRows
    usage: UsageRows
    longest: PointRows
    heaviest: PointRows
    notes: list[str]


class RunRecord(TypedDict):
    """A whole run: the answer to ``open``, and the content of the MIME type in a saved notebook."""

    version: int
    head: Head
    figures: Figures
    lanes: list[Lane]
    n_more_lanes: int
    spans: Spans
    items: Items  # of a run that is over: all if they are few, else those that failed or took longest; spans have all
    failures: list[FailureRow]
    n_more_failures: int
    printed: list[PrintedRow]
    n_more_printed: int  # characters
    n_printed: int  # points that printed something
    profile: ProfilePart | None  # of a run that is profiled
    inner: list[InnerRow]
    n_more_inner: int


class Hello(TypedDict):
    """The first answer to ``open``."""

    type: Literal["hello"]
    version: int
    package: str


class RunWhole(TypedDict):
    """A run as it is now; whatever was known of it is replaced."""

    type: Literal["run"]
    record: RunRecord


class RunDelta(TypedDict):
    """What is new of a run since the last message."""

    type: Literal["delta"]
    run: str
    figures: Figures
    lanes: list[Lane]  # new ones, and those of which something changed
    spans: Spans
    failures: list[FailureRow]
    n_more_failures: int
    printed: list[PrintedRow]
    n_more_printed: int
    n_printed: int
    inner: list[InnerRow]  # all that are told of; none: as they were
    n_more_inner: int


class RunProfile(TypedDict):
    """What is new of a run's profile; about once a second."""

    type: Literal["profile"]
    run: str
    part: ProfilePart


class RunEnd(TypedDict):
    """The last message of a run."""

    type: Literal["ended"]
    run: str
    figures: Figures


class Window(TypedDict):
    """The answer to ``look``: a part of the timeline, closer."""

    type: Literal["window"]
    id: int
    run: str
    from_s: float
    to_s: float
    spans: Spans
    items: Items  # empty where there are too many in this part


class HostRow(TypedDict):
    """A host that is known or connected."""

    name: str
    user: str
    address: str
    port: int
    through: str
    transport: str
    state: str  # as %pathos hosts has it: connected, lost, known ...
    problem: str
    is_saved: bool
    python: str
    mismatch: str  # what differs from the kernel's versions, in words
    n_cores: int | None
    load: float | None
    memory_bytes: int | None
    free_bytes: int | None
    round_trips_ms: list[float]  # the latest, at most 60
    n_workers: int


class TunnelRow(TypedDict):
    """An open tunnel."""

    name: str
    host: str
    local_port: int
    remote: str
    state: str
    n_bytes: int
    latency_ms: float | None
    n_reconnects: int


class ServiceRow(TypedDict):
    """A server that was started on a host."""

    name: str
    host: str
    kind: str
    state: str
    port: int


class PoolRow(TypedDict):
    """An open pool."""

    name: str
    places: list[str]
    n_workers: int
    n_first: int  # of them at the first place: the number that ``%pathos pool NAME --nodes`` sets
    n_busy: int
    is_default: bool
    is_owned: bool  # the session's, so that it may be closed and resized by hand


class LauncherRow(TypedDict):
    """A kind of place."""

    name: str
    is_ready: bool
    reason: str


class RunRow(TypedDict):
    """A run of this kernel."""

    run: str
    title: str
    state: RunState
    n_done: int
    n_failed: int
    total: int | None
    started_at: float
    seconds: float
    can_retry: bool


class Tables(TypedDict):
    """Everything the panel lists; a topic that has not changed is None."""

    type: Literal["tables"]
    hosts: list[HostRow] | None
    ssh_names: list[str] | None  # of ~/.ssh/config, to choose from
    tunnels: list[TunnelRow] | None
    services: list[ServiceRow] | None
    pools: list[PoolRow] | None
    launchers: list[LauncherRow] | None
    runs: list[RunRow] | None
    n_more: dict[str, int]  # rows that were left out, by topic
    n_slots: int
    n_busy: int


class Answer(TypedDict):
    """How a ``do`` ended: what the verb says, or its error."""

    type: Literal["answer"]
    id: int
    is_ok: bool
    text: str
    cure: str


class Known(TypedDict):
    """The answer to ``know``."""

    type: Literal["known"]
    id: int
    runs: list[str]  # those of which points can run again


class Left(TypedDict):
    """What a run has left in its cell: an answer to ``missed``, one for each run."""

    type: Literal["left"]
    place: Place
    began_at: float  # since the epoch
    html: str
    text: str
    record: RunRecord | None


class Code(TypedDict):
    """The view itself, for a page that has not got it (`labextension/src/loader.ts`)."""

    type: Literal["code"]
    text: str


class Ask(TypedDict):
    """A question that a ``do`` has for the person: a password, a one-time code, whether to trust a key."""

    type: Literal["ask"]
    id: int  # of the question
    do: int  # of the ``do``
    kind: Literal["text", "secret", "trust"]
    prompt: str
    fingerprint: str  # of a key, where it is to be trusted


class Open(TypedDict):
    """Somebody looks: send everything."""

    type: Literal["open"]
    version: int


class Keep(TypedDict):
    """The page keeps this view while its output is shown anew: what a saved notebook has of the run may be renewed."""

    type: Literal["keep"]


class Look(TypedDict):
    """A part of the timeline, closer."""

    type: Literal["look"]
    id: int
    run: str
    lanes: list[int]
    from_s: float
    to_s: float
    n_pixels: int


class Cancel(TypedDict):
    """Stop a run."""

    type: Literal["cancel"]
    run: str


class Retry(TypedDict):
    """Run the failed points of a run again."""

    type: Literal["retry"]
    run: str


class Do(TypedDict):
    """A verb of ``%pathos``, as words that need no quoting."""

    type: Literal["do"]
    id: int
    verb: str
    words: list[str]


class Reply(TypedDict):
    """The person's answer to ``ask``; None: the person gave up. A key is trusted by its fingerprint, or by ``yes``."""

    type: Literal["reply"]
    id: int
    text: str | None


class Watch(TypedDict):
    """Which topics are on show; what nobody looks at costs nothing. ``run``: of which runs deltas are wanted too."""

    type: Literal["watch"]
    topics: list[Topic]
    runs: list[str]


class Know(TypedDict):
    """Of which of these runs points that have no value could run again, if the kernel knows them at all."""

    type: Literal["know"]
    id: int
    runs: list[str]  # at most 100


class Missed(TypedDict):
    """What have runs left in their cells that ended since then: the page was not there to hear it."""

    type: Literal["missed"]
    since: float  # since the epoch


class WantCode(TypedDict):
    """The page has no view to show this with."""

    type: Literal["code"]


class Close(TypedDict):
    """Nobody looks any more."""

    type: Literal["close"]


ToFront = Hello | RunWhole | RunDelta | RunProfile | RunEnd | Window | Tables | Answer | Ask | Known | Left | Code
ToKernel = Open | Keep | Look | Cancel | Retry | Do | Reply | Watch | Know | Missed | WantCode | Close
