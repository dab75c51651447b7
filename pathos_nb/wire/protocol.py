"""The messages between a pool and a worker, whatever carries them.

==========  =========  ==================================================================================
kind        direction  fields, then payload
==========  =========  ==================================================================================
INITIALIZE  down       () then (initializer, arguments)
DEFINE      down       (run, `RunSpec` fields) then (function, fixed keyword arguments)
WORK        down       (chunk, run, first index or indices, number of items) then the items
CALL        down       (chunk, index, `RunSpec` fields) then ((function, fixed keyword arguments), the one item in a
                       list): a run of one item, of which nothing is kept
FORGET      down       (run,)
BESIDE      down       (path,): an archive of the user's own modules, first on the path in place of the last one;
                       to a worker that shares no files with its agent: () then the archive
RELEASE     both       (segments,): all views of these pieces of shared memory are gone
DONE        up         (`Report` fields) then the values
BROKEN      up         (what, text): the initializer failed; the worker ends
PROFILE     up         (chunk, `Profiled` fields): what was sampled of a chunk that is still at work
CAME        up         (rank, size, process id, trouble): a process of an MPI job that is a worker; what is in its way
INNER       up         (chunk, rows of `InnerNews` fields): what maps inside of its items have done
FAILED      up         (chunk,): an item of it has failed, and so its run, which begins nothing more; its report follows
==========  =========  ==================================================================================
"""

from __future__ import annotations

from pathos_nb.typed import NamedTuple

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

INITIALIZE, DEFINE, WORK, FORGET, RELEASE, DONE, BROKEN, BESIDE, PROFILE, CALL, CAME, INNER, FAILED = range(1, 14)

RAISED, TIMED_OUT, NOT_SENT, NOT_LOADED, NOT_RETURNED, BAD_FUNCTION, OUT_OF_MEMORY = range(7)
# What a thread was at when it was sampled: each sample's time is shared out among these.
KINDS = ("python", "native", "waiting", "gil", "starved")


class Profiling(NamedTuple):
    """How a run is profiled.

    Attributes
    ----------
    rate_hz : float
        Samples a second.
    counts_calls : bool
        Whether cProfile counts every call besides.
    is_whole : bool
        Whether this package's own frames stay in the stacks.
    """

    rate_hz: float = 100.0
    counts_calls: bool = False
    is_whole: bool = False


class Cost(NamedTuple):
    """What a chunk cost its worker, in seconds.

    Attributes
    ----------
    load_s, run_s, dump_s : float
        Unpickling the items, running them, pickling the values.
    wait_s : float
        How long the worker had nothing to do before.
    cpu_s : float
        Processor time in `run_s`, of all threads of a worker process.
    told_s : float
        From the start of the first item to the report.
    peak_bytes : int
        The most memory that the process was seen to hold.
    """

    load_s: float
    run_s: float
    dump_s: float
    wait_s: float
    cpu_s: float
    told_s: float
    peak_bytes: int


class Profiled(NamedTuple):
    """What is new in a worker's profile of a run.

    Attributes
    ----------
    frames : sequence of (name, file, line)
        Functions.
    stacks : sequence of (places in frames, samples, microseconds of each of `KINDS`)
        From the outermost function to the innermost.
    calls : sequence of (frame, primitive calls, calls, own seconds, seconds, callers)
        From cProfile; a caller is (frame, primitive calls, calls, own seconds, seconds).
    peaks : sequence of (offset, bytes)
        The items that were seen to hold the most memory, and how much.
    cost : tuple or None
        `Cost` fields, once the chunk is done.
    note : str
        Why something that was asked for is missing.
    """

    frames: Sequence[tuple[str, str, int]]
    stacks: Sequence[tuple[Sequence[int], int, Sequence[int]]]
    calls: Sequence[tuple[Any, ...]] = ()
    peaks: Sequence[tuple[int, int]] = ()
    cost: tuple[Any, ...] | None = None
    note: str = ""


class RunSpec(NamedTuple):
    """What a worker must know of a run besides the function.

    Attributes
    ----------
    star : bool
        Whether an item is a tuple of arguments.
    seed : int, sequence of int or None
        Seeds each item, by its index.
    timeout_s : float or None
        How long an item may run.
    minor : tuple of int or None
        The Python version that can load the function; None if any can.
    context : tuple or None
        Current folder, module path, environment and set-up modules, where they differ from the last run's.
    chunk_s : float or None
        How long a chunk may last: after that what has not begun goes back. None: it is done to its end.
    profile : tuple or None
        `Profiling` fields, if the run is profiled.
    above : sequence of str
        The tokens of the pools that its items work for, at however many removes.
    limits : tuple or None
        How many bytes an item may take, and which GPUs this worker has; None for what is not limited.
    ends_at_failure : bool
        Whether the first failure ends the run: what was sent and has not begun then goes back.
    """

    star: bool
    seed: int | Sequence[int] | None
    timeout_s: float | None
    minor: tuple[int, ...] | None
    context: tuple[Any, ...] | None
    chunk_s: float | None = None
    profile: tuple[Any, ...] | None = None
    above: Sequence[str] = ()
    limits: tuple[int | None, str | None] | None = None
    ends_at_failure: bool = False


class InnerNews(NamedTuple):
    """What is new of a map inside of an item.

    Attributes
    ----------
    path : sequence of (index, run id)
        Whose it is: of the item of that index the run of that name, of its item the next one, and so on.
    via : sequence of str
        The workers on the way that its own workers work for, but the first.
    title, total, state, n_done, n_failed, started, ended
        As of a run; `ended` is 0 while it goes on.
    chunks : sequence of (worker, host, pid, indices, started, ends, block, number of failures)
        What is new on its record; indices are a list, or the three of a range.
    """

    path: Sequence[tuple[int, str]]
    via: Sequence[str]
    title: str
    total: int | None
    state: str
    n_done: int
    n_failed: int
    started: float
    ended: float
    chunks: Sequence[tuple[Any, ...]] = ()


class ItemReport(NamedTuple):
    """One failed item of a chunk: where in it, what kind of failure, and the exception in three forms."""

    offset: int
    kind: int
    error: Any  # bytes, or the exception itself where it stays in its process, or None
    type_name: str
    text: str
    traceback: str


class Report(NamedTuple):
    """What a worker says of a chunk, besides the values.

    Attributes
    ----------
    chunk : int
        Which one.
    n_run : int
        How many items were run, from the first on; fewer than sent if the rest was taken back.
    started : float
        When the first item began, in seconds since the epoch.
    ends : bytes
        Array of doubles: the end of each block of items.
    block : int
        Items a block.
    failures : sequence of ItemReport
        The items that failed.
    output : sequence of (offset, bytes)
        What items wrote.
    undecodable : str
        Why no item could be loaded; empty if they could.
    profile : tuple or None
        `Profiled` fields, of a run that is profiled.
    inner : sequence of tuple
        `InnerNews` fields that have not been sent yet.
    """

    chunk: int
    n_run: int
    started: float
    ends: bytes
    block: int
    failures: Sequence[tuple[Any, ...]]
    output: Sequence[tuple[int, bytes]]
    undecodable: str
    profile: tuple[Any, ...] | None = None
    inner: Sequence[tuple[Any, ...]] = ()
