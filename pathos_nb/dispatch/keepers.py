"""Where a run's values wait for whoever wants them: a list for maps, a bounded stream for iterators."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from itertools import repeat
from operator import is_

from pathos_nb.dispatch.deliveries import CallbackKeeper
from pathos_nb.errors import Cancelled, Failure, NotYet
from pathos_nb.typed import Any


class Missing:
    """Stands where no value has come yet."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "<no value yet>"

    def __reduce__(self) -> str:
        return "MISSING"  # also in a file there is but one


MISSING = Missing()


def not_run(index: int, is_over: bool = True, error: BaseException | None = None) -> Failure:
    """Give what stands for an item without a value.

    Parameters
    ----------
    index : int
        Which.
    is_over : bool
        Whether nothing more will come.
    error : BaseException, optional
        Why it was not run, if that is known.

    Returns
    -------
    Failure
    """
    if error is None:
        error = Cancelled("the item was not run", index=index) if is_over else NotYet("the run goes on", index=index)
    return Failure(index, error, attempt=0)


class ListKeeper:
    """Keeps every value at its place.

    Parameters
    ----------
    total : int or None
        How many there will be, if known.
    """

    def __init__(self, total: int | None) -> None:
        self.values: list[Any] = [MISSING] * (total or 0)

    def place(self, indices: Sequence[int], values: list[Any], contested: bool = False) -> None:
        """Put values at their indices."""
        kept = self.values
        if indices[-1] >= len(kept):
            kept.extend([MISSING] * (indices[-1] + 1 - len(kept)))
        if isinstance(indices, range) and indices.step == 1:
            kept[indices.start : indices.stop] = values
            return
        for index, value in zip(indices, values, strict=True):
            kept[index] = value

    def has(self, index: int) -> bool:
        """Whether that value has come."""
        return index < len(self.values) and self.values[index] is not MISSING

    def lacks(self, indices: Sequence[int]) -> bool:
        """Whether none of these values has come."""
        if isinstance(indices, range) and indices.step == 1:
            return all(map(is_, self.values[indices.start : indices.stop], repeat(MISSING)))
        return not any(map(self.has, indices))


class StreamKeeper:
    """Keeps values until they are taken, in order or as they come.

    Parameters
    ----------
    ordered : bool
        Whether they are taken in the order of the input.
    """

    def __init__(self, ordered: bool) -> None:
        self.ordered, self.n_given, self.is_unbounded = ordered, 0, False
        self._by_index: dict[int, Any] = {}
        self._came: deque[tuple[int, Any]] = deque()
        self._seen: set[int] = set()

    def place(self, indices: Sequence[int], values: list[Any], contested: bool = False) -> None:
        """Take values in; contested ones may be offered again."""
        if contested and not self.ordered:
            self._seen.update(indices)
        if self.ordered:
            self._by_index.update(zip(indices, values, strict=True))
        else:
            self._came.extend(zip(indices, values, strict=True))

    def has(self, index: int) -> bool:
        """Whether that value has come; asked only of chunks that were sent twice."""
        if self.ordered:
            return index < self.n_given or index in self._by_index
        return index in self._seen

    def lacks(self, indices: Sequence[int]) -> bool:
        """Whether none of these values has come."""
        return not any(map(self.has, indices))

    def take(self) -> tuple[int, Any]:
        """Give the next (index, value); the value is `MISSING` if it has not come."""
        if self.ordered:
            index = self.n_given
            value = self._by_index.pop(index, MISSING)
        else:
            index, value = self._came.popleft() if self._came else (-1, MISSING)
        if value is not MISSING:
            self.n_given += 1
        return index, value

    @property
    def has_next(self) -> bool:
        """Whether a value can be taken now."""
        return self.n_given in self._by_index if self.ordered else bool(self._came)

    def room(self, n_taken_from_source: int, window: int) -> int:
        """How many more items may be taken from the source."""
        return 1 << 60 if self.is_unbounded else window - (n_taken_from_source - self.n_given)


Keeper = ListKeeper | StreamKeeper | CallbackKeeper
