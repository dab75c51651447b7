"""Finished points, read again: values, failures, and the record of who did them when."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.ended import failure_of_parts
from pathos_nb.dispatch.store.file import PLACES, StoreFile, point_id
from pathos_nb.dispatch.store.recorder import DONE, NOT_STORED
from pathos_nb.errors import Failure, StoreError
from pathos_nb.events import ChunkDone
from pathos_nb.wire.quick import loads

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Kept", "kept_points", "read_points"]

_DATA = ord("p")


@dataclass(slots=True)
class Kept:
    """What was read of some points: values by their place, failures, and the record of who did them when."""

    values: dict[int, Any] = field(default_factory=dict)
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


def read_points(file: StoreFile, found: dict[int, int]) -> Kept:
    """Read points of any runs.

    Parameters
    ----------
    file : StoreFile
        The store.
    found : dict of int to int
        From `matches`.

    Returns
    -------
    Kept
        By the places of `found`.
    """
    query = "SELECT ?, state, value, started, ended, worker FROM points WHERE point = ?"
    with file.reading() as connection:
        rows = (row for pair in sorted(found.items()) for row in connection.execute(query, pair))
        return _read(file, rows, _workers(connection))


def _read(file: StoreFile, rows: Iterable[tuple[Any, ...]], workers: Mapping[int, tuple[str, str, int]]) -> Kept:
    kept = Kept()
    record = _Record(kept.chunks, workers)
    unpack, add, values = file.values.unpack, record.add, kept.values
    for point, state, value, started, ended, worker in rows:
        place = point % PLACES
        if state == DONE:
            try:
                values[place] = loads(value[1:]) if value[0] == _DATA else unpack(value)
            except Exception as error:  # a file that is gone, a class that is not here any more
                kept.failures[place] = Failure(place, _unreadable(error))
        elif state == NOT_STORED:
            kept.failures[place] = Failure(place, StoreError("its value could not be pickled, and was not stored"))
        if started is not None:
            add(place, started, ended, worker)
    record.end()
    return kept


def _unreadable(error: Exception) -> Exception:
    if isinstance(error, StoreError):
        return error
    return StoreError("its value cannot be read", cause=f"{type(error).__name__}: {error}", cure="run the point again")


def _failure(raw: bytes) -> Failure:
    return failure_of_parts(*loads(raw))


class _Record:
    """Puts stamps of points together into chunks: points that one worker did one after the other."""

    def __init__(self, chunks: ChunkLog, workers: Mapping[int, tuple[str, str, int]]) -> None:
        self._chunks, self._workers = chunks, workers
        self._who, self._until, self._started = -1, 0.0, 0.0
        self._indices: list[int] = []
        self._ends = array("d")

    def add(self, place: int, started: float, ended: float, worker: int) -> None:
        if self._who != worker or started != self._until:
            self.end()
            self._who, self._started = worker, started
        self._indices.append(place)
        self._ends.append(ended)
        self._until = ended

    def end(self) -> None:
        if self._indices:
            name, host, pid = self._workers.get(self._who, ("", "", 0))
            first, last = self._indices[0], self._indices[-1]  # in order, and each once
            is_whole = last - first == len(self._indices) - 1
            indices = range(first, last + 1) if is_whole else array("q", self._indices)
            self._chunks.append(ChunkDone("", name, host, pid, indices, self._started, self._ends, 1, (), ()))
            self._indices, self._ends = [], array("d")


def _workers(connection: sqlite3.Connection) -> dict[int, tuple[str, str, int]]:
    """Give who did what, by their numbers."""
    rows = connection.execute("SELECT worker, name, host, pid FROM workers")
    return {worker: (name, host, pid) for worker, name, host, pid in rows}
