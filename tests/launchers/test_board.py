"""A worker that is held up between two of its cells is never taken for one that has begun less than it has."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Any

import pytest

from pathos_nb.launchers.board import CELLS, FINISHED, Cells, Running

N_ITEMS = 100


class Written(list[int]):
    """Cells that remember what was written, in order."""

    def __init__(self) -> None:
        super().__init__([0] * CELLS)
        self.stores: list[tuple[int, int]] = []

    def __setitem__(self, cell: Any, value: Any) -> None:
        self.stores.append((cell, value))
        super().__setitem__(cell, value)


class Moving(list[int]):
    """Cells that a worker goes on writing while they are read: so many stores before each read."""

    def __init__(self, stores: list[tuple[int, int]], n_before: tuple[int, ...]) -> None:
        super().__init__([0] * CELLS)
        self._stores, self._reads = stores, iter(n_before)
        self.n_written = 0

    def write(self, n: int) -> None:
        for cell, value in self._stores[self.n_written : n]:
            self[cell] = value
        self.n_written = max(n, self.n_written)

    def __getitem__(self, cell: Any) -> Any:
        self.write(next(self._reads))
        return super().__getitem__(cell)


def at_work(cells: Any) -> Iterator[tuple[int, int]]:
    """Run chunk 8 in blocks and chunk 9 item by item; give the number of stores after which items of 8 have begun."""
    cells.load(8)
    cells.set_width(16)
    for start in range(0, N_ITEMS, 16):
        cells.begin(8, start)
        yield len(cells.view.stores), min(start + 16, N_ITEMS)
    cells.finish(8)
    cells.load(9)
    cells.set_width(1)
    for start in range(3):
        cells.begin(9, start)


def seen() -> Iterator[tuple[Running | None, int]]:
    """Give what a pool makes of the cells, at all moments, and how many items of chunk 8 had begun before it looked."""
    cells: Any = Cells(Written())  # type: ignore[arg-type]
    begun = list(at_work(cells))
    stores = cells.view.stores
    for n_before in combinations_with_replacement(range(len(stores) + 1), 4):
        if n_before[-1] - n_before[0] <= 7:
            known = max((n for n_stores, n in begun if n_stores <= n_before[0]), default=0)
            yield Cells(Moving(stores, n_before)).running(), known  # type: ignore[arg-type]


def test_what_was_begun_before_it_is_looked_at_is_never_taken_for_what_was_not() -> None:
    n_looks = 0
    for running, n_begun in seen():
        n_looks += 1
        assert (running.n_begun(8) if running is not None else 0) >= n_begun, (running, n_begun)
    assert n_looks > 1000


@pytest.mark.parametrize(
    ("running", "n_begun"),
    [(Running(8, 32, 0.0, 16), 48), (Running(8, FINISHED, 0.0), FINISHED + 1), (Running(9, 0, 0.0), FINISHED), (Running(7, 5, 0.0), 0)],
    ids=["at it", "past its last item", "at a later one", "at an earlier one"],
)  # fmt: skip
def test_how_much_of_a_chunk_may_have_begun(running: Running, n_begun: int) -> None:
    assert running.n_begun(8) == n_begun
