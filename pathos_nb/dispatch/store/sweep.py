"""A sweep as the store keeps it: its function, its points and their keys, in blocks.

Points are written as they are at the call, if they are small. One that is larger than 64 kB has its key only: a result
that is looked at again says so in its place, and it cannot run again from the store.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pathos_nb.dispatch.store.keys import KEY_BYTES, FunctionKey, is_plain
from pathos_nb.wire.quick import loads
from pathos_nb.wire.serialization import dump

__all__ = [
    "BLOCK", "NOT_KEPT", "Block", "NotKept", "Sweep", "environment", "is_unnamed", "packed_rows", "rows_of_block",
]  # fmt: skip

BLOCK = 4096
_MOST_BYTES = 1 << 16
_IN_BAND = 1 << 62

Row = tuple[Any, ...]


class NotKept:
    """Stands where an argument was too large to be kept."""

    def __repr__(self) -> str:
        return "<too large to be kept>"


NOT_KEPT = NotKept()


def is_unnamed(title: str) -> bool:
    """Whether a run is called after its cell's number, or not at all: its user has given it no name to find it by."""
    return not title or title.endswith("]")


@dataclass(slots=True)
class Sweep:
    """What a cell, or a map, asks for.

    Parameters
    ----------
    function : callable
        Called with one point after the other.
    key : FunctionKey
        Of it, made at the call.
    names : tuple of str
        The parameters' names.
    rows : list of tuple
        The points; the list may grow.
    title, source : str
        What the run is called, and the text it was made from.
    options : dict
        What it was asked with, as plain data.
    keys : bytes or None
        Of the points, where they are made already.
    """

    function: Callable[..., Any]
    key: FunctionKey
    names: tuple[str, ...]
    rows: list[Row]
    title: str = ""
    source: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    keys: bytes | None = None

    def fix(self) -> None:
        """Make the keys of points that a worker of this process could change, before it does.

        Raises
        ------
        CannotKey
            One has no content that could be written down.
        """
        if self.keys is None and not is_plain(self.rows):
            self.keys = self.key.points(self.rows)

    def all_keys(self) -> bytes:
        """Give the keys of all points, made now where they were not.

        Raises
        ------
        CannotKey
            One has no content that could be written down.
        """
        if self.keys is None or len(self.keys) < KEY_BYTES * len(self.rows):
            start = len(self.keys or b"") // KEY_BYTES
            self.keys = (self.keys or b"") + self.key.points(self.rows[start:], start)
        return self.keys

    def keys_at(self, places: Sequence[int]) -> list[bytes]:
        """Give the keys of some points.

        Parameters
        ----------
        places : sequence of int
            Which points.

        Returns
        -------
        list of bytes

        Raises
        ------
        CannotKey
            One has no content that could be written down.
        """
        if self.keys is None and len(places) < len(self.rows):
            return [self.key.point(self.rows[place], place) for place in places]
        keys = self.all_keys()
        return [keys[place * KEY_BYTES : (place + 1) * KEY_BYTES] for place in places]

    def blocks(self, start: int, n_most: int) -> Iterator[Block]:
        """Give the next points, in blocks.

        Parameters
        ----------
        start : int
            The first of them.
        n_most : int
            How many blocks at most.

        Yields
        ------
        Block
            Ready to be written.
        """
        for _ in range(n_most):
            rows = self.rows[start : start + BLOCK]
            if not rows:
                return
            known = (self.keys or b"")[start * KEY_BYTES : (start + len(rows)) * KEY_BYTES]
            keys = known if len(known) == len(rows) * KEY_BYTES else self.key.points(rows, start)
            yield Block(start, len(rows), packed_rows(rows), keys)
            start += len(rows)


@dataclass(frozen=True, slots=True)
class Block:
    """Some points that follow each other: the place of the first, how many, their arguments, their keys."""

    start: int
    n: int
    rows: bytes
    keys: bytes


def packed_rows(rows: Sequence[Row]) -> bytes:
    """Give points as bytes, for `rows_of_block`; what is too large, or cannot be pickled, is left out."""
    if is_plain(rows):
        return b"l" + bytes(dump(rows, _IN_BAND).body)
    return b"r" + bytes(dump([_packed_row(row) for row in rows], _IN_BAND).body)


def _packed_row(row: Row) -> bytes | None:
    try:
        payload = dump(row, _IN_BAND)
    except Exception:  # whatever an argument's own pickling raises; its key is all that is needed
        return None
    body = bytes(payload.body)
    return (
        (b"c" + bytes(sys.version_info[:2]) if payload.by_value else b"p") + body if len(body) < _MOST_BYTES else None
    )


def rows_of_block(packed: bytes, n_names: int) -> list[Row]:
    """Give the points of a block back.

    Parameters
    ----------
    packed : bytes
        From the store.
    n_names : int
        How many parameters a point has.

    Returns
    -------
    list of tuple
        With `NOT_KEPT` for what was too large, or is of another Python.
    """
    found: list[Any] = loads(packed[1:])
    return found if packed[:1] == b"l" else [_row(raw, n_names) for raw in found]


def _row(raw: bytes | None, n_names: int) -> Row:
    if raw is not None and raw[:1] == b"c":
        raw = b"p" + raw[3:] if raw[1:3] == bytes(sys.version_info[:2]) else None
    try:
        return (NOT_KEPT,) * n_names if raw is None else tuple(loads(raw[1:]))
    except Exception:  # a class or module that is not here any more
        return (NOT_KEPT,) * n_names


def environment() -> str:
    """Give what the kernel is, as text: versions, machine, folder."""
    versions = {name: _version(name) for name in ("pathos_nb", "numpy", "scipy", "pandas") if name in sys.modules}
    told = {"python": platform.python_version(), "system": platform.platform(), "host": platform.node()}
    return json.dumps({**told, "folder": os.getcwd(), "versions": versions})  # noqa: PTH109 - it may be gone


def _version(name: str) -> str:
    return str(getattr(sys.modules[name], "__version__", ""))
