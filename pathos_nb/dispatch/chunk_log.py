"""The record of a run: its chunks, of which the earlier ones lie on the disk where there are very many.

::

    append ──► the latest, a million stamps at most ──► segments, 65,536 stamps together ──► a file without a name
    each look ◄── segment by segment, read when its turn comes, and not kept ◄──────────────┘

The file lies beside the store, or with the user's other data, and not in ``/tmp``, which is memory on many machines. It
has no name, so nothing is left of it however this process ends. A disk that takes nothing costs memory only: what could
not be written stays where it was.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone
from pathos_nb.typed import Any, NamedTuple
from pathos_nb.wire.quick import dumps, loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from pathos_nb.dispatch.spill import SpillFile

__all__ = ["MOST_STAMPS", "ChunkLog"]

MOST_STAMPS = 1_000_000  # in memory: 8 MB
_SEGMENT = 65_536
_EACH = 8  # a chunk takes as much memory as so many stamps, besides its own
_LATEST = 32  # so many stay: who follows a run knows a chunk again as the object that it is


class _Segment(NamedTuple):
    """Chunks on the disk: where, how many, from when to when, those of their failures that there are, and whose."""

    file: SpillFile
    at: int
    size: int
    n_chunks: int
    began: float
    ended: float
    failures: dict[int, tuple[Failure, ...]]
    run_id: str = ""  # the name that they have by now, if it is not the one they were written with


class ChunkLog(Sequence[ChunkDone]):
    """The chunks of a run in the order in which they came.

    Parameters
    ----------
    chunks : iterable of ChunkDone
        Those that there are already.
    most : int, optional
        How many stamps may be in memory; a million.
    is_endless : bool
        Whether the earliest are forgotten instead of written: nobody looks at all of a stream without end.

    Notes
    -----
    One thread adds at a time, any may read. A reader sees what there was when it began, whatever comes meanwhile.
    """

    folder: Path | None = None  # where the file is made; that of the store, for a run that is kept
    _file: SpillFile | None = None
    _n_before = _weight = 0

    def __init__(self, chunks: Iterable[ChunkDone] = (), most: int | None = None, is_endless: bool = False) -> None:
        self._most, self._is_endless = most or MOST_STAMPS, is_endless
        self._segments: list[_Segment] = []
        self._latest: list[ChunkDone] = []
        self._next_try = self._most
        self._lock = threading.Lock()
        if chunks:
            self.extend(chunks)

    def __len__(self) -> int:
        return self._n_before + len(self._latest)

    @property
    def n_in_memory(self) -> int:
        """How many stamps are in memory."""
        return sum(len(chunk.ends) for chunk in list(self._latest))

    @property
    def n_bytes(self) -> int:
        """How much of it is on the disk."""
        return sum(segment.size for segment in self._segments[:])

    def __getitem__(self, index: int | slice) -> Any:  # which of the two it is takes `overload`, and that `typing`
        """Give one, or some as a list."""
        if isinstance(index, slice):
            return list(self)[index]
        segments, latest = self._seen()
        n = sum(segment.n_chunks for segment in segments)
        at = index + n + len(latest) if index < 0 else index
        if at >= n:
            return latest[at - n]
        for segment in segments:
            if 0 <= at < segment.n_chunks:
                return self._read(segment)[at]
            at -= segment.n_chunks
        raise IndexError(f"there is no chunk {index}")

    def __iter__(self) -> Iterator[ChunkDone]:
        return self._going_through(*self._seen(), lambda segment: True)

    def between(self, began: float, ended: float, zero: float) -> Iterator[ChunkDone]:
        """Give the chunks of a time; others may be among them.

        Parameters
        ----------
        began, ended : float
            From when to when, in seconds since the epoch.
        zero : float
            When the run began: what is older, by another clock or of an earlier kernel, is given in any case.

        Returns
        -------
        iterator of ChunkDone
        """
        return self._going_through(
            *self._seen(), lambda segment: segment.began <= ended and (segment.ended >= began or segment.began < zero)
        )

    def _going_through(
        self, segments: list[_Segment], latest: list[ChunkDone], is_wanted: Callable[[_Segment], bool]
    ) -> Iterator[ChunkDone]:
        for segment in segments:
            if is_wanted(segment):
                yield from self._read(segment)
        yield from latest

    def __reduce__(self) -> tuple[Any, ...]:
        return ChunkLog, (list(self),)

    def append(self, chunk: ChunkDone) -> None:
        """Add one."""
        with self._lock:
            self._latest.append(chunk)
            self._weight += len(chunk.ends) + _EACH
            if self._weight > self._next_try:
                self._make_room()

    def extend(self, chunks: Iterable[ChunkDone]) -> None:
        """Add some."""
        for chunk in chunks:
            self.append(chunk)

    def __iadd__(self, chunks: Iterable[ChunkDone]) -> ChunkLog:
        self.extend(chunks)
        return self

    def take_over(self, other: ChunkLog, run_id: str) -> None:
        """Have the record of another run, which ends with that, as the beginning of this one's.

        Parameters
        ----------
        other : ChunkLog
            Nobody adds to it any more. What it has on the disk stays there as it is.
        run_id : str
            The name that its chunks have from now on.
        """
        segments, latest = other._seen()
        if not self:
            with self._lock:
                self._segments = [segment._replace(run_id=run_id) for segment in segments]
                self._n_before = sum(segment.n_chunks for segment in segments)
            segments = []
        rest = self._going_through(segments, latest, lambda segment: True)
        self.extend(chunk._replace(run_id=run_id) for chunk in rest)

    def forget(self, n: int) -> None:
        """Forget the earliest of those in memory.

        Parameters
        ----------
        n : int
            How many.
        """
        with self._lock:
            self._drop(n)

    def _drop(self, n: int) -> None:
        self._weight -= sum(len(chunk.ends) + _EACH for chunk in self._latest[:n])
        self._latest = self._latest[n:]  # a list of its own: who reads goes on with the old one

    def _seen(self) -> tuple[list[_Segment], list[ChunkDone]]:
        with self._lock:
            return self._segments[:], self._latest[:]

    def _make_room(self) -> None:
        """Write the earliest until there is room again, or forget them."""
        while self._weight > self._most and (n := self._n_of_segment()):
            if not self._is_endless and not self._write(self._latest[:n]):
                self._next_try = self._weight + _SEGMENT  # the disk refuses: not at each chunk again
                return
            self._drop(n)
        self._next_try = max(self._most, self._weight)

    def _n_of_segment(self) -> int:
        room, few = min(_SEGMENT, self._most // 4), self._latest[:-_LATEST]
        for n, chunk in enumerate(few, 1):
            room -= len(chunk.ends) + _EACH
            if room <= 0:
                return n
        return len(few)

    def _write(self, chunks: list[ChunkDone]) -> bool:
        failures = {number: chunk.failures for number, chunk in enumerate(chunks) if chunk.failures}
        ended = max((chunk.ends[-1] for chunk in chunks if len(chunk.ends)), default=float("-inf"))
        try:
            packed = dumps([tuple(chunk._replace(failures=())) for chunk in chunks], 5)
            file = self._file = self._file or _new_file(self.folder)
            at = file.write(packed)
        except OSError:
            return False
        began = min(chunk.started for chunk in chunks)
        self._segments.append(_Segment(file, at, len(packed), len(chunks), began, ended, failures))
        self._n_before += len(chunks)
        return True

    def _read(self, segment: _Segment) -> list[ChunkDone]:
        chunks = [ChunkDone(*fields) for fields in loads(segment.file.read(segment.at, segment.size))]
        if segment.run_id:
            chunks = [chunk._replace(run_id=segment.run_id) for chunk in chunks]
        for number, failures in segment.failures.items():
            chunks[number] = chunks[number]._replace(failures=failures)
        return chunks


def _new_file(folder: Path | None) -> SpillFile:
    from pathos_nb.dispatch.spill import SpillFile

    return SpillFile(folder)
