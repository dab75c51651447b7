"""One run as the notebook watches it: takes what is new in its record and gives a snapshot. Draws nothing.

What is new is only put aside when it comes, since that happens under the lock of whoever tells the news; it is looked
at when a picture or a message is made of it.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol

from pathos_nb.dispatch.absences import sentences
from pathos_nb.dispatch.failed import describe
from pathos_nb.dispatch.graph import awaited
from pathos_nb.dispatch.nested import InnerRun, InnerRuns, as_chunk, told
from pathos_nb.dispatch.profile_report import ProfileReport
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.timeline import Timeline
from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone, InnerTold, WorkerDown
from pathos_nb.notebook.arguments import Arguments
from pathos_nb.notebook.picture import Snapshot
from pathos_nb.wire.protocol import InnerNews

__all__ = ["Follower", "Meter", "Watch", "call_item"]

_WINDOW_S = 5.0
_N_FAILURES = 50
N_INNER = 12
_MOST_NEWS = 4096  # chunks that wait to be looked at


class Meter:
    """How many items a second, lately.

    Parameters
    ----------
    start : float
        The time now, of any clock that only goes forward.
    window_s : float
        How far back to look.
    """

    def __init__(self, start: float, window_s: float = _WINDOW_S) -> None:
        self._marks: deque[tuple[float, int]] = deque([(start, 0)])
        self._window_s = window_s

    def rate(self, now: float, n_done: int) -> float:
        """Note how far it is, and give the speed.

        Parameters
        ----------
        now : float
            The time, by the same clock.
        n_done : int
            Items so far.

        Returns
        -------
        float
            Items a second inside the window; 0 before the first is done.
        """
        self._marks.append((now, n_done))
        while len(self._marks) > 2 and self._marks[1][0] <= now - self._window_s:
            self._marks.popleft()
        then, n_then = self._marks[0]
        return (n_done - n_then) / (now - then) if now > then else 0.0


def call_item(index: int) -> str:
    """Name an item that has no parameters.

    Parameters
    ----------
    index : int
        Its place.

    Returns
    -------
    str
        ``item 3``.
    """
    return f"item {index}"


class Follower(Protocol):
    """Hears which chunk went to which lane; what a watch's messages are made from."""

    def note(self, lane: int, chunk: ChunkDone | None) -> None:
        """Hear of a chunk, or of a worker that has gone."""


class Watch:
    """What is known of one run.

    Parameters
    ----------
    run : Run
        The run.
    now : float
        The time, by the clock that `snapshot` will be given.
    cap : int
        Characters of output to keep.

    Attributes
    ----------
    timeline : Timeline
        Lanes and spans.
    arguments : Arguments
        What items are called with that have no names of their own.
    printed : list of (int, str)
        What items wrote, as it came.
    n_cut : int
        Characters that they wrote besides.
    lock : Lock
        Held while these change.
    """

    def __init__(self, run: Run, now: float, cap: int) -> None:
        self.run = run
        self.label: Callable[[int], str] = call_item
        self.names: tuple[str, ...] = ()
        self.arguments = Arguments(run)
        self.timeline, self.lock = Timeline(run.started_at), threading.RLock()
        self.printed, self.n_cut = list[tuple[int, str]](), 0
        self.followers: list[Follower] = []
        self._meter, self._cap, self._n_kept = Meter(now), cap, 0
        self._news: deque[ChunkDone | WorkerDown | InnerTold] = deque()
        self._pictures: list[tuple[int, str, str]] = []
        self._printers: set[int] = set()

    def called(self, index: int) -> str:
        """Give what an item is called with, where that is known: its parameters, or its arguments.

        Parameters
        ----------
        index : int
            Its place.

        Returns
        -------
        str
        """
        return self.label(index) if self.names else self.arguments.text(index)

    @property
    def has_output(self) -> bool:
        """Whether an item printed something."""
        self.catch_up()
        return bool(self.printed)

    @property
    def n_printed(self) -> int:
        """How many items printed something, kept or not."""
        return len(self._printers)

    @property
    def output(self) -> list[tuple[int, str]]:
        """What each item wrote, by its index."""
        texts: dict[int, list[str]] = {}
        for index, text in list(self.printed):
            texts.setdefault(index, []).append(text)
        return [(index, "".join(parts)) for index, parts in sorted(texts.items())]

    def inner(self, most: int) -> list[tuple[str, InnerRun]]:
        """Give the maps inside of items, those that go on first, then the latest.

        Parameters
        ----------
        most : int
            How many at most.

        Returns
        -------
        list of (str, InnerRun)
            Each with what its item is called.
        """
        found = list(_flat(self.run.inner, self.label, ""))
        found.sort(key=lambda pair: (pair[1].is_over, -pair[1].started_at))
        return found[:most]

    def failures(self, first: int = 0, most: int = _N_FAILURES) -> list[Failure]:
        """Give failures as they came.

        Parameters
        ----------
        first, most : int
            From which on, and how many at most.

        Returns
        -------
        list of Failure
        """
        if len(self.run.failures) <= first:
            return []
        return list(self.run.failures.values())[first : first + most]  # listed at once: another thread adds to them

    def rate(self, now: float) -> float:
        """Give the items a second, lately; over the whole run when it is over."""
        run = self.run
        n_new = run.n_done - run.n_before  # what was there already took no time
        rate = self._meter.rate(now, n_new)
        if run.is_over:
            rate = n_new / run.seconds if run.seconds > 0 else 0.0
        return rate

    def waits(self) -> list[str]:
        """Say which places it waits for or does without."""
        told = sentences(list(self.run.places), is_over=self.run.is_over)
        return [*told, *awaited(self.run)]

    def snapshot(self, now: float) -> Snapshot:
        """Give the run as it is.

        Parameters
        ----------
        now : float
            The time.

        Returns
        -------
        Snapshot
            For a picture.
        """
        self.catch_up()
        run = self.run
        return Snapshot(
            title=run.label,
            state=run.state,
            n_done=run.n_done,
            n_failed=run.n_failed,
            total=run.total,
            seconds=run.seconds,
            rate=self.rate(now),
            workers=sorted(self.timeline.shares()),
            failures=[(self.label(f.index), describe(f)) for f in self.failures()],
            output=[(self.label(i), text) for i, text in self.output],
            n_cut=self.n_cut,
            pictures=[(self.label(i), kind, data) for i, kind, data in sorted(self._pictures)],
            n_pictures=run.n_pictures,
            waits=self.waits(),
            inner=[(name, told(found)) for name, found in self.inner(N_INNER)],
            n_inner=run.inner.n_runs,
            profile=self._profile(),
            seen_at=time.strftime("%Y-%m-%d %H:%M:%S"),
        )

    def _profile(self) -> str:
        if self.run.profile is None or not self.run.is_over:
            return ""
        return ProfileReport(self.run, self.label).folded()

    def take(self, news: ChunkDone | WorkerDown | InnerTold) -> None:
        """Note what is new; called once for each, under the lock of whoever tells it.

        Parameters
        ----------
        news : ChunkDone, WorkerDown or InnerTold
            Figures and output are kept, and nothing else of it.
        """
        self._news.append(news)
        if len(self._news) > _MOST_NEWS:
            self.catch_up()

    def catch_up(self) -> None:
        """Look at what is new."""
        with self.lock:
            while self._news:
                news = self._news.popleft()
                if isinstance(news, ChunkDone):
                    self._look_at(news)
                elif isinstance(news, InnerTold):
                    self._look_inside(news)
                elif (lane := self.timeline.lose(news)) is not None:
                    self._tell(lane, None)

    def _look_at(self, chunk: ChunkDone) -> None:
        if chunk.n_items:
            self._tell(self.timeline.take(chunk), chunk)
        self._pictures.extend(chunk.pictures)
        for index, text in chunk.output:
            self._printers.add(index)
            kept = text[: max(0, self._cap - self._n_kept)]
            self._n_kept += len(kept)
            self.n_cut += len(text) - len(kept)
            if kept:
                self.printed.append((index, kept))

    def _look_inside(self, told: InnerTold) -> None:
        news = InnerNews(*told.news)
        for raw in news.chunks:
            chunk = as_chunk(news.path[-1][1], raw)
            if chunk.host == told.host:
                chunk = chunk._replace(place=told.place)
            lane = self.timeline.take_inner((told.worker, *news.via), chunk)
            if lane is not None:
                self._tell(lane, chunk)

    def _tell(self, lane: int, chunk: ChunkDone | None) -> None:
        for follower in self.followers:
            follower.note(lane, chunk)


def _flat(runs: InnerRuns, label: Callable[[int], str], above: str) -> Iterator[tuple[str, InnerRun]]:
    for index, row in list(runs.items()):
        name = f"{above}{label(index)}"
        for found in list(row):
            yield name, found
            yield from _flat(found.inner, call_item, f"{name} › ")
