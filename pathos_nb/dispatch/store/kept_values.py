"""Values that were read from a store, at their places: eight bytes each besides themselves."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from itertools import repeat
from operator import is_
from typing import Any

from pathos_nb.dispatch.keepers import MISSING

__all__ = ["KeptValues"]


class KeptValues:
    """The values of some points of a sweep, by their places among all."""

    __slots__ = ("_n", "_values")

    def __init__(self) -> None:
        self._values: list[Any] = []
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def __contains__(self, place: int) -> bool:
        return place < len(self._values) and self._values[place] is not MISSING

    def __iter__(self) -> Iterator[int]:
        return (place for place, value in enumerate(self._values) if value is not MISSING)

    def items(self) -> Iterator[tuple[int, Any]]:
        """Give the places and their values, in order."""
        return ((place, value) for place, value in enumerate(self._values) if value is not MISSING)

    def put(self, places: Sequence[int], values: Sequence[Any]) -> None:
        """Take values in.

        Parameters
        ----------
        places : sequence of int
            Where, in order.
        values : sequence
            As many.
        """
        if not places:
            return
        first, stop = places[0], places[-1] + 1
        self._values.extend(repeat(MISSING, stop - len(self._values)))
        before = self._n_there(first, stop)
        if stop - first == len(places):
            self._values[first:stop] = values
        else:
            for place, value in zip(places, values, strict=True):
                self._values[place] = value
        self._n += self._n_there(first, stop) - before

    def _n_there(self, first: int, stop: int) -> int:
        return stop - first - sum(map(is_, self._values[first:stop], repeat(MISSING)))

    def missing(self, n: int) -> array[int]:
        """Give the places, of the first n, that have no value."""
        some = self._values[:n] if len(self._values) > n else self._values
        found = array("q", (place for place, value in enumerate(some) if value is MISSING))
        found.extend(range(len(some), n))
        return found

    def whole(self, n: int) -> list[Any]:
        """Give them as a list of n, with `MISSING` where there is none: the list itself, not a copy."""
        self._values.extend(repeat(MISSING, n - len(self._values)))
        return self._values
