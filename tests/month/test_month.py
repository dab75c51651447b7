"""Some minutes of the month, every day; and that what it is there to find would be found."""

from __future__ import annotations

import re

import pytest

from tests.month import month
from tests.month.month import Month
from tests.month.use import Held

pytestmark = pytest.mark.timeout(180)


@pytest.mark.leaves("files")  # the loop that jupyter_client makes for a kernel's end, and keeps
def test_some_minutes_of_a_month() -> None:
    with Month(seed=3) as lived:
        figures = lived.live(maps=400, pools=4, interrupts=3, restarts=1)
    assert figures.broken == []
    assert (figures.n_maps, figures.n_pools, figures.n_interrupts, figures.n_restarts) == (400, 4, 3, 1)
    assert figures.n_left == 0 and max(figures.more_files, figures.more_threads, figures.more_children) <= 0


class Leaking(Month):
    """One whose kernel holds more each time that it is looked at."""

    n_looks = 0

    def _ask(self, code: str) -> None:  # type: ignore[override]
        pass

    def _interrupted(self) -> bool:
        return True

    def _held(self) -> Held:
        self.n_looks += 1
        return Held(10_000_000 * self.n_looks, 10 + self.n_looks, 5, 3)


def test_what_grows_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(month, "_END_S", 0.0)
    with Leaking() as lived:
        figures = lived.live(maps=100, pools=1, interrupts=0, restarts=0)
    assert [re.sub(r"\d+", "N", told) for told in figures.broken] == [
        "memory grows by N bytes a map", "N descriptors more than at the beginning",
    ]  # fmt: skip
