"""Some of the points of a map: the others have their values already."""

from __future__ import annotations

from collections.abc import Sequence

from pathos_nb.typed import Any

__all__ = ["ChosenRows"]


class ChosenRows:
    """Argument tuples, of which only some are to be run, each at its place among all.

    Parameters
    ----------
    rows : sequence of tuple
        All.
    chosen : sequence of int
        The places of those that are to be run, in order.
    """

    def __init__(self, rows: Sequence[Any], chosen: Sequence[int]) -> None:
        self.rows, self.chosen = rows, chosen

    def __len__(self) -> int:
        return len(self.chosen)

    def __iter__(self) -> Any:
        return (self.rows[index] for index in self.chosen)
