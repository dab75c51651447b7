"""A chunk while a worker runs it, and the run that it is of.

Items below 5 microseconds are run in blocks of 64 by the interpreter's own C loops, those below half a microsecond in
blocks of 512; all others one by one, each told on the board before it begins. The first item of a run is slow whatever
it does: a chunk that begins one by one goes on in blocks if its first 16 items are short, or 64, or 256, and so on.

A run's first chunk may be large, for nobody knows how long its items take: it is on trial. What it has not begun goes
back after half a millisecond, unless the items turn out to be short, or at its first failure. One long item among
short ones changes nothing: the machine may have been at something else.
"""

from __future__ import annotations

import functools
import math
import time
from array import array
from collections.abc import Callable, Sequence
from itertools import chain, islice, starmap
from operator import sub

from pathos_nb.launchers.codec import ByReference
from pathos_nb.launchers.failing import report
from pathos_nb.launchers.seeding import preserved, seeded
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import ItemReport, Report, RunSpec
from pathos_nb.wire.serialization import MINOR, Payload

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any, Protocol

    from pathos_nb.launchers.board import Cells
    from pathos_nb.launchers.codec import Codec
    from pathos_nb.launchers.contract import Capture
    from pathos_nb.launchers.metering import Metering
    from pathos_nb.launchers.resources import Limits

    class Runner(Protocol):
        """What a chunk needs of the worker that runs it."""

        cells: Cells
        codec: Codec
        capture: Capture
        alarm: Callable[..., object] | None
        beside: str
        in_item: bool
        stop_requested: bool
        post: Callable[[Frame], object] | None
        limits: Limits
        inner: Any

        def now(self, stamp: float) -> float:
            """Turn a stamp of its clock into seconds since the epoch."""


BLOCK = 64
_BLOCK_BELOW_S = 5e-6
_LARGE_BLOCK, _LARGE_BLOCK_BELOW_S = 512, 5e-7  # which lasts no longer than 64 of the longest that are run in blocks
TRIAL_S, _SHORT_TRIAL_S = 5e-4, 5e-3
_LOOK_AT = 16
_FEW = 4  # of fewer items it cannot be told whether they are short
_clock = time.perf_counter


class TimeUp(BaseException):
    """Raised in an item when its time is up; no ``except Exception`` of the user's catches it."""


class Work:
    """One run, as this worker knows it."""

    def __init__(self, spec: RunSpec, frame: Frame, number: int = 0) -> None:
        self.spec, self.frame, self.number, self.above = spec, frame, number, frozenset(spec.above)
        self.function: Callable[..., Any] | None = None
        self.item_s = 0.0  # of the last chunk; nothing before the first
        self.failed_in = -2  # the chunk that had the failure which ends the run
        self.prints = self.has_begun = False
        self.metering: Metering | None = None

    def load(self, codec: Codec) -> Callable[..., Any]:
        """Give the function, unpickled when it is first wanted."""
        if self.function is None:
            if self.spec.minor is not None and tuple(self.spec.minor) != MINOR:
                sent, here = (".".join(map(str, v)) for v in (self.spec.minor, MINOR))
                raise ImportError(f"the function was sent as code of Python {sent}; this worker has Python {here}")
            function, kwargs = codec.load(self.frame)
            self.function = with_keywords(function, kwargs)
            self.frame = Frame(0, ())
        return self.function

    @property
    def block(self) -> int:
        """How many items to run between two stamps."""
        if not 0 < self.item_s <= _BLOCK_BELOW_S or not self.may_block:
            return 1
        return BLOCK if self.item_s > _LARGE_BLOCK_BELOW_S else _LARGE_BLOCK

    @property
    def may_block(self) -> bool:
        """Whether items may share a stamp."""
        spec = self.spec
        return not self.prints and spec.seed is None and spec.timeout_s is None


def with_keywords(function: Callable[..., Any], kwargs: dict[str, Any]) -> Callable[..., Any]:
    """Give a function with fixed keyword arguments."""
    if not kwargs:
        return function
    return functools.partial(function, **kwargs)


class Chunk:
    """A chunk while it runs."""

    def __init__(
        self,
        worker: Runner,
        run: Work,
        function: Callable[..., Any],
        items: Sequence[Any],
        *place: Any,
    ) -> None:
        self.worker, self.run_of, self.function = worker, run, function
        self.number, self.indices, self.n = place
        self.rows = iter(items) if run.spec.star else None
        self.columns = None if run.spec.star else tuple(map(iter, items))
        self.values: list[Any] = []
        self.failures: list[ItemReport] = []
        self.output: list[tuple[int, bytes]] = []
        self.ends = array("d")
        self.block = run.block
        self.started = _clock()
        self.on_trial = run.spec.chunk_s is not None and not run.item_s
        self.ends_at_failure = self.on_trial or run.spec.ends_at_failure
        self.until = self.started + (TRIAL_S if self.on_trial else run.spec.chunk_s or math.inf)

    def run(self) -> None:
        """Run the items, until the chunk, its limit or an interrupt ends it."""
        self.worker.cells.set_width(self.block)
        if self.block > 1:
            self._in_blocks()
        elif self.run_of.spec.seed is not None and self.worker.beside != "threads":
            with preserved():
                self._one_by_one()
        else:
            self._one_by_one()
            if self.block > 1:  # they turned out to be short
                self.worker.cells.set_width(self.block)
                self._in_blocks()

    def _in_blocks(self) -> None:
        """Run blocks by `list.extend`, which keeps what it has when an item raises."""
        calls: Any = (
            starmap(self.function, self.rows) if self.rows is not None else map(self.function, *self.columns or ())
        )
        values, worker, cells = self.values, self.worker, self.worker.cells
        while (start := len(values)) < self.n:
            cells.begin(self.number, start)  # before the limit is read, as the pool sets it before it reads this
            stop = min(start - start % self.block + self.block, self.n, cells.limit(self.number))
            if stop <= start:
                return
            while len(values) < stop:
                try:
                    worker.in_item = True
                    values.extend(islice(calls, stop - len(values)))
                    worker.in_item = False
                    if len(values) < stop:
                        self.fail(_stopped(self.function))
                except BaseException as error:
                    worker.in_item = False
                    if self._is_interrupt(error):
                        return
                    self.fail(error)
                if self.failures and self.ends_at_failure:
                    break
            stamp = _clock()
            self.ends.append(worker.now(stamp))
            if text := worker.capture.take():
                self.run_of.prints = True
                self.output.append((start, text))
            if (stamp > self.until and not self._nearly_done(stamp)) or (self.failures and self.ends_at_failure):
                return
            if stop == _LARGE_BLOCK != self.block and stop < self.n:
                self._enlarge()

    def _enlarge(self) -> None:
        """Go on in large blocks, if those of the first one were short enough; they have one stamp then."""
        took_s = self.ends[-1] - self.ends[0]  # without the first ones, which were slow
        if took_s < _LARGE_BLOCK * _LARGE_BLOCK_BELOW_S:
            self.block, self.ends = _LARGE_BLOCK, self.ends[-1:]
            self.worker.cells.set_width(self.block)

    def _one_by_one(self) -> None:
        rows = self.rows if self.rows is not None else zip(*self.columns or (), strict=True)
        worker, function, number, cells = self.worker, self.function, self.number, self.worker.cells
        take, now, ends, values, offset = worker.capture.take, _clock, self.ends, self.values, worker.now(0.0)
        guard = self._guard() if self.run_of.spec.seed is not None or self.run_of.spec.timeout_s else None
        look_at = _LOOK_AT if self.n > BLOCK and self.run_of.may_block else self.n
        for place, row in enumerate(rows):
            cells.begin(number, place)  # before the limit is read, as the pool sets it before it reads this
            if place >= cells.limit(number):
                return
            try:
                worker.in_item = True
                values.append(function(*row) if guard is None else guard(place, row))
                worker.in_item = False
            except BaseException as error:
                worker.in_item = False
                if self._is_interrupt(error):
                    return
                self.fail(error)
            stamp = now()
            ends.append(stamp + offset)
            if text := take():
                self.run_of.prints = True
                self.output.append((place, text))
            if (stamp > self.until and not self._nearly_done(stamp)) or (self.failures and self.ends_at_failure):
                return
            if place + 1 == look_at < self.n:
                if self._are_short():
                    return
                look_at *= 4

    def _are_short(self) -> bool:
        """Whether the items so far were short; then those of each block have one stamp, and so will the others."""
        if self.run_of.prints or sum(self._but_the_longest()) > len(self.ends) * _BLOCK_BELOW_S:
            return False
        self.block, self.ends = BLOCK, self.ends[BLOCK - 1 :: BLOCK]
        self.until += _SHORT_TRIAL_S if self.on_trial else 0.0
        return True

    def _but_the_longest(self) -> list[float]:
        """Give what the items, or blocks, took so far, but for one: that may have been the machine's doing."""
        return sorted(map(sub, self.ends, chain((self.worker.now(self.started),), self.ends)))[:-1]

    def _nearly_done(self, stamp: float) -> bool:
        """Whether what is left is short, as far as all but the longest item, or block, tell; then a trial goes on."""
        if not self.on_trial or len(self.ends) < _FEW:
            return False
        others, n_done = self._but_the_longest(), len(self.values)
        if sum(others) * (self.n - n_done) > _SHORT_TRIAL_S * n_done:
            return False
        self.until = stamp + _SHORT_TRIAL_S
        return True

    def _guard(self) -> Callable[[int, Sequence[Any]], Any]:
        """Give a call that is seeded, timed, or both."""
        spec, function, worker = self.run_of.spec, self.function, self.worker
        alarm = worker.alarm if spec.timeout_s else None

        def call(place: int, row: Sequence[Any]) -> Any:
            if spec.seed is None:
                return function(*row)
            with seeded(spec.seed, self.indices[place], shared=worker.beside == "threads", restore=False):
                return function(*row)

        def timed(place: int, row: Sequence[Any]) -> Any:
            alarm(spec.timeout_s or 0.0)  # type: ignore[misc]
            try:
                return call(place, row)
            finally:
                alarm(0.0)  # type: ignore[misc]

        return call if alarm is None else timed

    def _is_interrupt(self, error: BaseException) -> bool:
        return self.worker.stop_requested and not isinstance(error, Exception)

    def fail(self, error: BaseException) -> None:
        """Note that the item which is due has failed."""
        place, worker = len(self.values), self.worker
        if self.run_of.spec.ends_at_failure and worker.post is not None:  # a report's first traceback takes a while
            worker.post(Frame(protocol.FAILED, (self.number,)))
        kind = protocol.TIMED_OUT if isinstance(error, TimeUp) else protocol.RAISED
        if worker.limits.lift(self.run_of.spec.limits):  # to tell of it takes memory too
            kind = protocol.OUT_OF_MEMORY if isinstance(error, MemoryError) else kind
            self._tell_failure(place, kind, error)
            worker.limits.hold(self.run_of.spec.limits)
            return
        self._tell_failure(place, kind, error)

    def _tell_failure(self, place: int, kind: int, error: BaseException) -> None:
        if isinstance(error, StopIteration | GeneratorExit):
            error = _as_runtime_error(error)
        told = report(place, kind, error, self.worker.codec is ByReference)
        self.values.append(None)
        self.failures.append(told)

    def done(self) -> Frame:
        """Give the report."""
        worker, run, n_run = self.worker, self.run_of, len(self.values)
        worker.stop_requested = False
        if n_run:
            run.item_s = (_clock() - self.started) / n_run
        worker.cells.set_width(n_run)  # a value that kills as it is pickled is found like an item that kills
        worker.cells.begin(self.number, 0)
        payload = self._dump_values()
        if self.failures and run.spec.ends_at_failure:
            run.failed_in = self.number
        worker.cells.finish(self.number)
        if n_run and len(self.ends) < -(-n_run // self.block):
            self.ends.append(worker.now(_clock()))
        meta = Report(
            self.number, n_run, worker.now(self.started), self.ends.tobytes(), self.block,
            [tuple(item) for item in self.failures], self.output, "", None,
            () if worker.inner is None else worker.inner.take(self.number),
        )  # fmt: skip
        return Frame(protocol.DONE, tuple(meta), payload.body, payload.buffers)

    def _dump_values(self) -> Payload:
        try:
            return self.worker.codec.dump(self.values)
        except BaseException:
            for place, value in enumerate(self.values):
                try:
                    self.worker.codec.dump(value)
                except BaseException as error:
                    self.values[place] = None
                    self.failures.append(report(place, protocol.NOT_RETURNED, error))
            return self.worker.codec.dump(self.values)


def _stopped(function: Callable[..., Any]) -> StopIteration:
    """Give what the interpreter's own loop took for the end of its input; where it was raised is forgotten."""
    name = getattr(function, "__qualname__", None) or type(function).__qualname__
    return StopIteration(f"raised in {name}, by an item among many short ones")


def _as_runtime_error(error: BaseException) -> RuntimeError:
    """Give what PEP 479 gives for it inside a generator: a list would end silently."""
    wrapped = RuntimeError(f"the item raised {type(error).__name__}")
    wrapped.__cause__, wrapped.__traceback__ = error, error.__traceback__
    return wrapped
