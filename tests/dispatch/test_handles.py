"""The iterator over results, against a run that ends just between two looks."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.dispatch.handles import ResultIterator
from pathos_nb.dispatch.keepers import MISSING, StreamKeeper


class Late(StreamKeeper):
    """Another thread places the value, and ends the run, right after somebody has looked for it a second time."""

    def __init__(self, ordered: bool, run: Any) -> None:
        super().__init__(ordered)
        self.run, self.n_looks = run, 0

    def take(self) -> tuple[int, Any]:
        found = super().take()
        self.n_looks += 1
        if self.n_looks == 2:
            assert found[1] is MISSING
            self.place(range(1), ["the value"])
            self.run.is_over = True
        return found


def attend(is_done: Callable[[], bool], timeout_s: float | None, owner: Any) -> bool:
    return any(is_done() for _ in range(10))


@pytest.mark.parametrize("ordered", [True, False])
def test_a_value_that_comes_with_the_end_is_given(ordered: bool) -> None:
    run = SimpleNamespace(
        is_over=False, failures={}, error=None, state="done", options=SimpleNamespace(on_error="raise"),
        source=SimpleNamespace(error=None), flush_output=lambda: None,
    )  # fmt: skip
    run.keeper = Late(ordered, run)
    feeder = SimpleNamespace(window=lambda run: 100)
    dispatcher: Any = SimpleNamespace(attend=attend, feed=lambda: None, feeder=feeder, drop=lambda run: None)
    assert list(ResultIterator(run, dispatcher)) == ["the value"]
