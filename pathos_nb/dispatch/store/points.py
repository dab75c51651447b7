"""Finished points, read again: values, failures, and the record of who did them when."""

from __future__ import annotations

import contextlib
import gc
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Any

from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.ended import failure_of_parts
from pathos_nb.dispatch.store.file import PLACES, StoreFile, point_id
from pathos_nb.dispatch.store.kept_values import KeptValues
from pathos_nb.dispatch.store.recorder import DONE, NOT_STORED
from pathos_nb.dispatch.store.stretches import Stretch
from pathos_nb.errors import Failure, StoreError
from pathos_nb.events import ChunkDone
from pathos_nb.wire.quick import loads

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Kept", "kept_points", "read_points", "without_collecting"]

_DATA = ord("p")
_TOGETHER = 4096


@dataclass(slots=True)
class Kept:
    """What was read of some points: values by their place, failures, and the record of who did them when."""

    values: KeptValues = field(default_factory=KeptValues)
    failures: dict[int, Failure] = field(default_factory=dict)
    chunks: ChunkLog = field(default_factory=ChunkLog)


def kept_points(file: StoreFile, run: int, n_points: int | None = None) -> Kept:
    """Read the points of a run.

    Parameters
    ----------
    file : StoreFile
        The store.
    run : int
        Its row.
    n_points : int, optional
        Only those before.

    Returns
    -------
    Kept
        A value that cannot be read is a failure, which says why.
    """
    first, last = point_id(run, 0), point_id(run, (n_points or PLACES) - 1)
    query = "SELECT point, state, value, started, ended, worker FROM points WHERE point BETWEEN ? AND ?"
    with file.reading() as connection:
        kept = _read(file, connection.execute(query, (first, last)), _workers(connection))
        packed = connection.execute("SELECT point, failure FROM failures WHERE point BETWEEN ? AND ?", (first, last))
        for point, raw in packed:
            if point % PLACES not in kept.values:
                kept.failures[point % PLACES] = _failure(raw)
    return kept


def read_points(file: StoreFile, found: Sequence[Stretch]) -> Kept:
    """Read points of any runs.

    Parameters
    ----------
    file : StoreFile
        The store.
    found : sequence of Stretch
        Which, in the order of their places.

    Returns
    -------
    Kept
        Of those that are finished, by the places of `found`.
    """
    columns = "point + ?, state, value, started, ended, worker"
    query = f"SELECT {columns} FROM points WHERE point BETWEEN ? AND ? AND state = {DONE}"
    with file.reading() as connection:
        rows = (row for each in found for row in connection.execute(query, (each.place - each.point, *each.span)))
        return _read(file, rows, _workers(connection))


def _read(file: StoreFile, rows: Iterable[tuple[Any, ...]], workers: Mapping[int, tuple[str, str, int]]) -> Kept:
    """Read points, some thousands together: by columns a million takes a second."""
    kept, rows = Kept(), iter(rows)
    kept.chunks.folder = file.path.parent
    record = _Record(kept.chunks, workers)
    while some := list(islice(rows, _TOGETHER)):
        points, states, packed, *stamps = (list(column) for column in zip(*some, strict=True))
        places = [point % PLACES for point in points]
        if set(states) != {DONE} or not _read_values(file, kept, places, packed):
            for place, state, value in zip(places, states, packed, strict=True):
                _read_one(file, kept, place, state, value)
        if None in stamps[0]:
            known = [row for row in zip(places, *stamps, strict=True) if row[1] is not None]
            places, *stamps = [list(column) for column in zip(*known, strict=True)] if known else [[], [], [], []]
        record.add(places, *stamps)
    record.end()
    return kept


def _read_values(file: StoreFile, kept: Kept, places: Sequence[int], packed: Sequence[bytes]) -> bool:
    """Read values that are all there; if one cannot be read none is taken."""
    unpack = file.values.unpack
    try:
        found = [loads(value[1:]) if value[0] == _DATA else unpack(value) for value in packed]
    except Exception:  # told of the one value that it is about, by `_read_one`
        return False
    kept.values.put(places, found)
    return True


def _read_one(file: StoreFile, kept: Kept, place: int, state: int, value: bytes) -> None:
    if state == DONE:
        try:
            kept.values.put([place], [file.values.unpack(value)])
        except Exception as error:  # a file that is gone, a class that is not here any more
            kept.failures[place] = Failure(place, _unreadable(error))
    elif state == NOT_STORED:
        kept.failures[place] = Failure(place, StoreError("its value could not be pickled, and was not stored"))


def _unreadable(error: Exception) -> Exception:
    if isinstance(error, StoreError):
        return error
    return StoreError("its value cannot be read", cause=f"{type(error).__name__}: {error}", cure="run the point again")


def _failure(raw: bytes) -> Failure:
    return failure_of_parts(*loads(raw))


@contextlib.contextmanager
def without_collecting() -> Iterator[None]:
    """Have the garbage collector wait: it would go through a million new points again and again."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Record:
    """Puts stamps of points together into chunks: points that one worker did one after the other."""

    def __init__(self, chunks: ChunkLog, workers: Mapping[int, tuple[str, str, int]]) -> None:
        self._chunks, self._workers = chunks, workers
        self._who, self._until, self._started = -1, 0.0, 0.0
        self._indices = array("q")
        self._ends = array("d")

    def add(self, places: Sequence[int], started: Sequence[float], ended: Sequence[float], who: Sequence[int]) -> None:
        """Add points in the order of their places."""
        if not places:
            return
        pairs = zip(started[1:], ended, who[1:], who, strict=False)
        cuts = [at for at, (start, end, worker, other) in enumerate(pairs, 1) if start != end or worker != other]
        goes_on = self._who == who[0] and self._until == started[0] and len(self._indices) < _TOGETHER
        for first, last in pairwise([0, *cuts, len(places)]):
            if first or not goes_on:
                self.end()
                self._who, self._started = who[first], started[first]
            self._indices.extend(places[first:last])
            self._ends.extend(ended[first:last])
        self._until = ended[-1]

    def end(self) -> None:
        if self._indices:
            name, host, pid = self._workers.get(self._who, ("", "", 0))
            first, last = self._indices[0], self._indices[-1]  # in order, and each once
            is_whole = last - first == len(self._indices) - 1
            indices = range(first, last + 1) if is_whole else self._indices
            self._chunks.append(ChunkDone("", name, host, pid, indices, self._started, self._ends, 1, (), ()))
            self._indices, self._ends = array("q"), array("d")


def _workers(connection: sqlite3.Connection) -> dict[int, tuple[str, str, int]]:
    """Give who did what, by their numbers."""
    rows = connection.execute("SELECT worker, name, host, pid FROM workers")
    return {worker: (name, host, pid) for worker, name, host, pid in rows}
