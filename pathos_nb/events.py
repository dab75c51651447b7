"""News of a run, as values: what dispatch tells whoever subscribed, and the record that every view is made from.

Events are handed *up* to callables that were handed *in*; nothing here knows who listens.
Times are seconds since the epoch; durations are seconds.
"""

from __future__ import annotations

from collections.abc import Sequence

from pathos_nb.errors import Failure
from pathos_nb.typed import Any, NamedTuple


class RunStarted(NamedTuple):
    """A map has begun; `total` is None where the input's length is unknown."""

    run_id: str
    total: int | None
    title: str


class ChunkDone(NamedTuple):
    """Items that were run together: who, which, when, what they printed, and pictures (index, type, base64).

    ``ends[j]`` is the end of the items ``indices[j * block : (j + 1) * block]``; the start of each is the end before
    it, and of the first `started`. `place` is what users call the host, where it is one that they gave a name.
    """

    run_id: str
    worker: str
    host: str
    pid: int
    indices: Sequence[int]
    started: float
    ends: Sequence[float]
    block: int
    failures: tuple[Failure, ...]
    output: tuple[tuple[int, str], ...]
    pictures: tuple[tuple[int, str, str], ...] = ()
    place: str = ""

    @property
    def n_items(self) -> int:
        """How many items the chunk had."""
        return len(self.indices)

    @property
    def seconds(self) -> float:
        """How long the worker was busy with the chunk."""
        return self.ends[-1] - self.started if len(self.ends) else 0.0


class InnerTold(NamedTuple):
    """A map inside of an item has done something; `worker` is whose item it is, and `host` and `place` where that is.

    `news` are the fields of `pathos_nb.wire.protocol.InnerNews`, which is a floor up.
    """

    run_id: str
    worker: str
    news: Sequence[Any]
    host: str = ""
    place: str = ""


class ItemFailed(NamedTuple):
    """An item has failed for good."""

    run_id: str
    failure: Failure


class ItemRetried(NamedTuple):
    """An item will be run again."""

    run_id: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nobody needs here
    attempt: int
    reason: str


class WorkerUp(NamedTuple):
    """A worker is ready for work."""

    worker: str
    host: str
    pid: int


class WorkerDown(NamedTuple):
    """A worker has gone; `reason` says how."""

    worker: str
    host: str
    pid: int
    reason: str


class PlaceLost(NamedTuple):
    """A place has no workers for a while: the way to it is lost, and is being opened again.

    Attributes
    ----------
    place, reason : str
        Which, and what is in the way.
    since, until : float
        When it was lost, and when it will be given up.
    n_workers : int
        How many workers are left elsewhere; with none, the run waits.
    """

    run_id: str
    place: str
    reason: str
    since: float
    until: float
    n_workers: int


class PlaceBack(NamedTuple):
    """A place that was lost has workers again."""

    run_id: str
    place: str
    at: float
    n_workers: int


class PlaceGone(NamedTuple):
    """A place was given up; `reason` says why, and what to do."""

    run_id: str
    place: str
    reason: str
    at: float
    n_workers: int


class PlaceQueued(NamedTuple):
    """A place has asked a scheduler for workers, and they are in its queue.

    Attributes
    ----------
    place, text : str
        Which, and what is waited for and why; empty when nothing is any more.
    since, until : float
        When it was asked for, and when that will be given up; infinity for never.
    n_workers : int
        How many workers there are meanwhile; with none, the run waits.
    """

    run_id: str
    place: str
    text: str
    since: float
    until: float
    n_workers: int


class RunEnded(NamedTuple):
    """A map is over; `state` is done, failed or cancelled."""

    run_id: str
    state: str
    seconds: float


PlaceNews = PlaceLost | PlaceBack | PlaceGone | PlaceQueued
Event = RunStarted | ChunkDone | ItemFailed | ItemRetried | WorkerUp | WorkerDown | PlaceNews | InnerTold | RunEnded
