"""One map: what it was asked, what has come of it, and who wants to hear.

A `Run` is the record that every view is made from. The dispatcher changes it, under its lock; anybody may read it.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import is_

from pathos_nb.dispatch.called import called_with, name_of
from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.deliveries import CallbackKeeper, complain
from pathos_nb.dispatch.endless import refuse_endless
from pathos_nb.dispatch.keepers import MISSING, Keeper, ListKeeper, StreamKeeper, not_run
from pathos_nb.dispatch.nested import InnerRuns
from pathos_nb.dispatch.options import DEFAULT, MapOptions
from pathos_nb.dispatch.source import Source
from pathos_nb.dispatch.unrun import Seen
from pathos_nb.dispatch.when_wanted import WhenWanted
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.events import ChunkDone, Event, ItemFailed, PlaceNews, RunEnded, RunStarted
from pathos_nb.launchers.codec import ByValue
from pathos_nb.launchers.contract import Timer
from pathos_nb.launchers.inside import here
from pathos_nb.typed import Any, NamedTuple, Protocol
from pathos_nb.wire.serialization import Payload

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathos_nb.dispatch.profiles import Profile

_HEAVY_BYTES = 1 << 18
_STREAM_CHUNKS = 5000


class Task(NamedTuple):
    """Items to send together.

    Attributes
    ----------
    indices : sequence of int
        Which items.
    items : object
        Columns, or argument tuples.
    alone : bool
        Whether the chunk must be sent as it is: a part of one that went wrong.
    contested : bool
        Whether some of it may be delivered by another chunk.
    """

    indices: Sequence[int]
    items: Any
    alone: bool = False
    contested: bool = False

    def part(self, start: int, stop: int, star: bool, alone: bool, contested: bool = False) -> Task:
        """Give some of its items as a task of their own."""
        items = self.items[start:stop] if star else tuple(column[start:stop] for column in self.items)
        return Task(self.indices[start:stop], items, alone, contested or self.contested)


class Pace(NamedTuple):
    """How fast all workers of a run are together, in items a second; until so many chunks were sent it is not asked."""

    speed: float = 0.0
    n_seats: int = 0
    until: int = 0


class Call(NamedTuple):
    """What a map is asked: a function, its input and the options."""

    function: Any
    source: Source
    options: MapOptions


class Attendant(Protocol):
    """What a run needs of its dispatcher."""

    @property
    def token(self) -> str:
        """A name that no other pool has, for what runs inside of it."""

    def new_number(self) -> tuple[int, str]:
        """Give a number and a name that no other run has."""

    def attend(self, is_done: Callable[[], bool], timeout_s: float | None, owner: Run | None) -> bool:
        """Keep things going until it is done."""

    def stop(self, run: Run, state: str, interrupt: bool) -> None:
        """Begin nothing more of that run."""

    def give_up(self, run: Run) -> None:
        """Stop the run, and wait, not long, until nothing of it is at work."""


class Keeping(Protocol):
    """What a run needs of whoever writes its points to disk."""

    def takes(self, event: Event) -> bool:
        """Hear an event; say whether it is told later, when what it reports is on the disk."""

    def settle(self, callback: Callable[[], None]) -> bool:
        """Say whether all is on the disk; if not, have the callback called when it is."""

    def is_stuck(self, seconds: float) -> bool:
        """Give up if nothing has come to the disk for so long."""


class Run:
    """A map under way, or over.

    Attributes
    ----------
    run_id, title : str
        Its name among all runs, and what the user called it.
    total : int or None
        How many items there are; None while it is not known.
    n_done, n_failed : int
        Items that are finished, and how many of these failed.
    n_before : int
        How many of the finished ones were there already, in a store or a cache.
    state : str
        ``queued``, ``running``, ``done``, ``failed`` or ``cancelled``.
    started_at, ended_at : float or None
        Seconds since the epoch.
    is_over : bool
        Whether nothing more will come.
    failures : dict
        Index to `Failure`.
    output_taken : bool
        Set by a view that shows what items print; else it is written to ``sys.stdout``.
    chunks : ChunkLog
        The record so far: of very many items partly on the disk.
    places : list of PlaceNews
        What was lost on the way, and what came back; `pathos_nb.dispatch.absences` reads it.
    inner : InnerRuns
        The maps inside of its items, by the item's index.
    files : RunFiles or None
        What its items are given of files, and what has come back of them.
    heavy : tuple of (str, int)
        Names and bytes of large values that the function brought to the workers.
    profile : Profile or None
        What its workers were at, if it is profiled.
    """

    # What most runs never change: a call would feel so many attributes more.
    n_done = n_failed = n_before = n_sent = n_in_flight = n_pictures = picture_bytes = workers_n = largest = 0
    is_over = unattended = output_taken = is_settling = False
    is_recorded = True  # whether anybody may ask which worker was at which item, and when
    held_for: Any = None  # the chunk in which an item has failed, by which the map ends; its report is still to come
    has_code_in_items = False  # seen in one that was to go to another Python: these get no more of them
    state, stopping = "queued", ""
    ended_at: float | None = None
    error: BaseException | None = None
    node: Any = None  # in a graph of calls, if it is in one
    pace = Pace()
    item_bytes = value_bytes = 0.0
    earlier_s = 0.0  # what its points took in an earlier kernel
    heavy: tuple[tuple[str, int], ...] = ()
    drawn_at: Sequence[int] | None = None
    files: Any = None  # what its items are given and give back of files (`staging.RunFiles`), if anything
    recorder: Keeping | None = None
    pins: dict[int, int] = {}  # replaced by another, never filled
    under_way: Any = None  # where it is asked for work (`under_way.UnderWay`), while it goes on

    chunks: ChunkLog = WhenWanted(ChunkLog)
    places: list[PlaceNews] = WhenWanted(list)
    inner: InnerRuns = WhenWanted(InnerRuns)
    attempts: dict[int, int] = WhenWanted(dict)
    ways_lost: dict[int, int] = WhenWanted(dict)
    leaving: dict[int, bool] = WhenWanted(dict)
    team: set[int] = WhenWanted(set)
    item_s: dict[int, float] = WhenWanted(dict)
    worked_s: dict[int, float] = WhenWanted(dict)
    fitting: dict[Any, bool] = WhenWanted(dict)  # workers that were asked whether they are what is wanted

    def __init__(self, dispatcher: Attendant, call: Call, keeper: Keeper) -> None:
        self.number, self.run_id = dispatcher.new_number()
        self.function, self.source, self.options = function, _, options = call
        self.keeper, self.title = keeper, options.title
        self.started_at = time.time()
        self.failures: dict[int, Failure] = {}
        self.is_stream = isinstance(keeper, StreamKeeper)
        if self.is_stream:
            self.chunks = ChunkLog(is_endless=True)
        self.called = name_of(function)
        self.again: deque[Task] = deque()
        self.payloads: dict[Any, Payload] = {}
        self.profile, self.is_choosy = (None, False) if options is DEFAULT else _wishes(options)
        self.timers: list[Timer] = []
        self.ending_on = ("stop",) if self.is_stream else ("stop", "raise")
        self.unwritten: deque[ChunkDone] = deque()
        self.above = (*here.pools, dispatcher.token)
        self._dispatcher = dispatcher
        self._subscribers: list[Callable[[Event], None]] = []
        self._callbacks: list[Callable[[Run], None]] = []

    def __repr__(self) -> str:
        of = "?" if self.total is None else self.total
        return f"<Run {self.run_id} {self.state}: {self.n_done} of {of} done, {self.n_failed} failed>"

    @property
    def label(self) -> str:
        """What a person calls it: its title, or the name of the function that was called."""
        return self.title or self.called

    @property
    def total(self) -> int | None:
        """How many items there are, if known."""
        return self.source.total

    @property
    def reach(self) -> int:
        """How many items there are; as far as values have come, where nobody knows that."""
        known = self.total
        return known if known is not None else len(getattr(self.keeper, "values", ()))

    @property
    def collected(self) -> dict[int, tuple[Any, ...]]:
        """The files that items have given back so far: an item's index, and the paths here."""
        return {} if self.files is None else self.files.collected

    @property
    def is_heavy(self) -> bool:
        """Whether workers should let its function go at once, instead of with the next message."""
        return any(payload.nbytes > _HEAVY_BYTES for kind, payload in self.payloads.items() if kind is ByValue)

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return max(0.0, (self.ended_at or time.time()) - self.started_at)

    def subscribe(self, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Have a callable told of every event.

        Parameters
        ----------
        callback : callable
            Takes an event of `pathos_nb.events`; called in whatever thread handles news, so it must be quick.

        Returns
        -------
        callable
            Ends it.
        """
        self._subscribers.append(callback)
        self.is_recorded = True
        return lambda: self._subscribers.remove(callback) if callback in self._subscribers else None

    def when_over(self, callback: Callable[[Run], None]) -> None:
        """Have a callable called once with the run when it is over, at once if it is.

        Parameters
        ----------
        callback : callable
            Must be quick.
        """
        self._callbacks.append(callback)
        if self.is_over:
            self._call_back()

    def _call_back(self) -> None:
        while self._callbacks:
            try:
                callback = self._callbacks.pop()
            except IndexError:  # one thread has added it, another ends the run, and was quicker
                return
            callback(self)

    def tell(self, event: Event) -> None:
        """Hand an event to all subscribers, or to the store, which hands it on when it is kept."""
        if self.recorder is not None and self.recorder.takes(event):
            return
        if self._subscribers:
            self.tell_now(event)

    def tell_now(self, event: Event) -> None:
        """Hand an event to all subscribers."""
        for callback in tuple(self._subscribers):
            try:
                callback(event)
            except Exception:  # a view that breaks must not break the run
                complain(f"a subscriber of run {self.run_id} failed")

    def note(self, chunk: ChunkDone) -> None:
        """Put a chunk on the record; of a stream, which may be endless, the last ones stay."""
        self.chunks.append(chunk)
        if chunk.output and not self.output_taken:
            self.unwritten.append(chunk)
        if self.is_stream and len(self.chunks) > 2 * _STREAM_CHUNKS:
            self.chunks.forget(_STREAM_CHUNKS)
        if self._subscribers or self.recorder is not None:
            self.tell(chunk)

    def flush_output(self) -> None:
        """Write what items printed to ``sys.stdout``, in the caller's thread, unless a view shows it."""
        if not self.unwritten:
            return
        while self.unwritten:
            try:
                chunk = self.unwritten.popleft()
            except IndexError:  # another thread that waits was quicker
                return
            for _, text in chunk.output:
                sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        with contextlib.suppress(Exception):
            sys.stdout.flush()

    def begin(self) -> None:
        """Say that it has begun."""
        self.state = "running"
        if self._subscribers or self.recorder is not None:
            self.tell(RunStarted(self.run_id, self.total, self.title))

    def finish(self) -> None:
        """Say that it is over."""
        if self.is_over:
            return
        self.state, self.ended_at = self.stopping or ("failed" if self.failures or self.error else "done"), time.time()
        self.is_over = True  # last: others look at it without the lock, and then at the state
        if isinstance(self.keeper, CallbackKeeper):
            self._deliver_the_rest(self.keeper)
        self.source.end()
        for timer in self.timers:  # else the hub would hold the run, and what its errors hold, until it looks again
            timer.cancel()
        self.timers.clear()
        self.payloads.clear()
        self.function = None
        if "inner" in self.__dict__:
            self.inner.lose()
        if self._subscribers or self.recorder is not None:
            self.tell(RunEnded(self.run_id, self.state, self.seconds))
        if self._callbacks:
            self._call_back()

    def _deliver_the_rest(self, keeper: CallbackKeeper) -> None:
        """Let no callback wait for what will not come."""
        if rest := [index for index in range(self.total or 0) if not keeper.has(index)]:
            keeper.place(rest, [not_run(index, error=self.error) for index in rest])

    def drawn(self, indices: Sequence[int]) -> Sequence[int]:
        """Give whose random numbers these items draw: their own, unless they are another run's items."""
        at = self.drawn_at
        return indices if at is None else [at[index] for index in indices]

    def let_go(self, chunk: Any) -> None:
        """Go on, if it was this chunk's report that the run was held for."""
        if self.held_for is chunk:
            self.held_for = None

    def requeue(self, task: Task, first: bool = False) -> None:
        """Have items sent again; a task without items is nothing."""
        if len(task.indices):
            self.again.insert(0 if first else len(self.again), task)
            if self.under_way is not None:
                self.under_way.offer(self)

    def take_hits(self) -> None:
        """Place the values that were there before, of items that were pulled; under the dispatcher's lock."""
        if hits := self.source.take_hits():
            self.keeper.place([index for index, _ in hits], [value for _, value in hits])
            self.n_done += len(hits)
            self.n_before += len(hits)

    def fail(self, failure: Failure) -> None:
        """Take a failure in for good."""
        self.failures[failure.index] = failure
        self.n_failed += 1
        self.tell(ItemFailed(self.run_id, failure))

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether it is over.

        Raises
        ------
        KeyboardInterrupt
            Once; the run is cancelled, and keeps what is finished.
        EndlessWait
            An item of this very run, in a thread of this process, waits for it without a timeout.
        """
        if timeout is None and here.worker is not None and not self.is_over:
            refuse_endless(self)
        try:
            is_over = self.is_over or self._dispatcher.attend(lambda: self.is_over, timeout, self)
            self.flush_output()
            return is_over
        except KeyboardInterrupt:
            self._dispatcher.give_up(self)
            raise

    def cancel(self) -> None:
        """Stop: begin nothing more, interrupt what runs; what is finished stays."""
        self._dispatcher.stop(self, "cancelled", interrupt=True)

    def values(self) -> list[Any]:
        """Give what has come so far.

        Returns
        -------
        list
            In the order of the input; a `Failure` at the place of each item that failed or was not run.

        Raises
        ------
        TypeError
            The run streams its values to an iterator.
        """
        return list(self.seen())

    def seen(self) -> Sequence[Any]:
        """Give what has come so far, as `values`, which is copied only while the run goes on.

        Returns
        -------
        sequence
            A `Failure` is made when somebody looks at it. Not to be changed.

        Raises
        ------
        TypeError
            The run streams its values to an iterator.
        """
        if not isinstance(self.keeper, ListKeeper):
            raise TypeError("the values of this run go to its iterator")
        is_over, values = self.is_over, self.keeper.values
        if is_over and self.state == "done" and self.n_done == len(values):
            return values
        values = values if is_over else list(values)
        n = max(len(values), self.total or 0)
        has_gaps = n > len(values) or any(map(is_, values, repeat(MISSING)))
        return Seen(values, n, is_over=is_over) if has_gaps else values

    def result(self) -> list[Any]:
        """Give what the map returns, waiting for it.

        Returns
        -------
        list
            The values in the order of the input.

        Raises
        ------
        BaseException
            What an item raised, if the map was asked to raise; what the input raised; an error of the pool.
        """
        self.wait()
        self.raise_if_failed()
        if isinstance(self.keeper, ListKeeper) and self.state == "done" and self.n_done == len(self.keeper.values):
            return self.keeper.values
        return self.values()

    def raise_if_failed(self) -> None:
        """Raise what the run as a whole has to raise."""
        if (error := self.error) is not None:
            raise error
        if self.options.on_error == "raise":
            if self.failures:
                next(iter(self.failures.values())).reraise()
            if self.state == "cancelled":
                raise Cancelled("the run was cancelled", run=self.run_id)

    def argument_of(self, task: Task, place: int) -> str:
        """Give a short text of what an item is called with, whatever its ``repr`` does."""
        try:
            row = task.items[place] if self.source.star else tuple(column[place] for column in task.items)
        except Exception as error:  # of a sequence of the user's own
            return f"<no repr: {type(error).__name__}>"
        return called_with(self.function, row)


def _wishes(asked: MapOptions) -> tuple[Profile | None, bool]:
    """Give the profile that is to be made, and whether not any worker will do."""
    wants = asked.where, asked.memory, asked.gpus, asked.files, asked.collect
    return _profile(asked.profile), any(each is not None for each in wants)


def _profile(option: Any) -> Profile | None:
    if option is None or option is False:
        return None
    from pathos_nb.dispatch.profiles import make_profile

    return make_profile(option)
