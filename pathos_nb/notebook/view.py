"""One run in its cell: pictures or a live view, and whoever else follows it."""

from __future__ import annotations

import logging
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from pathos_nb.notebook.feed import SAVED, record_of
from pathos_nb.notebook.live import Controls, LiveView
from pathos_nb.notebook.screen import Screen
from pathos_nb.notebook.stream import BYTES_A_SECOND, Stream
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import RunRecord

__all__ = ["View"]

_TICK_S = 1.0  # without news: the clock and the time left go on

_log = logging.getLogger(__name__)


def _nothing() -> None:
    """Forget nothing."""


@dataclass(slots=True)
class View:
    """A run that is shown, or will be.

    Parameters
    ----------
    watch : Watch
        The run.
    screen : Screen
        Where its picture goes.
    controls : Controls
        What buttons do.
    began, due : float
        When it began, and when it should be seen.
    brief_s : float
        A run that will be over by then is not shown.
    may_liven : callable
        Whether there may be one more live view now.
    clock : callable
        Tells the time.
    """

    watch: Watch
    screen: Screen
    controls: Controls
    began: float
    due: float
    brief_s: float
    may_liven: Callable[[float], bool]
    clock: Callable[[], float]
    is_stale: bool = True
    is_shown: bool = False
    is_final: bool = False
    is_behind: bool = False
    live: LiveView | None = None
    streams: list[Stream] = field(default_factory=list)
    record: RunRecord | None = None
    forget: Callable[[], object] = _nothing
    lock: threading.RLock = field(default_factory=threading.RLock)
    _is_picture_stale: bool = True
    _is_ready: bool = False
    _is_live_shown: bool = False

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.watch.run.is_over

    @property
    def next_due(self) -> float:
        """When something is to be drawn or sent."""
        if self.is_over:
            return 0.0
        return min([self._picture_due, self._ready_due, *(stream.due(self.is_stale) for stream in self.streams)])

    @property
    def _picture_due(self) -> float:
        if self.live is not None and self.live.is_open:
            if not self._is_live_shown:
                return 0.0  # opened late
            return self.live.keep_due if self.is_stale or self._is_picture_stale else math.inf
        if self.live is not None and self._is_live_shown:
            return self.live.gives_up_at
        is_news = self.is_stale or self._is_picture_stale or not self.is_shown
        return self.due if is_news else self.due + _TICK_S

    @property
    def _ready_due(self) -> float:
        """When a page should begin to make the view ready: half way to its being seen, so that it is painted then."""
        return math.inf if self.is_shown or self._is_ready else (self.began + self.due) / 2

    def draw(self, now: float) -> None:
        """Draw and send what is due of a run that goes on.

        Parameters
        ----------
        now : float
            The time, by the watch's clock.
        """
        with self.lock:
            if self.is_final:
                return
            is_picture_due = self._picture_due <= now
            if self._ready_due <= now and not is_picture_due:
                self._make_ready(now)
            self._pass_on_news()
            if is_picture_due:
                self._draw_picture(now)
            for stream in [stream for stream in self.streams if stream.due() <= now]:
                self._tell(stream, now)

    def _pass_on_news(self) -> None:
        is_stale, self.is_stale = self.is_stale, False
        self._is_picture_stale |= is_stale
        for stream in self.streams:
            stream.is_stale |= is_stale

    def _tell(self, stream: Stream, now: float) -> None:
        try:
            stream.tell(now)
        except Exception:  # one that cannot be told must not keep it from the others
            _log.debug("a view of run %s cannot be told", self.watch.run.run_id, exc_info=True)
            stream.close()
            self.streams.remove(stream)

    def _draw_picture(self, now: float) -> None:
        if not self.is_shown and self._is_brief(now):
            self.due = max(self.began + self.brief_s, now + self.screen.interval_s)
            return
        self._is_picture_stale = False
        if not self.is_shown:
            self._begin_live(now)
        self._show(now)

    def _show(self, now: float) -> None:
        self.is_shown = True
        live = self.live if self.live is not None and self.live.is_in_use(now) else None
        size = self.screen.show(self.watch.snapshot(now), live)
        self._is_live_shown = live is not None
        if live is not None:
            live.kept(now)
            for stream in self.streams:
                stream.rest(now, size)
        self.due = self.clock() + max(self.screen.interval_s, size / BYTES_A_SECOND)

    def _make_ready(self, now: float) -> None:
        self._is_ready = True
        if not self._is_brief(now):
            self._begin_live(now)

    def _is_brief(self, now: float) -> bool:
        """Tell whether it will be over before anybody could read what is shown."""
        run, so_far = self.watch.run, now - self.began
        n_new = run.n_done - run.n_before
        if run.total is None or n_new <= 0 or so_far >= self.brief_s:
            return False
        return so_far * (run.total - run.n_before) / n_new < self.brief_s

    def _begin_live(self, now: float) -> None:
        if self.live is None and self.may_liven(now):
            self.live = self.screen.liven(self.watch, self.controls, now, is_behind=self.is_behind)
            if self.live is not None and self.live.stream is not None:
                self.streams.append(self.live.stream)

    def place(self, now: float) -> None:
        """Take a place in the cell at once: the run goes on behind."""
        with self.lock:
            if self.is_final:
                return
            self.is_behind, had_live = True, self.live is not None
            self._begin_live(now)
            if self.is_shown:  # a picture was quicker: the pool took its time to begin
                self.watch.run.output_taken = True
                if self.live is not None and not had_live:
                    self._show(now)
            else:
                self.is_shown = self.watch.run.output_taken = self.screen.place(self.watch.snapshot(now), self.live)
                self._is_live_shown = self.live is not None

    def finish(self, now: float) -> None:
        """Tell the end, and show what stays, once."""
        self.forget()
        with self.lock:
            if self.is_final:
                return
            self.is_final = True
            for stream in list(self.streams):
                self._finish(stream, now)
            if self.is_shown or self.watch.run.seconds >= self.brief_s or self.watch.has_output:
                self.record = record_of(self.watch, now, SAVED, can_retry=self.controls.retry is not None)
                self.watch.run.output_taken = self.screen.finish(self.watch.snapshot(now), self.record)
            if self.live is not None:
                self.live.end(now)
            self.watch.arguments.release()

    def _finish(self, stream: Stream, now: float) -> None:
        try:
            stream.finish(now)
        except Exception:
            _log.debug("a view of run %s did not hear of its end", self.watch.run.run_id, exc_info=True)
