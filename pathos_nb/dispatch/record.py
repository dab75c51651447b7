"""Functions of a run's record: how long each item took and where, whatever view asks.

The record is the `ChunkDone` events; nothing here looks at a clock.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from math import isnan, nan
from operator import sub

from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone
from pathos_nb.typed import NamedTuple

__all__ = ["ItemTimes", "Timing", "duration", "item_times", "moment", "timing_of"]


class ItemTimes:
    """How long each item took, and where: twelve bytes an item, and lists when they are asked for.

    Parameters
    ----------
    n_items : int
        How many items there are; none has ended.
    """

    def __init__(self, n_items: int) -> None:
        self._seconds = array("d", [nan]) * n_items
        self._who = array("I", [0]) * n_items
        self._known: dict[tuple[str, str], int] = {("", ""): 0}

    def take(self, chunk: ChunkDone) -> None:
        """Take in a chunk; an item that was begun twice has the times of the last one."""
        who = self._known.setdefault((chunk.worker, chunk.host), len(self._known))
        start = chunk.started
        if chunk.block == 1 and len(chunk.ends) == len(chunk.indices):
            self._put(chunk.indices, array("d", map(sub, chunk.ends, chain((start,), chunk.ends))), who)
            return
        for number, end in enumerate(chunk.ends):
            block = chunk.indices[number * chunk.block : (number + 1) * chunk.block]
            if block:
                self._put(block, array("d", [(end - start) / len(block)]) * len(block), who)
            start = end

    def _put(self, indices: Sequence[int], seconds: array[float], who: int) -> None:
        if isinstance(indices, range) and indices.step == 1:
            self._seconds[indices.start : indices.stop] = seconds
            self._who[indices.start : indices.stop] = array("I", [who]) * len(indices)
            return
        for index, each in zip(indices, seconds, strict=True):
            self._seconds[index], self._who[index] = each, who

    def of(self, index: int) -> tuple[float | None, str, str]:
        """Give the seconds, the worker and the host of an item; None and ``""`` if it has not ended."""
        seconds = self._seconds[index]
        return (None if isnan(seconds) else seconds, *list(self._known)[self._who[index]])

    @property
    def seconds(self) -> list[float | None]:
        """Those of each item; None where it has not ended."""
        return [None if isnan(each) else each for each in self._seconds]

    @property
    def workers(self) -> list[str]:
        """The worker of each item, ``""`` where it has not ended."""
        names = [worker for worker, _ in self._known]
        return [names[who] for who in self._who]

    @property
    def hosts(self) -> list[str]:
        """The host of each item, ``""`` where it has not ended."""
        names = [host for _, host in self._known]
        return [names[who] for who in self._who]

    @property
    def n_workers(self) -> int:
        """How many workers have ended an item that is still theirs."""
        names = list(self._known)
        return len({names[who][0] for who in {*self._who} - {0}})

    def known(self) -> tuple[array[float], Callable[[int], int]]:
        """Give the seconds of those that have ended, and what gives the index of each."""
        if not isnan(sum(self._seconds)):  # as nearly always
            return self._seconds, int
        ended = array("q", (index for index, each in enumerate(self._seconds) if not isnan(each)))
        return array("d", (self._seconds[index] for index in ended)), ended.__getitem__

    def of_some(self, indices: Sequence[int]) -> ItemTimes:
        """Give those of some items, in that order."""
        part = ItemTimes(0)
        part._known = self._known
        part._seconds = array("d", (self._seconds[index] for index in indices))
        part._who = array("I", (self._who[index] for index in indices))
        return part

    def first(self, n: int) -> ItemTimes:
        """Give those of the first n items."""
        if n >= len(self._seconds):
            return self
        part = ItemTimes(0)
        part._seconds, part._who, part._known = self._seconds[:n], self._who[:n], self._known
        return part


def item_times(chunks: Iterable[ChunkDone], n_items: int) -> ItemTimes:
    """Give each item's time and worker.

    Parameters
    ----------
    chunks : iterable of ChunkDone
        The record.
    n_items : int
        How many items the run has.

    Returns
    -------
    ItemTimes
        Items that share one stamp share their block's time in equal parts.

    Notes
    -----
    Linear in the number of items, about 0.1 s for a million.
    """
    times = ItemTimes(n_items)
    for chunk in chunks:
        times.take(chunk)
    return times


class Timing(NamedTuple):
    """What a run cost and what it gained.

    Parameters
    ----------
    seconds : float
        From start to end, as a watch on the wall shows it.
    work_seconds : float
        The sum over the items: about what a serial loop would have taken.
    n_workers : int
        Workers that finished an item.
    n_items : int
        Items that were timed.
    shortest, longest : float
        Seconds of one item.
    slowest : int
        The index of the longest item, -1 where none was timed.
    """

    seconds: float
    work_seconds: float
    n_workers: int
    n_items: int
    shortest: float
    longest: float
    slowest: int

    @property
    def speedup(self) -> float:
        """Work done in each second that passed: at best the number of workers."""
        return self.work_seconds / self.seconds if self.seconds > 0 else 0.0

    @property
    def mean(self) -> float:
        """Seconds an item takes on average."""
        return self.work_seconds / self.n_items if self.n_items else 0.0

    def __repr__(self) -> str:
        each = f"{duration(self.mean)} each ({duration(self.shortest)} to {duration(self.longest)})"
        return f"{self}; {self.n_items:,} items, {each}; speed-up {self.speedup:.1f}"

    def __str__(self) -> str:
        n_workers = f"{self.n_workers} worker" + ("" if self.n_workers == 1 else "s")
        return f"{duration(self.seconds)} for {duration(self.work_seconds)} of work on {n_workers}"


def timing_of(times: ItemTimes, failures: Iterable[Failure], seconds: float) -> Timing:
    """Sum up a run.

    Parameters
    ----------
    times : ItemTimes
        From `item_times`.
    failures : iterable of Failure
        Items that may have no time of their own, because their worker died; their seconds count as work.
    seconds : float
        How long the run took.

    Returns
    -------
    Timing
        All zero for a run without items.
    """
    lost = {f.index: f.seconds for f in failures if f.worker and times.of(f.index)[0] is None}
    known, index_of = times.known()
    shortest = min(chain(known, lost.values()), default=0.0)
    longest = max(chain(known, lost.values()), default=0.0)
    slowest = next((index for index, each in lost.items() if each == longest), -1)
    if known and max(known) == longest:
        slowest = index_of(known.index(longest))
    work_s, n = sum(known) + sum(lost.values()), len(known) + len(lost)
    return Timing(seconds, work_s, times.n_workers, n, shortest, longest, slowest)


def duration(seconds: float) -> str:
    """Say a duration as a person would.

    Parameters
    ----------
    seconds : float
        At least 0.

    Returns
    -------
    str
        Such as ``12 ms``, ``3.4 s``, ``2 min 05 s`` or ``1 h 20 min``.
    """
    if seconds < 1e-5:
        return f"{seconds * 1e6:.1f} µs"
    if seconds < 1:
        return f"{seconds * 1e6:.0f} µs" if seconds < 0.001 else f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def moment(at: float, now: float) -> str:
    """Say when something was, in this machine's time.

    Parameters
    ----------
    at, now : float
        Then and now, in seconds since the epoch.

    Returns
    -------
    str
        Such as ``14:03:22`` of the same day, else ``2026-11-22 14:03``.
    """
    then = time.localtime(at)
    return time.strftime("%H:%M:%S" if then[:3] == time.localtime(now)[:3] else "%Y-%m-%d %H:%M", then)
