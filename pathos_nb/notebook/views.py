"""The views of all runs of a notebook, drawn by one thread.

::

    dispatcher's thread               pump thread                         main thread
      event ─► put aside, set a flag ► when due: picture ─► screen.show    cell ends ─► settle(): last pictures
    a view's button, a panel                     message ─► stream
      open, look ─► noted, set a flag

A callback does no more than that. A picture is drawn, and a message sent, at most ten times a second, less often when
it is large (100 kB a second). A run appears when it has lasted a twentieth of a second and will not be over in half
a second. The thread ends soon after the last view.
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pathos_nb.dispatch.run import Run
from pathos_nb.events import ChunkDone, Event, InnerTold, ItemRetried, RunEnded, WorkerDown, WorkerUp
from pathos_nb.notebook.feed import SAVED, Feed, record_of
from pathos_nb.notebook.live import Controls, LiveView, ViewCode
from pathos_nb.notebook.screen import NoScreen, Screen
from pathos_nb.notebook.stream import Stream
from pathos_nb.notebook.unseen import LateWatch, Unseen
from pathos_nb.notebook.view import View
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import Left, RunRecord

__all__ = ["Look", "Views"]

_JOIN_S = 2.0
_LINGER_S = 5.0  # the thread outlives a short run, so that a loop of maps does not start one each time
_N_RECORDS, _N_SCREENS = 20, 20
_SLOW_S = 1.0  # what is drawn less often than this begins later too
_N_LIVE, _LIVE_S = 50, 10.0  # so many live views begin in so many seconds; a page has only so much room

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
    brief_s : float
        A run that will be over by then is not shown.
    """

    is_shown: bool = True
    after_s: float = 0.05
    cap: int = 20_000
    brief_s: float = 0.5


class Followed:
    """A run whose messages are sent somewhere else too.

    Parameters
    ----------
    view : View
        The run's.
    stream : Stream
        Its messages.
    wake : callable
        Has the pump look.
    """

    def __init__(self, view: View, stream: Stream, wake: Callable[[], None]) -> None:
        self._view, self._stream, self._wake = view, stream, wake

    def hear(self, message: Mapping[str, Any]) -> None:
        """Take what is said of the run: ``look`` has an answer."""
        if self._stream.hear(message):
            self._wake()

    def stop(self) -> None:
        """Send no more."""
        with self._view.lock:
            self._stream.close()
            if self._stream in self._view.streams:
                self._view.streams.remove(self._stream)


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
        self._views: dict[str, View] = {}
        self._records: OrderedDict[str, RunRecord] = OrderedDict()
        self._screens: OrderedDict[str, Screen] = OrderedDict()
        self._instead = threading.local()
        self._livened: deque[float] = deque(maxlen=_N_LIVE)
        self._code, self._ending, self._unseen = ViewCode(), list[LiveView](), Unseen()
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
            self._unseen.note(run)
            return
        screen = getattr(self._instead, "screen", None) or self._open_screen()
        run.output_taken = screen.is_there
        self._watch(Watch(run, now, look.cap), screen, look, now)

    def _watch(self, watch: Watch, screen: Screen, look: Look, now: float) -> View:
        is_slow = screen.interval_s >= _SLOW_S
        due = now + (max(look.after_s, screen.interval_s) if is_slow else look.after_s)
        controls, brief_s = Controls(self._wake, self._code), max(look.brief_s, look.after_s)
        view = View(watch, screen, controls, now, due, brief_s, self._may_liven, self._clock)
        with self._news:
            self._views[watch.run.run_id] = view
            self._start_pump()
            self._news.notify_all()
        view.forget = watch.run.subscribe(lambda event: self._hear(view, event))
        return view

    def _look_after_all(self, run_id: str) -> View | None:
        """Give a view of a run that goes on and was not to be shown: it is still not in its cell."""
        look, now = self._look(), self._clock()
        watch = self._unseen.watch(run_id, now, look.cap)
        if watch is None or watch.run.is_over or self._is_closed:
            return None
        view = self._watch(watch, NoScreen(), look, now)
        watch.read()
        return view

    def _start_pump(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._pump, name="pathos-nb-views", daemon=True)
            self._thread.start()

    def _may_liven(self, now: float) -> bool:
        is_much = len(self._livened) == _N_LIVE and now - self._livened[0] < _LIVE_S
        if not is_much:
            self._livened.append(now)
        return not is_much

    def _wake(self) -> None:
        with self._news:
            self._news.notify_all()

    @contextlib.contextmanager
    def instead_of(self, run_id: str) -> Iterator[None]:
        """Show the run that this thread starts in the block where another one was shown.

        Parameters
        ----------
        run_id : str
            The other one; if its place is not known any more, nothing is different.
        """
        if (view := self._views.get(run_id)) is not None and view.is_over:
            self._end(view)  # else its last picture would come after the other's first
        again = getattr(self._screens.get(run_id), "again", None)
        self._instead.screen = again() if again else None
        try:
            yield
        finally:
            self._instead.screen = None

    def renew(self, run: Run, label: Callable[[int], str], names: tuple[str, ...]) -> None:
        """Show anew what stays of a run: points of it have run again.

        Parameters
        ----------
        run : Run
            It is over; one that was not shown, or a while ago, does no harm.
        label : callable
            From an index to a name.
        names : tuple of str
            The parameters.
        """
        screen: Screen | None = getattr(self._screens.get(run.run_id), "again", lambda: None)()
        if screen is None or self._is_closed:
            return
        now = self._clock()
        watch = LateWatch(run, now, self._look().cap)
        watch.label, watch.names = label, names
        watch.read()
        record = record_of(watch, now, SAVED, can_retry=True)
        screen.finish(watch.snapshot(now), record)
        with self._news:
            self._records[run.run_id], self._screens[run.run_id] = record, screen
            self._screens.move_to_end(run.run_id)

    def follow(self, run_id: str, send: Callable[[Mapping[str, Any]], object]) -> Followed | None:
        """Have the messages of a run sent somewhere else too, as long as it goes on: the whole first, then deltas.

        Parameters
        ----------
        run_id : str
            A run that is shown, or would be.
        send : callable
            Takes a message; called in the pump thread.

        Returns
        -------
        Followed or None
            None if there is no such run.
        """
        view = self._views.get(run_id) or self._look_after_all(run_id)
        if view is None or view.is_over:
            return None
        stream = Stream(Feed(view.watch, lambda: view.controls.retry is not None), send, is_open=True)
        with view.lock:
            view.streams.append(stream)
        self._wake()
        return Followed(view, stream, self._wake)

    def record(self, run_id: str) -> RunRecord | None:
        """Give what stays of a run that is over: of the last twenty shown, and of others if their result is there.

        Parameters
        ----------
        run_id : str
            The run.

        Returns
        -------
        RunRecord or None
        """
        watch = None if run_id in self._records else self._unseen.watch(run_id, self._clock(), self._look().cap)
        if watch is None:
            return self._records.get(run_id)
        watch.read()
        return record_of(watch, self._clock(), SAVED)

    def left(self, since: float) -> list[Left]:
        """Give what runs have left in their cells, of the last twenty that ended.

        Parameters
        ----------
        since : float
            Seconds since the epoch: what ended earlier is left out.

        Returns
        -------
        list of Left
            One for each place in a cell, the latest.
        """
        with self._news:
            found = [left for screen in self._screens.values() if (left := getattr(screen, "left", None)) is not None]
        ended = {one["place"]["place"]: one for one in found if one["began_at"] + _seconds_of(one) >= since}
        return list(ended.values())

    def name_items(self, run_id: str, label: Callable[[int], str], names: tuple[str, ...] = ()) -> None:
        """Set what the items of a run are called in its picture.

        Parameters
        ----------
        run_id : str
            The run; one that is not shown does no harm.
        label : callable
            From an index to a name.
        names : tuple of str
            The parameters.
        """
        if view := self._views.get(run_id):
            view.watch.label, view.watch.names = label, names
        else:
            self._unseen.name(run_id, label, names)

    def on_retry(self, run_id: str, retry: Callable[[], object]) -> None:
        """Set what the button does that has failed points run again.

        Parameters
        ----------
        run_id : str
            The run; one that is not shown does no harm.
        retry : callable
            Quick; called in any thread.
        """
        if view := self._views.get(run_id):
            view.controls.retry = retry

    def show_now(self, run_id: str) -> None:
        """Do not wait: the run outlives its cell, and its picture should be there when the cell ends.

        Parameters
        ----------
        run_id : str
            The run; one that is not shown does no harm.
        """
        if view := self._views.get(run_id):
            view.place(self._clock())

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
        self._close_ending(math.inf)
        if thread is not None and thread is not threading.current_thread():
            thread.join(_JOIN_S)

    def _hear(self, view: View, event: Event) -> None:
        if isinstance(event, ChunkDone | WorkerDown | InnerTold):
            view.watch.take(event)
        is_end = isinstance(event, RunEnded)
        if isinstance(event, WorkerUp | ItemRetried) or (view.is_stale and not is_end):
            return  # nothing that shows, or known already: wake nobody
        with self._news:
            view.is_stale = True
            self._news.notify_all()

    def _pump(self) -> None:
        while (views := self._wait()) is not None:
            while views:
                self._draw(views.pop())  # not held while this thread sleeps: it holds the results

    def _draw(self, view: View) -> None:
        try:
            self._end(view) if view.is_over else view.draw(self._clock())
        except Exception:  # a view must not end the others; the run itself is not touched
            _log.debug("the view of run %s failed", view.watch.run.run_id, exc_info=True)
            self._drop(view)

    def _wait(self) -> list[View] | None:
        """Sleep until a view is due; None when there has been nothing to watch for a while."""
        with self._news:
            idle_since = self._clock()
            while not self._is_closed:
                now = self._clock()
                if ready := [view for view in self._views.values() if view.next_due <= now]:
                    return ready
                self._close_ending(now)
                if self._views or self._ending:
                    idle_since = now
                elif now - idle_since >= _LINGER_S:
                    break
                dues = [view.next_due for view in self._views.values()] + [live.gives_up_at for live in self._ending]
                self._news.wait(min([_LINGER_S, *(due - now for due in dues)]))
            self._thread = None
            return None

    def _close_ending(self, now: float) -> None:
        """Close the widgets of runs that are over, when pages have had the time to load them."""
        with self._news:
            ready = [live for live in self._ending if live.gives_up_at <= now]
            self._ending = [live for live in self._ending if live not in ready]
        for live in ready:
            with contextlib.suppress(Exception):  # nobody is there any more
                live.close()

    def _end(self, view: View) -> None:
        try:
            view.finish(self._clock())
        finally:
            self._keep(view)
            self._drop(view)
            if view.live is not None:
                with self._news:
                    self._ending.append(view.live)
                    self._start_pump()
                    self._news.notify_all()

    def _keep(self, view: View) -> None:
        """Keep what stays of a run, for panels and for a run that stands in for it; not for long."""
        run_id = view.watch.run.run_id
        with self._news:
            if view.record is not None:
                self._records[run_id], self._screens[run_id] = view.record, view.screen
            while len(self._records) > _N_RECORDS:
                self._records.popitem(last=False)
            while len(self._screens) > _N_SCREENS:
                self._screens.popitem(last=False)

    def _drop(self, view: View) -> None:
        view.forget()
        with self._news:
            self._views.pop(view.watch.run.run_id, None)


def _seconds_of(left: Left) -> float:
    return left["record"]["figures"]["elapsed_s"] if left["record"] is not None else 0.0
