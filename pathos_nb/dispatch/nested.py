"""Maps inside of items: told from the worker they run in to the pool that the item belongs to, on every floor.

::

    outer pool ◄── INNER, or within the report ── outer worker
       InnerRun, under its item                      Teller ◄── events ── inner Run ◄── INNER ── inner worker …

What an inner map does goes up as it happens, ten times a second at most, and the rest with the report on the item. Of
an item that makes very many maps the first are told one by one, the others together.
"""

from __future__ import annotations

import threading
import time
from array import array
from collections.abc import Iterable, Sequence

from pathos_nb.dispatch.record import duration
from pathos_nb.events import ChunkDone, Event, InnerTold, RunEnded
from pathos_nb.launchers.board import FINISHED
from pathos_nb.typed import Any
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import INNER, InnerNews

__all__ = ["InnerRun", "InnerRuns", "as_chunk", "told", "watch"]

_EVERY_S = 0.1
_MOST_RUNS, _MOST_CHUNKS = 64, 4096  # told one by one, of one chunk of items; kept, of one run
_OTHERS = "others"


# ----------------------------------------------------------------------------------------------- where the item belongs


class InnerRun:
    """A map inside of an item.

    Attributes
    ----------
    run_id, title, state
        As of a run; ``lost`` where the worker ended that it ran in.
    n_done, n_failed, total : int
        Its items; `total` is None where nobody knows.
    started_at, ended_at : float
        Seconds since the epoch; `ended_at` is None while it goes on.
    chunks : list of ChunkDone
        Its record, stamps and all; of very many chunks the first.
    inner : InnerRuns
        The maps inside of its items.
    """

    def __init__(self, run_id: str) -> None:
        self.run_id, self.title, self.state = run_id, "map", "running"
        self.n_done, self.n_failed = 0, 0
        self.total: int | None = None
        self.started_at = 0.0
        self.ended_at: float | None = None
        self.chunks: list[ChunkDone] = []
        self.inner = InnerRuns()

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.ended_at is not None

    @property
    def seconds(self) -> float:
        """How long it took, or has taken so far."""
        return max(0.0, (self.ended_at or time.time()) - self.started_at) if self.started_at else 0.0

    @property
    def workers(self) -> list[str]:
        """The names of its workers."""
        return sorted({chunk.worker for chunk in self.chunks})

    def __repr__(self) -> str:
        of = "?" if self.total is None else self.total
        return f"<InnerRun {self.run_id} {self.state}: {self.n_done} of {of} done, {self.n_failed} failed>"

    def take(self, news: InnerNews) -> None:
        """Take in what is told of it."""
        self.title, self.state, self.total = news.title, news.state, news.total
        self.n_done, self.n_failed = news.n_done, news.n_failed
        self.started_at, self.ended_at = news.started, news.ended or None
        room = max(0, _MOST_CHUNKS - len(self.chunks))
        self.chunks += [as_chunk(self.run_id, raw) for raw in news.chunks[:room]]

    def lose(self) -> None:
        """Note that its worker has ended, if it has not been over before."""
        if not self.is_over:
            self.state, self.ended_at = "lost", time.time()
        self.inner.lose()


class InnerRuns(dict[int, list[InnerRun]]):
    """The maps inside of a run's items: an item's index → its maps, in the order in which they began."""

    def take(self, news: InnerNews) -> InnerRun:
        """Take in what is told of one of them, or of one further inside.

        Parameters
        ----------
        news : InnerNews
            Its path begins here.

        Returns
        -------
        InnerRun
            The one that it is of.
        """
        known, found = self, InnerRun("")
        for index, run_id in news.path:
            row = known.setdefault(index, [])
            found = next((each for each in row if each.run_id == run_id), None) or InnerRun(run_id)
            if found not in row:
                row.append(found)
            known = found.inner
        found.take(news)
        return found

    def lose(self, indices: Iterable[int] | None = None) -> None:
        """Note that the workers of some items, or of all, have ended."""
        for index in list(self) if indices is None else indices:
            for found in self.get(index, ()):
                found.lose()

    @property
    def n_runs(self) -> int:
        """How many there are, further inside too."""
        return sum(1 + found.inner.n_runs for row in list(self.values()) for found in list(row))


def told(run: InnerRun) -> str:
    """Say in a line how far a map inside of an item is."""
    of = "" if run.total is None else f" of {run.total:,}"
    n, failed = len(run.workers), f", {run.n_failed:,} failed" if run.n_failed else ""
    by = f" by {n} worker{'' if n == 1 else 's'}" if n else ""
    state = "" if run.state in ("running", "done") else f", {run.state}"
    return f"{run.title}: {run.n_done:,}{of} done{failed}{by}, {duration(run.seconds)}{state}"


def as_chunk(run_id: str, raw: Sequence[Any]) -> ChunkDone:
    """Make of what was sent a chunk on the record; its failures and its output are on the item's own."""
    worker, host, pid, indices, started, stamps, block, _ = raw
    ends = array("d")
    ends.frombytes(stamps)
    where = range(*indices) if isinstance(indices, tuple) else indices
    return ChunkDone(run_id, worker, host, pid, where, started, ends, block, (), ())


# ------------------------------------------------------------------------------------------------- where the item runs


def watch(run: Any, worker: Any) -> None:
    """Tell of a run that begins inside of an item, whoever waits for it.

    Parameters
    ----------
    run : Run
        About to begin, in the item's thread.
    worker : Worker
        Who runs the item.
    """
    at = _item_of(worker)
    if at is not None:
        if worker.inner is None:
            worker.inner = Tellers(worker)
        worker.inner.add(run, *at)


def _item_of(worker: Any) -> tuple[int, int] | None:
    """Give the chunk and the index of the item that a worker is at."""
    doing, at = worker.doing, worker.cells.running()
    if doing is None or at is None or at.offset == FINISHED:
        return None
    return doing.number, int(doing.indices[min(at.offset, len(doing.indices) - 1)])


class Tellers:
    """Puts together what there is to tell of the maps inside of a worker's items.

    Parameters
    ----------
    worker : Worker
        Its `post` sends at once, where that can be; what is left goes with its report.
    """

    def __init__(self, worker: Any) -> None:
        self._worker, self._lock = worker, threading.Lock()
        self._news: dict[tuple[Any, ...], InnerNews] = {}
        self._chunk, self._n_runs, self._others = 0, 0, (0, 0)
        self._told_s = 0.0

    def add(self, run: Any, chunk: int, index: int) -> None:
        """Tell of one more run."""
        with self._lock:
            if chunk != self._chunk:
                self._chunk, self._n_runs, self._others = chunk, 0, (0, 0)
                self._news.clear()
            self._n_runs += 1
            is_one_of_many = self._n_runs > _MOST_RUNS
        if is_one_of_many:
            run.when_over(lambda over: self._count(over, chunk, index))
        else:
            run.subscribe(lambda event: self._hear(run, event, chunk, index))

    def _count(self, run: Any, chunk: int, index: int) -> None:
        with self._lock:
            if chunk != self._chunk:
                return
            done, failed = self._others
            self._others = done + run.n_done, failed + run.n_failed
            figures = (f"{self._n_runs - _MOST_RUNS} more maps", None, "done", *self._others)
            path = ((index, _OTHERS),)
            self._news[path] = InnerNews(path, (), *figures, run.started_at, time.time())

    def _hear(self, run: Any, event: Event, chunk: int, index: int) -> None:
        at = (index, run.run_id)
        if isinstance(event, InnerTold):
            told = InnerNews(*event.news)
            news = told._replace(path=(at, *told.path), via=(event.worker, *told.via))
        else:
            rows = (_row_of(event),) if isinstance(event, ChunkDone) and event.n_items else ()
            figures = run.label, run.total, run.state, run.n_done, run.n_failed
            news = InnerNews((at,), (), *figures, run.started_at, run.ended_at or 0.0, rows)
        with self._lock:
            if chunk != self._chunk:
                return
            known = self._news.get((news.path, news.via))
            self._news[news.path, news.via] = news._replace(chunks=(*known.chunks, *news.chunks)) if known else news
        self._tell_now(chunk, isinstance(event, RunEnded))

    def _tell_now(self, chunk: int, is_end: bool) -> None:
        post, now = self._worker.post, time.monotonic()
        if post is None or is_end or now - self._told_s < _EVERY_S:
            return
        self._told_s = now
        if news := self.take(chunk):
            post(Frame(INNER, (chunk, news)))

    def take(self, chunk: int) -> list[tuple[Any, ...]]:
        """Give what has not been told, of the items of a chunk."""
        with self._lock:
            news, self._news = self._news, {}
            return [tuple(each) for each in news.values()] if chunk == self._chunk else []


def _row_of(chunk: ChunkDone) -> tuple[Any, ...]:
    indices: Any = chunk.indices
    where = (indices.start, indices.stop, indices.step) if isinstance(indices, range) else list(indices)
    stamps = array("d", chunk.ends).tobytes()
    return (
        chunk.worker, chunk.host, chunk.pid, where, chunk.started, stamps, chunk.block, len(chunk.failures),
    )  # fmt: skip
