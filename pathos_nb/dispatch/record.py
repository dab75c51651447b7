"""Functions of a run's record: how long each item took and where, whatever view asks.

The record is the list of `ChunkDone` events; nothing here looks at a clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone

__all__ = ["ItemTimes", "Timing", "duration", "item_times", "timing_of"]


class ItemTimes(NamedTuple):
    """How long each item took, and where: lists by index, with None and ``""`` for items that have not ended."""

    seconds: list[float | None]
    workers: list[str]
    hosts: list[str]

    def first(self, n: int) -> ItemTimes:
        """Give those of the first n items."""
        return ItemTimes(self.seconds[:n], self.workers[:n], self.hosts[:n])


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
    Linear in the number of items, about 0.2 s for a million.
    """
    times = ItemTimes([None] * n_items, [""] * n_items, [""] * n_items)
    for chunk in chunks:
        start = chunk.started
        for number, end in enumerate(chunk.ends):
            block = chunk.indices[number * chunk.block : (number + 1) * chunk.block]
            for index in block:
                times.seconds[index] = (end - start) / len(block)
                times.workers[index], times.hosts[index] = chunk.worker, chunk.host
            start = end
    return times


@dataclass(frozen=True, slots=True, repr=False)
class Timing:
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
    lost = {f.index: f.seconds for f in failures if f.worker and times.seconds[f.index] is None}
    known = {index: s for index, s in enumerate(times.seconds) if s is not None} | lost
    slowest = max(known, key=known.__getitem__, default=-1)
    n_workers = len({*times.workers} - {""})
    shortest, longest = min(known.values(), default=0.0), known.get(slowest, 0.0)
    return Timing(seconds, sum(known.values()), n_workers, len(known), shortest, longest, slowest)


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
