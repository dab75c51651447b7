"""`imap` and `uimap` pull their input inside a bounded window, give results as they come, and can be left at any point."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.calls import picky, same, square, wait_for
from tests.rig.census import until
from tests.rig.launchers import not_serial

pytestmark = pytest.mark.timeout(60)
lazy = pytest.mark.parametrize("kind", ["imap", "uimap"])
N_WORKERS, PER_WORKER = 2, 16


class Counted:
    """An endless input that counts what is pulled of it."""

    def __init__(self, first: Any = None) -> None:
        self.n_pulled = 0
        self._first = [] if first is None else [first]

    def __iter__(self) -> Iterator[Any]:
        for x in itertools.chain(self._first, itertools.count()):
            self.n_pulled += 1
            yield x


@lazy
def test_one_next_pulls_at_most_sixteen_items_a_worker(pool: Any, kind: str) -> None:
    xs = Counted()
    with getattr(pool, kind)(square, xs) as ys:
        assert next(ys) in [square(x) for x in range(N_WORKERS * PER_WORKER)]
        assert xs.n_pulled <= N_WORKERS * PER_WORKER


def test_nothing_is_pulled_from_an_input_by_itself_after_the_iterator_is_closed(pool: Any) -> None:
    xs = Counted()
    ys = pool.imap(square, xs)
    assert [next(ys) for _ in range(5)] == [0, 1, 4, 9, 16]
    ys.close()
    n_pulled = xs.n_pulled
    assert pool.map(square, range(100)) == [x * x for x in range(100)]
    assert xs.n_pulled == n_pulled
    assert list(ys) == []


def hold(x: Any) -> Any:
    return wait_for(x) if isinstance(x, str) else x


@not_serial
def test_a_slow_first_item_holds_back_the_input(pool: Any, tmp_path: Path, launcher: str) -> None:
    gate = tmp_path / "gate"
    xs = Counted(str(gate))
    opener = threading.Timer(0.3, gate.touch)
    opener.start()
    with pool.imap(hold, xs) as ys:
        next(ys)
        n_pulled = xs.n_pulled
    opener.join()
    assert n_pulled <= N_WORKERS * PER_WORKER


@not_serial
def test_unordered_results_do_not_wait_for_a_slow_first_item(pool: Any, tmp_path: Path, launcher: str) -> None:
    gate = tmp_path / "gate"
    with pool.uimap(hold, [str(gate), 1, 2, 3]) as ys:
        assert sorted(next(ys) for _ in range(3)) == [1, 2, 3]
        gate.touch()
        assert next(ys) == str(gate)


@lazy
def test_a_consumer_that_stops_taking_stops_the_input(pool: Any, kind: str) -> None:
    xs = Counted()
    with getattr(pool, kind)(same, xs, chunksize=4) as ys:
        for _ in range(20):
            next(ys)
        until(lambda: xs.n_pulled > 20 + N_WORKERS * PER_WORKER + 16, within_s=0.2)
        assert xs.n_pulled <= 20 + N_WORKERS * PER_WORKER + 16


@lazy
def test_a_map_goes_on_after_the_item_that_raised(pool: Any, kind: str) -> None:
    ys, got, raised = getattr(pool, kind)(picky, range(6)), [], []
    while True:
        try:
            got.append(next(ys))
        except StopIteration:
            break
        except ValueError as error:
            raised.append(str(error))
    assert (sorted(got), sorted(raised)) == ([0, 2, 3, 5], ["no 1", "no 4"])
    assert kind == "uimap" or got == [0, 2, 3, 5]


@lazy
def test_a_dropped_iterator_costs_the_next_map_nothing(pool: Any, kind: str, tmp_path: Path) -> None:
    for _ in range(3):
        next(getattr(pool, kind)(same, itertools.count()))
    assert pool.map(abs, [-1, 2]) == [1, 2]


def test_an_iterator_is_an_iterator(pool: Any) -> None:
    ys = pool.imap(square, range(3))
    assert iter(ys) is ys
    assert list(ys) == [0, 1, 4]
    with pytest.raises(StopIteration):
        next(ys)
    ys.close()
    ys.close()


def test_two_lazy_maps_run_side_by_side(pool: Any) -> None:
    a, b = pool.imap(square, itertools.count()), pool.imap(same, itertools.count())
    assert [next(a) + next(b) for _ in range(200)] == [x * x + x for x in range(200)]
    a.close()
    b.close()


def test_a_lazy_map_feeds_another(pool: Any) -> None:
    with pool.imap(square, itertools.count()) as squares, pool.imap(same, squares) as ys:
        assert list(itertools.islice(ys, 50)) == [x * x for x in range(50)]


def test_an_input_is_pulled_in_one_thread_at_a_time(pool: Any) -> None:
    inside, clashes = threading.Lock(), []

    def xs() -> Iterator[int]:
        for x in range(300):
            clashes.append(1) if not inside.acquire(blocking=False) else inside.release()
            yield x

    assert list(pool.imap(same, xs())) == list(range(300))
    assert not clashes
