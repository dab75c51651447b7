"""Finished points on their way from a node to the kernel: what a result file has in it.

Values are pickled one by one, so that one which cannot be loaded harms no other.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pathos_nb.dispatch.ended import failure_of_parts, in_parts
from pathos_nb.errors import CannotReturn, Failure
from pathos_nb.events import ChunkDone
from pathos_nb.wire.quick import dumps, loads
from pathos_nb.wire.serialization import dump

__all__ = ["Parcel", "pack", "unpack"]

_IN_BAND = 1 << 62


@dataclass(frozen=True, slots=True)
class Parcel:
    """Points that were finished, and the record of who did them when.

    Parameters
    ----------
    values : list of (int, bytes)
        Places and pickled values.
    failures : list of tuple
        Of `in_parts`.
    chunks : list of tuple
        Of the record.
    """

    values: list[tuple[int, bytes]]
    failures: list[tuple[Any, ...]]
    chunks: list[tuple[Any, ...]]

    @property
    def places(self) -> set[int]:
        """The places of its points."""
        return {place for place, _ in self.values} | {parts[0] for parts in self.failures}

    def found(self) -> dict[int, Any]:
        """Give the values by their places; a `Failure` for what failed or cannot be loaded here."""
        found: dict[int, Any] = {place: _loaded(place, raw) for place, raw in self.values}
        found.update({parts[0]: failure_of_parts(*parts) for parts in self.failures})
        return found

    def record(self, run_id: str) -> list[ChunkDone]:
        """Give the record, as of a run of that name."""
        return [_chunk(run_id, *parts) for parts in self.chunks]


def pack(found: Iterable[tuple[int, Any]], chunks: Iterable[ChunkDone]) -> bytes:
    """Write finished points.

    Parameters
    ----------
    found : iterable of (int, object)
        Places, and values or `Failure`.
    chunks : iterable of ChunkDone
        The record of them.

    Returns
    -------
    bytes
    """
    values, failures = list[tuple[int, bytes]](), list[tuple[Any, ...]]()
    for place, value in found:
        if isinstance(value, Failure):
            failures.append(in_parts(value))
            continue
        try:
            values.append((place, bytes(dump(value, _IN_BAND).body)))
        except Exception as error:  # whatever the value's own pickling raises
            failures.append(in_parts(Failure(place, _not_back("written", error))))
    return dumps((values, failures, [_parts(chunk) for chunk in chunks]), 5)


def unpack(body: bytes) -> Parcel:
    """Read what `pack` wrote."""
    return Parcel(*loads(body))


def _parts(chunk: ChunkDone) -> tuple[Any, ...]:
    ends = array("d", chunk.ends).tobytes()
    return (
        chunk.worker, chunk.host, chunk.pid, list(chunk.indices), chunk.started, ends, chunk.block, chunk.output,
        chunk.pictures,
    )  # fmt: skip


def _chunk(run_id: str, *parts: Any) -> ChunkDone:
    worker, host, pid, indices, started, raw, block, output, pictures = parts
    ends = array("d")
    ends.frombytes(raw)
    return ChunkDone(run_id, worker, host, pid, indices, started, ends, block, (), output, pictures)


def _loaded(place: int, raw: bytes) -> Any:
    try:
        return loads(raw)
    except Exception as error:  # a class or module that is not here
        return Failure(place, _not_back("loaded here", error))


def _not_back(how: str, error: Exception) -> CannotReturn:
    return CannotReturn(f"the result cannot be {how}", cause=f"{type(error).__name__}: {error}")
