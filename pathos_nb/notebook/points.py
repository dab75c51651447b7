"""The points of a cell: a list where their end is near, else read while they run, never far ahead.

A clause over lists, arrays and ranges is read at once, so that the run knows how many points there are. One over an
iterator (a generator, ``itertools.count()``) may never end: after a while it is left to the run, which takes as much as
its workers need.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from IPython.core.error import UsageError

__all__ = ["Points"]

Point = tuple[Any, ...]

_MOST = 20_000_000  # points of a clause over things that tell their length: what is read goes on where it was cut short
_MOST_OF_MORE = 5_000_000  # where one of them alone has more than that
_MOST_UNKNOWN, _UNKNOWN_S = 100_000, 0.25  # of one whose end nobody knows, and how long to look for it
_MOST_BEHIND = 1_000_000
_STEP = 64


class Points:
    """The points of a clause, and how far they are read.

    Parameters
    ----------
    make : callable
        Takes a callable that is to see every iterable, and gives what gives the iterator over the points.

    Attributes
    ----------
    read : list of tuple
        Those that were read so far; it grows while the run reads more.
    """

    def __init__(self, make: Callable[[Callable[[Any], Any]], Callable[[], Iterator[Point]]]) -> None:
        self.read: list[Point] = []
        self._is_sized, self._most = True, _MOST
        self._more: Iterator[Point] | None = make(self._see)()
        self._read_near(self._more)

    def _see(self, iterable: Any) -> Any:
        self._is_sized = self._is_sized and hasattr(type(iterable), "__len__")
        if self._is_sized and _is_huge(iterable):
            self._most = _MOST_OF_MORE
        return iterable

    def _read_near(self, more: Iterator[Point]) -> None:
        """Read as many as are worth waiting for."""
        began, read = time.monotonic(), self.read
        while len(read) < (self._most if self._is_sized else _MOST_UNKNOWN):
            n, step = len(read), _STEP if len(read) >= _STEP else 1
            read.extend(islice(more, step))
            if len(read) < n + step:
                self._more = None
                return
            if not self._is_sized and time.monotonic() - began > _UNKNOWN_S:
                return

    @property
    def is_all(self) -> bool:
        """Whether the clause has come to its end."""
        return self._more is None

    def read_all(self) -> None:
        """Read them to the end: for a run that goes on when nobody is there to read more.

        Raises
        ------
        UsageError
            There seems to be no end.
        """
        if self._more is not None:
            self.read.extend(islice(self._more, _MOST_BEHIND))
            if next(self._more, None) is not None:
                text = f"this clause has given {len(self.read):,} and goes on"
                who = "--bg has to read all points first, as have --resume and --detach"
                raise UsageError(f"{who}, and {text}: end it with itertools.islice")
            self._more = None

    def rows(self) -> list[Point] | Iterator[Point]:
        """Give what a map takes: the list, or an iterator that adds to it as it goes."""
        return self.read if self._more is None else self._reading(self._more)

    def _reading(self, more: Iterator[Point]) -> Iterator[Point]:
        yield from tuple(self.read)
        for point in more:
            self.read.append(point)
            yield point


def _is_huge(iterable: Any) -> bool:
    try:
        return len(iterable) > _MOST
    except OverflowError:  # of a range
        return True
    except Exception:  # of a user's own: it is only asked how far to read
        return False
