"""What runs in every worker, wherever it is: frames in, frames out.

A worker keeps the runs it was told of, runs chunks item by item (`pathos_nb.launchers.chunk`), and reports. It knows
nothing of who carries its frames.
"""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable

from pathos_nb.launchers.board import IMPORTING_S, Cells
from pathos_nb.launchers.capture import NoCapture
from pathos_nb.launchers.chunk import Chunk, TimeUp, Work, with_keywords
from pathos_nb.launchers.codec import ByValue
from pathos_nb.launchers.failing import text_of, trace_of
from pathos_nb.launchers.inside import end_travelled, here, keep_travelled
from pathos_nb.launchers.resources import Limits
from pathos_nb.launchers.surroundings import Surroundings
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import Report, RunSpec
from pathos_nb.wire.serialization import carries_code

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

    from pathos_nb.launchers.codec import Codec
    from pathos_nb.launchers.contract import Capture
    from pathos_nb.launchers.initialized import Initialized
    from pathos_nb.launchers.metering import Metering

_clock = time.perf_counter
_N_LOOKS = 5


def _wall_offset() -> float:
    """Give how far seconds since the epoch are ahead of this worker's clock.

    A process may lose its core between two looks, and all of its stamps would be off by that: the quickest pair counts.
    """
    return min(-_clock() + time.time() for _ in range(_N_LOOKS))


class Worker:
    """Runs chunks and says what came of them.

    Parameters
    ----------
    cells : Cells
        This worker's part of the board.
    codec : ByValue or ByReference
        How objects lie in frames.
    capture : Capture
        Where its output goes.
    alarm : callable, optional
        Has `TimeUp` raised in this thread after so many seconds, and so many more while it imports; 0 calls it off.
    beside : str
        What else uses this process' random generators: nothing (""), the "caller", or other "threads".

    Attributes
    ----------
    post : callable or None
        Sends a frame up from any thread, where that can be.
    is_spent : bool
        Whether it is to end after its next report.
    tidies_up : bool
        Whether who carries its frames calls `tidy_up` when a report is on its way.
    """

    is_spent = tidies_up = False
    _is_used = _is_tidy = False

    def __init__(
        self,
        cells: Cells,
        codec: Codec = ByValue,
        capture: Capture | None = None,
        alarm: Callable[..., object] | None = None,
        beside: str = "",
    ) -> None:
        self.cells, self.codec, self.alarm = cells, codec, alarm
        self.capture: Capture = capture or NoCapture()
        self.beside = beside
        self.post: Callable[[Frame], object] | None = None
        self.in_item = False
        self.stop_requested = False
        self.doing: Chunk | None = None
        self.limits = Limits()
        self.inner: Any = None  # tells of maps inside of its items, once there has been one
        self._runs: dict[int, Work] = {}
        self._surroundings = Surroundings()
        self._offset = _wall_offset()

    def start_from(self, surroundings: tuple[Any, ...]) -> None:
        """Take folder, module path and environment for those that each run finds, where none are brought.

        Parameters
        ----------
        surroundings : tuple
            As `Surroundings.adopt` takes them.
        """
        self._surroundings.adopt(surroundings)

    def handle(self, frame: Frame) -> Frame | None:
        """Do what a frame says.

        Parameters
        ----------
        frame : Frame
            Any message that goes down.

        Returns
        -------
        Frame or None
            The report on a chunk; None where nothing is to be said.
        """
        if frame.kind == protocol.WORK:
            return self._work(frame)
        if frame.kind == protocol.DEFINE:
            run, spec = frame.meta
            self._runs[run] = Work(RunSpec(*spec), frame, run)
        elif frame.kind == protocol.FORGET:
            self._runs.pop(frame.meta[0], None)
            self._let_go()
        elif frame.kind == protocol.CALL:
            return self._call(frame)
        elif frame.kind == protocol.INITIALIZE:
            return self._initialize(frame)
        elif frame.kind == protocol.BESIDE:
            self._surroundings.bring(frame.meta[0])
        return None

    def _initialize(self, frame: Frame) -> Frame | None:
        self._is_tidy = False
        try:
            if frame.meta:
                self._surroundings.adopt(frame.meta[0])
            names = self._names_for(frame)
            initializer, arguments = self.codec.load(frame) if names is None else names.load_initializer(frame)
            keep_travelled()
            initializer(*arguments)
            self._surroundings.keep_changes()
            if names is not None and names.keep():
                self.codec = names
        except BaseException as error:
            text = f"{type(error).__name__}: {text_of(error)}"
            return Frame(protocol.BROKEN, (text, trace_of(error)))
        return None

    def _names_for(self, frame: Frame) -> Initialized | None:
        """Give what notes the global names that an initializer sets, if it brings its own."""
        if self.codec is not ByValue or not carries_code(frame.body):
            return None
        from pathos_nb.launchers.initialized import Initialized

        return Initialized()

    def _let_go(self) -> None:
        """Let go of what a run brought besides its function."""
        if not self.beside:  # a pool inside of an item has workers in this process too: its runs end nobody else's
            end_travelled()
        if sealed := sys.modules.get("pathos_nb.wire.sealed"):
            sealed.forget()

    def _call(self, frame: Frame) -> Frame:
        """Run a run that is one item, and forget it."""
        chunk, index, spec = frame.meta
        run = Work(RunSpec(*spec), frame)
        self.cells.set_width(1)
        self.cells.load(chunk)
        try:
            self._adopt(run)
            timeout_s = run.spec.timeout_s
            (function, kwargs), items = self.codec.load(frame) if timeout_s is None else self._loaded(frame, timeout_s)
        except BaseException as error:
            return self._undecodable(chunk, "call", error)
        place = chunk, range(index, index + 1), 1
        reply = self._done(Chunk(self, run, with_keywords(function, kwargs), items, *place))
        if self.tidies_up:
            self._is_used = True
        else:
            self._let_go()
        return reply

    def tidy_up(self) -> None:
        """Undo what a call did to this process, while nobody waits for it: the next one begins the sooner."""
        if not self._is_used:
            return
        self._is_used = False
        self._let_go()
        with contextlib.suppress(Exception):  # the next call tries it again, and can tell of it
            self.capture.restore()
            self._surroundings.put_back()
            self._is_tidy = True

    def _work(self, frame: Frame) -> Frame:
        run = self._runs[frame.meta[1]]
        if run.spec.profile is None:
            return self._answer(frame, run)
        metering = self._metered(run)
        metering.begin(frame.meta[0])
        try:
            return metering.told(self._answer(frame, run))
        finally:
            metering.end()

    def _metered(self, run: Work) -> Metering:
        if run.metering is None:
            from pathos_nb.launchers.metering import Metering

            how = protocol.Profiling(*run.spec.profile or ())
            run.metering = Metering(how, self.cells, not self.beside, self.post)
        return run.metering

    def _answer(self, frame: Frame, run: Work) -> Frame:
        chunk, _, indices, n = frame.meta
        if chunk == run.failed_in + 1:  # it was sent before anybody knew
            return self._not_begun(chunk)
        self.cells.set_width(n)  # until the items are loaded, any of them may be the one that kills
        self.cells.load(chunk)
        try:
            self._adopt(run)
            function = run.load(self.codec)
        except BaseException as error:
            return self._undecodable(chunk, "function", error)
        try:
            items = self.codec.load(frame) if run.spec.timeout_s is None else self._loaded(frame, run.spec.timeout_s)
        except BaseException as error:
            return self._undecodable(chunk, "time" if isinstance(error, TimeUp) else "items", error)
        return self._done(Chunk(self, run, function, items, chunk, indices, n))

    def _loaded(self, frame: Frame, timeout_s: float) -> Any:
        """Load what is sent, for no longer than an item may run; what it imports may take longer."""
        if self.alarm is None:
            return self.codec.load(frame)
        self.alarm(timeout_s, IMPORTING_S)
        try:
            self.in_item = True
            return self.codec.load(frame)
        finally:
            self.in_item = False
            self.alarm(0.0)

    def _done(self, doing: Chunk) -> Frame:
        run = doing.run_of
        limits, metering = run.spec.limits, run.metering
        before, here.pools, here.worker, self.doing = (here.pools, here.worker), run.above, self, doing
        try:
            if limits is not None:
                self.limits.hold(limits)
            try:  # noqa: SIM105 - a block of its own would cost each call three more
                doing.run() if metering is None else metering.run(doing.run)
            except (KeyboardInterrupt, TimeUp):  # a signal that arrives between two items
                pass
            self.in_item = False
            if limits is not None:
                self.limits.lift(limits)
            return doing.done()
        finally:
            (here.pools, here.worker), self.doing = before, None

    def _undecodable(self, chunk: int, what: str, error: BaseException) -> Frame:
        self.cells.finish(chunk)
        was_stopped, self.stop_requested = self.stop_requested, False
        told = "" if was_stopped else f"{what}\n{type(error).__name__}: {text_of(error)}\n{trace_of(error)}"
        return self._not_begun(chunk, told)

    @staticmethod
    def _not_begun(chunk: int, told: str = "") -> Frame:
        return Frame(protocol.DONE, tuple(Report(chunk, 0, time.time(), b"", 1, (), (), told)))

    def _adopt(self, run: Work) -> None:
        """Take the caller's surroundings over before a run's first chunk; what the last run did to them is undone."""
        if run.has_begun:
            return
        run.has_begun = True
        is_tidy, self._is_tidy = self._is_tidy and run.spec.context is None, False
        if is_tidy:
            self._surroundings.look_at_modules()
            return
        self.capture.restore()
        self._surroundings.adopt(run.spec.context)

    def now(self, stamp: float) -> float:
        """Turn a stamp of this worker's clock into seconds since the epoch."""
        return stamp + self._offset
