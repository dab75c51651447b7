"""Which input may go in large pieces before anything of it is measured."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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
