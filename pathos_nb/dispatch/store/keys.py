"""What a finished point is known by: its function, all that this function brings along, and its arguments.

A key is 16 bytes of a sha256. The function's part is made once, when the map is asked for; that of a point of plain
numbers and text costs about a microsecond and may be made later, since nobody can change them; that of a point of
arrays and objects is made before any worker may change them.
"""

from __future__ import annotations

import hashlib
import marshal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from pathos_nb.dispatch.store.canonical import Writer
from pathos_nb.dispatch.store.modules import Modules

__all__ = ["KEY_BYTES", "FunctionKey", "function_key", "is_plain"]

KEY_BYTES = 16
_VERSION = b"pathos_nb key 2"  # raised when a value is written in another way: what was kept is another point then
_PLAIN = frozenset((int, float, str, bool, type(None), bytes, complex))
_MARSHAL = 2  # the last format without references, so that it does not tell which strings happen to be one object

Row = Sequence[Any]


class FunctionKey:
    """A function, as its points' keys know it.

    Parameters
    ----------
    digest : bytes
        Of the function and what it brings along; 32 bytes.
    seed : object, optional
        With one, a point's random numbers depend on its place: so does its key.
    """

    __slots__ = ("_modules", "_start", "digest", "seed")

    def __init__(self, digest: bytes, seed: Any = None) -> None:
        self.digest, self.seed, self._modules = digest, seed, Modules()
        self._start = hashlib.sha256(digest)

    def point(self, row: Row, index: int = 0) -> bytes:
        """Give the key of a point.

        Parameters
        ----------
        row : sequence
            Its arguments.
        index : int
            Its place, which counts where there is a seed.

        Returns
        -------
        bytes
            16 of them.

        Raises
        ------
        CannotKey
            An argument has no content that could be written down.
        """
        found = self._start.copy()
        if self.seed is not None:
            found.update(b"seed %d " % index)
        plain = row if _PLAIN.issuperset(map(type, row)) else _as_plain(row)
        if plain is not None:
            found.update(b"p" + marshal.dumps(tuple(plain), _MARSHAL))
        else:
            found.update(b"w" + self._written(row))
        return found.digest()[:KEY_BYTES]

    def points(self, rows: Iterable[Row], start: int = 0) -> bytes:
        """Give the keys of many points, one after the other in one piece.

        Parameters
        ----------
        rows : iterable of sequence
            Their arguments.
        start : int
            The place of the first.

        Returns
        -------
        bytes
            16 for each.

        Raises
        ------
        CannotKey
            As `point`.
        """
        if self.seed is not None:
            return b"".join([self.point(row, index) for index, row in enumerate(rows, start)])
        copy, dumps, is_plain = self._start.copy, marshal.dumps, _PLAIN.issuperset
        found = bytearray()
        for row in rows:  # a million of them in a second: as `point`, without its calls
            if is_plain(map(type, row)):
                key = copy()
                key.update(b"p" + dumps(tuple(row), _MARSHAL))
                found += key.digest()[:KEY_BYTES]
            else:
                found += self.point(row)
        return bytes(found)

    def _written(self, row: Row) -> bytes:
        writer = Writer(self._modules)
        for value in row:
            writer.write(value)
        return writer.digest()


def function_key(
    function: Callable[..., Any], kwargs: Mapping[str, Any] | None = None, names: Sequence[str] = (), seed: Any = None
) -> FunctionKey:
    """Make the key of a function as it is now.

    Parameters
    ----------
    function : callable
        What a map is given.
    kwargs : mapping, optional
        Its fixed keyword arguments.
    names : sequence of str
        What its parameters are called.
    seed : object, optional
        The map's.

    Returns
    -------
    FunctionKey

    Raises
    ------
    CannotKey
        Something that it brings along has no content that could be written down.
    """
    writer = Writer()
    writer.write((_VERSION, tuple(sys.version_info[:2]), tuple(names), seed))
    writer.write(function)
    writer.write(sorted((kwargs or {}).items()))
    return FunctionKey(writer.digest(), seed)


def _as_plain(row: Row) -> Row | None:
    """Give a point whose entries are plain or numpy's scalars with these as pairs, which nothing plain is."""
    numpy = sys.modules.get("numpy")
    if numpy is None or not all(type(v) in _PLAIN or _is_scalar(v, numpy) for v in row):
        return None
    return [v if type(v) in _PLAIN else (v.dtype.str, v.tobytes()) for v in row]


def _is_scalar(value: Any, numpy: Any) -> bool:
    return isinstance(value, numpy.number | numpy.bool_ | numpy.datetime64 | numpy.timedelta64 | numpy.str_)


def is_plain(rows: Iterable[Row]) -> bool:
    """Whether points consist of what nobody can change: numbers, text and bytes.

    Parameters
    ----------
    rows : iterable of sequence
        The points.

    Returns
    -------
    bool
    """
    if isinstance(rows, list) and _PLAIN.issuperset(map(type, chain.from_iterable(rows))):
        return True  # as nearly always: a million in 50 ms
    return all(_PLAIN.issuperset(map(type, row)) or _as_plain(row) is not None for row in rows)
