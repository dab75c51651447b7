"""Which input may go in large pieces before anything of it is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from pathos_nb.dispatch.cache_lookup import CachedSource
from pathos_nb.dispatch.caches import MISSING
from pathos_nb.dispatch.source import make_source


class Sized:
    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize(
    ("column", "is_light"),
    [
        (range(10**6), True),
        ([1, 2.5, None, True, "short", b"short"], True),
        ([(1, "a"), (2, "b")], True),
        (np.arange(1000.0), True),
        (["x" * 1000], False),
        ([[1, 2]], False),
        ([Sized()], False),
        ([object()], False),
        ([((1,) * 100)], False),
        (np.zeros((10, 1000)), False),
        (iter(range(10)), False),
    ],
    ids=lambda value: type(value).__name__,
)
def test_numbers_short_texts_and_rows_of_them_are_light(column: Any, is_light: bool) -> None:
    assert make_source((column,), False).is_light() is is_light


def test_one_heavy_column_makes_all_heavy() -> None:
    assert not make_source(([1, 2], [[], []]), False).is_light()


class Taking:
    """Looks items up; while it does, another takes what is ready, as the thread that feeds workers may at any moment."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, Any]] = []
        self.source: Any = None

    def look(self, index: int, row: Any) -> Any:
        self.take(2)
        assert self.source.left != 0 and not self.source.is_exhausted, "one is being looked up"
        return f"kept {row[0]}" if index % 5 == 0 else MISSING

    def take(self, n: int) -> None:
        indices, rows = self.source.take(n)
        self.taken += zip(indices, rows, strict=True)


def test_what_is_taken_while_more_is_looked_up_keeps_its_index() -> None:
    lookup = Taking()
    lookup.source = source = CachedSource(((f"item {x}",) for x in range(100)), lookup, None)  # type: ignore[arg-type]
    found: list[tuple[int, Any]] = []
    while not source.is_exhausted:
        source.pull(source.ready + 7)
        lookup.take(3)
        found += source.take_hits()
    assert lookup.taken == [(x, (f"item {x}",)) for x in range(100) if x % 5]
    assert found == [(x, f"kept item {x}") for x in range(0, 100, 5)]
