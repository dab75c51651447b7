"""The end of a map over unlike workers, by slots that answer when they are told to: nobody waits for the slow one."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.dispatch.tail import Tail, n_taken

FAST_S, SLOW_S = 0.01, 0.1


class Scene:
    """Two seats, a run of which so much is left, and a hub whose timers go off by hand."""

    def __init__(self) -> None:
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.n_fed = 0
        self.fast, self.slow = (SimpleNamespace(in_flight={}, slot=_slot()) for _ in range(2))
        crew: Any = SimpleNamespace(seats=[self.fast, self.slow])
        options = SimpleNamespace(n_workers=None)
        item_s = {id(self.fast): FAST_S, id(self.slow): SLOW_S}
        self.run: Any = SimpleNamespace(leaving={}, timers=[], item_s=item_s, options=options, is_choosy=False)
        self.runs = [self.run]
        self.tail = Tail(crew, self.runs, self, self._feed)  # type: ignore[arg-type]

    def _feed(self) -> None:
        self.n_fed += 1

    def call_later(self, delay_s: float, call: Callable[[], None]) -> object:
        self.timers.append((delay_s, call))
        return call

    def leaves(self, seat: Any, left: int) -> bool:
        speed = 1 / FAST_S + 1 / SLOW_S
        return self.tail.leaves(self.run, seat, left, 1 / self.run.item_s[id(seat)] / speed)


def _slot(latency_s: float = 0.0) -> Any:
    return SimpleNamespace(latency_s=latency_s, running=lambda: None)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_the_slow_one_works_while_there_is_much_and_leaves_the_last_items(scene: Scene):
    assert [scene.leaves(scene.slow, left) for left in (100, 20, 5)] == [False, False, True]
    assert not scene.leaves(scene.fast, 5)


def test_it_is_waited_for_no_longer_than_the_item_would_have_taken(scene: Scene):
    assert scene.leaves(scene.slow, 5)
    [(delay_s, go_off)] = scene.timers
    assert delay_s == SLOW_S
    go_off()
    assert scene.n_fed == 1
    assert not scene.leaves(scene.slow, 5), "the others are late"
    assert not scene.leaves(scene.slow, 100)
    assert scene.leaves(scene.slow, 5), "there was more to do meanwhile: a new promise"


def test_what_a_seat_has_before_it_counts(scene: Scene):
    scene.fast.in_flight = {1: SimpleNamespace(limit=8)}
    assert not scene.leaves(scene.slow, 5)
    scene.slow.in_flight = {1: SimpleNamespace(limit=1)}
    assert scene.leaves(scene.slow, 5)


def test_where_not_everybody_is_there_for_a_run_nothing_is_left_to_others(scene: Scene):
    scene.run.is_choosy = True
    assert not scene.leaves(scene.slow, 1)
    scene.run.is_choosy = False
    scene.runs.append(scene.run)
    assert not scene.leaves(scene.slow, 1)


def test_a_slow_one_takes_over_little_and_a_fast_one_much(scene: Scene):
    assert n_taken(scene.run, scene.slow, scene.fast, 11) == 1
    assert n_taken(scene.run, scene.fast, scene.slow, 11) == 10
    assert n_taken(scene.run, scene.slow, scene.fast, 2) == 0
    scene.fast.slot.latency_s = 1.0
    assert n_taken(scene.run, scene.fast, scene.slow, 5) == 0, "the trip takes longer than the items"
    scene.run.item_s.clear()
    assert n_taken(scene.run, scene.slow, scene.fast, 11) == 6
