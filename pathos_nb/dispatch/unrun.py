"""Items that were not run: a `Failure` stands at the place of each, made when somebody looks there.

A sweep of ten million points that is cut short half-way would else take five gigabytes for what it has not done.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pathos_nb.dispatch.keepers import MISSING, not_run
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.typed import Any

__all__ = ["Seen", "is_unrun"]

_MOST_MADE = 1000  # so many stay the same object each time one looks


def is_unrun(value: Any) -> bool:
    """Whether a value is what `not_run` makes, and no failure of an item that was begun."""
    return isinstance(value, Failure) and isinstance(value.error, Cancelled) and not value.attempt and not value.worker


class Seen(Sequence[Any]):
    """The values of a run, in order, with a `Failure` where there is none; a view, which copies nothing.

    Parameters
    ----------
    values : sequence
        With `MISSING` where none has come; what lies beyond its end has not come either.
    n : int
        How many there are in all.
    failed : mapping, optional
        Index to `Failure`, of those that are not among the values.
    is_over : bool
        Whether nothing more will come.
    """

    def __init__(
        self, values: Sequence[Any], n: int, failed: Mapping[int, Failure] | None = None, is_over: bool = True
    ) -> None:
        self._values, self._n, self._failed, self._is_over = values, n, failed or {}, is_over
        self._made: dict[int, Failure] = {}

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: Any) -> Any:  # which of the two it is takes `overload`, and that `typing`
        """Give one, or some as a list."""
        if isinstance(index, slice):
            return [self._at(place) for place in range(self._n)[index]]
        return self._at(range(self._n)[index])

    def __iter__(self) -> Iterator[Any]:
        return map(self._at, range(self._n))

    def _at(self, place: int) -> Any:
        if place in self._failed:
            return self._failed[place]
        value = self._values[place] if place < len(self._values) else MISSING
        return self._unrun(place) if value is MISSING else value

    def _unrun(self, place: int) -> Failure:
        found = self._made.get(place)
        if found is None:
            found = not_run(place, self._is_over)
            if len(self._made) < _MOST_MADE:
                self._made[place] = found
        return found
