"""Places that a pool has lost for a while: told to each run, which keeps it on its record, and told to people in words.

::

    link is lost ──► SourceLost ──► Absences ──► run.places, run.tell(PlaceLost) ──► sentences(run.places) ──► views

A run that begins meanwhile hears of it as its first news.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence

from pathos_nb.dispatch.crew import Crew
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import PoolBroken
from pathos_nb.events import PlaceBack, PlaceGone, PlaceLost, PlaceNews, PlaceQueued
from pathos_nb.launchers.contract import Launcher, SourceBroken, SourceLost, SourceQueued

__all__ = ["Absences", "missing", "queued", "sentences"]


class Absences:
    """The places that a pool does without.

    Parameters
    ----------
    crew : Crew
        The workers.
    runs : collection of Run
        The maps under way.
    """

    def __init__(self, crew: Crew, runs: Collection[Run]) -> None:
        self._crew, self._runs = crew, runs
        self._lost: dict[Launcher, SourceLost] = {}
        self._queued: dict[Launcher, SourceQueued] = {}
        self._given_up: list[str] = []

    def begin(self, run: Run) -> None:
        """Tell a run that begins what is lost."""
        for news in self._lost.values():
            self._note(run, self._as_event(run, news))
        for queued in self._queued.values():
            self._note(run, self._in_queue(run, queued))

    def queued(self, news: SourceQueued) -> None:
        """Take note of what is waited for in a queue, or that nothing is any more."""
        was_queued = self._queued.pop(news.launcher, None) is not None
        if news.text:
            self._queued[news.launcher] = news
        for run in self._runs if news.text or was_queued else ():
            self._note(run, self._in_queue(run, news))

    def lost(self, news: SourceLost) -> None:
        """Take note of a loss; again, if what is in the way has changed."""
        self._lost[news.launcher] = news
        for run in self._runs:
            self._note(run, self._as_event(run, news))

    def back(self, launcher: Launcher) -> None:
        """Take note that there are workers again."""
        if self._lost.pop(launcher, None) is not None:
            for run in self._runs:
                self._note(run, PlaceBack(run.run_id, launcher.name, time.time(), self._n_workers()))

    def gone(self, launcher: Launcher, reason: str) -> None:
        """Take note that a place was given up, or has left."""
        self._lost.pop(launcher, None)
        self._queued.pop(launcher, None)
        self._given_up.append(launcher.name)
        for run in self._runs:
            self._note(run, PlaceGone(run.run_id, launcher.name, reason, time.time(), self._n_workers()))

    def last_error(self, news: SourceBroken) -> PoolBroken:
        """Give the error of a pool that has no place left."""
        error = news.error or PoolBroken("workers cannot be started", cause=news.reason)
        if self._given_up:
            error.cause += f"; without {', '.join(self._given_up)} since before"
        return error

    def _n_workers(self) -> int:
        return len(self._crew.seats)

    def _as_event(self, run: Run, news: SourceLost) -> PlaceLost:
        place = news.launcher.name
        return PlaceLost(run.run_id, place, news.reason, news.since, news.until, self._n_workers())

    def _in_queue(self, run: Run, news: SourceQueued) -> PlaceQueued:
        place = news.launcher.name
        return PlaceQueued(run.run_id, place, news.text, news.since, news.until, self._n_workers())

    @staticmethod
    def _note(run: Run, news: PlaceNews) -> None:
        last = run.places[-1] if run.places else None
        if isinstance(news, PlaceQueued) and isinstance(last, PlaceQueued):
            if last == news:
                return
            if last.place == news.place and news.text:  # another reason: the record keeps the last one
                run.places.pop()
        if isinstance(news, PlaceLost) and isinstance(last, PlaceLost):
            is_same = (last.place, last.since) == (news.place, news.since)
            if last == news:
                return
            if is_same:  # tried again in vain: the record keeps the last reason, however many there were
                run.places.pop()
        run.places.append(news)
        run.tell(news)


def missing(places: Sequence[PlaceNews]) -> list[PlaceLost]:
    """Give the places that are lost now.

    Parameters
    ----------
    places : sequence of PlaceNews
        ``Run.places``.

    Returns
    -------
    list of PlaceLost
        The latest news of each, in the order in which they were lost.
    """
    lost: dict[str, PlaceLost] = {}
    for news in places:
        if isinstance(news, PlaceLost):
            lost[news.place] = news
        elif not isinstance(news, PlaceQueued):
            lost.pop(news.place, None)
    return list(lost.values())


def queued(places: Sequence[PlaceNews]) -> list[PlaceQueued]:
    """Give what is waited for in queues now.

    Parameters
    ----------
    places : sequence of PlaceNews
        ``Run.places``.

    Returns
    -------
    list of PlaceQueued
        The latest news of each place that has something in a queue.
    """
    latest = {news.place: news for news in places if isinstance(news, PlaceQueued)}
    gone = {news.place for news in places if isinstance(news, PlaceGone)}
    return [news for news in latest.values() if news.text and news.place not in gone]


def sentences(places: Sequence[PlaceNews], *, is_over: bool = False) -> list[str]:
    """Say which places a run waits for or does without, since when and until when.

    Parameters
    ----------
    places : sequence of PlaceNews
        ``Run.places``.
    is_over : bool
        Whether the run has ended: then nothing is waited for any more.

    Returns
    -------
    list of str
        One sentence a place, in the local time of this machine.
    """
    gone = [f"without {news.place} since {_clock(news.at)}" for news in places if isinstance(news, PlaceGone)]
    if is_over:
        return gone
    how = "waiting for" if places and not places[-1].n_workers else "going on without"
    return gone + [f"{how} {_in_words(news)}" for news in missing(places)] + [_queue(news) for news in queued(places)]


def _queue(news: PlaceQueued) -> str:
    """Say what is in a queue, and with how many workers the run goes on meanwhile."""
    how = "going on, and waiting for" if news.n_workers else "waiting for"
    return f"{how} {news.place}: {news.text}, asked for at {_clock(news.since)}{_given_up(news)}"


def _given_up(news: PlaceQueued) -> str:
    """Say until when it is waited for, if there is an end."""
    if not math.isfinite(news.until):
        return ""
    if news.until - news.since >= _HALF_A_DAY_S:
        return f", given up at {time.strftime('%H:%M on %a %d %b', time.localtime(news.until))}"
    return f", given up at {_clock(news.until)}"


def _in_words(news: PlaceLost) -> str:
    first = news.reason.partition("\n")[0]
    why = first if len(first) <= _REASON_CHARS else f"{first[:_REASON_CHARS]}…"
    return (
        f"{news.place}: its link was lost at {_clock(news.since)} ({why}) and is tried again until {_clock(news.until)}"
    )


def _clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


_REASON_CHARS = 160
_HALF_A_DAY_S = 43200.0
