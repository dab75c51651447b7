"""The views of all runs of a notebook, drawn by one thread.

::

    dispatcher's thread       pump thread                         main thread
      event ─► set a flag ──► when due: snapshot ─► screen.show     cell ends ─► settle(): last pictures

The flag is all that a callback touches. A view is drawn at most ten times a second, less often when its picture is
large (100 kB a second), and appears only when its run has lasted for half a second. The thread ends
soon after the last view.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from pathos_nb.dispatch.run import Run
from pathos_nb.events import Event, ItemRetried, RunEnded, WorkerUp
from pathos_nb.notebook.screen import Screen
from pathos_nb.notebook.watch import Watch

__all__ = ["Look", "Views"]

_BYTES_A_SECOND = 100_000
_TICK_S = 1.0  # without news: the clock and the time left go on
_JOIN_S = 2.0
_LINGER_S = 5.0  # the thread outlives a short run, so that a loop of maps does not start one each time

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """What the user set.

    Parameters
    ----------
    is_shown : bool
        Whether runs show themselves at all.
    after_s : float
        How long a run must last before it does.
    cap : int
        Characters of output that a cell shows.
    """

    is_shown: bool = True
    after_s: float = 0.5
    cap: int = 20_000


@dataclass(slots=True)
class _View:
    watch: Watch
    screen: Screen
    after_s: float
    due: float
    is_stale: bool = True
    is_shown: bool = False
    is_final: bool = False
    forget: Callable[[], None] = lambda: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_over(self) -> bool:
        return self.watch.run.is_over

    @property
    def next_due(self) -> float:
        if self.is_over:
            return 0.0
        return self.due if self.is_stale or not self.is_shown else self.due + _TICK_S

    def draw(self, clock: Callable[[], float]) -> None:
        """Show a run that goes on."""
        with self.lock:
            if self.is_final:
                return
            self.is_stale, self.is_shown = False, True
            size = self.screen.show(self.watch.snapshot(clock()))
            self.due = clock() + max(self.screen.interval_s, size / _BYTES_A_SECOND)

    def finish(self, clock: Callable[[], float]) -> None:
        """Show the last picture, once."""
        self.forget()
        with self.lock:
            is_worth_it = self.is_shown or self.watch.run.seconds >= self.after_s or self.watch.has_output
            if is_worth_it and not self.is_final:
                self.is_final = True
                self.screen.finish(self.watch.snapshot(clock()))


class Views:
    """Shows runs while they go on, and leaves a last picture of each.

    Parameters
    ----------
    open_screen : callable
        Gives the screen for a run that starts now, in this thread.
    look : callable
        Gives the settings of the moment.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(
        self, open_screen: Callable[[], Screen], look: Callable[[], Look], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_screen, self._look, self._clock = open_screen, look, clock
        self._views: dict[str, _View] = {}
        self._news = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    def begin(self, run: Run) -> None:
        """Watch a run that starts; to be called in the thread that starts it.

        Parameters
        ----------
        run : Run
            The run.
        """
        look, now, wanted = self._look(), self._clock(), run.options.progress
        if self._is_closed or not (look.is_shown if wanted is None else wanted):
            return
        screen = self._open_screen()
        view = _View(Watch(run, now, look.cap), screen, look.after_s, now + max(look.after_s, screen.interval_s))
        with self._news:
            self._views[run.run_id] = view
            if self._thread is None:
                self._thread = threading.Thread(target=self._pump, name="pathos-nb-views", daemon=True)
                self._thread.start()
            self._news.notify_all()
        view.forget = run.subscribe(lambda event: self._hear(view, event))

    def name_items(self, run_id: str, label: Callable[[int], str]) -> None:
        """Set what the items of a run are called in its picture.

        Parameters
        ----------
        run_id : str
            The run; one that is not shown does no harm.
        label : callable
            From an index to a name.
        """
        if view := self._views.get(run_id):
            view.watch.label = label

    def show_now(self, run_id: str) -> None:
        """Do not wait: the run outlives its cell, and its picture should be there when the cell ends.

        Parameters
        ----------
        run_id : str
            The run; one that is not shown does no harm.
        """
        if view := self._views.get(run_id):
            view.draw(self._clock)

    def settle(self) -> None:
        """Draw the last pictures of all runs that are over: the cell is about to end."""
        for view in [view for view in self._views.values() if view.is_over]:
            self._end(view)

    def close(self) -> None:
        """Draw what is left and end the thread."""
        self.settle()
        with self._news:
            self._is_closed = True
            views, thread = list(self._views.values()), self._thread
            self._views.clear()
            self._news.notify_all()
        for view in views:
            view.forget()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _hear(self, view: _View, event: Event) -> None:
        is_end = isinstance(event, RunEnded)
        if isinstance(event, WorkerUp | ItemRetried) or (view.is_stale and not is_end):
            return  # nothing that shows, or known already: wake nobody
        with self._news:
            view.is_stale = True
            self._news.notify_all()

    def _pump(self) -> None:
        while (views := self._wait()) is not None:
            for view in views:
                try:
                    self._end(view) if view.is_over else view.draw(self._clock)
                except Exception:  # a view must not end the others; the run itself is not touched
                    _log.debug("the view of run %s failed", view.watch.run.run_id, exc_info=True)
                    self._drop(view)

    def _wait(self) -> list[_View] | None:
        """Sleep until a view is due; None when there has been nothing to watch for a while."""
        with self._news:
            idle_since = self._clock()
            while not self._is_closed:
                now = self._clock()
                if ready := [view for view in self._views.values() if view.next_due <= now]:
                    return ready
                if self._views:
                    idle_since = now
                elif now - idle_since >= _LINGER_S:
                    break
                self._news.wait(min((view.next_due - now for view in self._views.values()), default=_LINGER_S))
            self._thread = None
            return None

    def _end(self, view: _View) -> None:
        try:
            view.finish(self._clock)
        finally:
            self._drop(view)

    def _drop(self, view: _View) -> None:
        view.forget()
        with self._news:
            self._views.pop(view.watch.run.run_id, None)
