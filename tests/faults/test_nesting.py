"""Pools in pools: every kind in every kind, the same pool in itself, several threads, three floors."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import Failure
from tests.contract.calls import picky, same, square
from tests.rig.census import Census
from tests.rig.launchers import apart, not_serial, params

pytestmark = pytest.mark.timeout(90)


def inner_map(kind: str, n: int) -> list[int]:
    with Pool(kind, nodes=2) as pool:
        return list(pool.map(square, range(n)))


def inner_failure(kind: str, n: int) -> Any:
    with Pool(kind, nodes=2) as pool:
        return pool.map(picky, range(n))


def inner_keep(kind: str, n: int) -> list[bool]:
    with Pool(kind, nodes=2) as pool:
        return [isinstance(y, Failure) for y in pool.map(picky, range(n), on_error="keep")]


def inner_left_open(kind: str, n: int) -> int:
    pool = Pool(kind, nodes=1)
    return sum(pool.map(square, range(n)))


def default_place(_: int) -> tuple[str, ...]:
    with Pool() as pool:
        return tuple(pool.places)


def three_floors(kind: str, depth: int, n: int) -> int:
    if not depth:
        return n
    with Pool(kind, nodes=2) as pool:
        return sum(pool.map(three_floors, [kind] * 2, [depth - 1] * 2, [n] * 2))


# A host's name is known where its pool is made, and not on the host.
inner = pytest.mark.parametrize("kind", [param for param in params() if param.values[0] != "agent"])


@inner
def test_every_kind_in_every_kind(pool: Any, kind: str) -> None:
    assert pool.map(inner_map, [kind] * 4, [1, 5, 20, 3]) == [[x * x for x in range(n)] for n in (1, 5, 20, 3)]


@inner
def test_an_inner_failure_comes_out_as_itself(pool: Any, launcher: str, kind: str) -> None:
    with pytest.raises(ValueError, match="no 1"):
        pool.map(inner_failure, [kind] * 2, [1, 3])
    assert pool.map(inner_keep, [kind], [3]) == [[False, True, False]]


@inner
def test_an_inner_pool_that_nobody_closes_is_closed(pool: Any, kind: str) -> None:
    assert pool.map(inner_left_open, [kind] * 3, [3, 4, 5]) == [5, 14, 30]


@inner
def test_three_floors(launcher: str, kind: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        assert pool.map(three_floors, [kind] * 2, [2] * 2, [1, 10]) == [4, 40]
    before.check()


@not_serial
def test_inside_a_worker_the_default_pool_is_serial(pool: Any, launcher: str) -> None:
    assert set(pool.map(default_place, range(3))) == {("serial",)}


def test_a_pool_in_itself(pool: Any, launcher: str) -> None:
    assert pool.map(lambda n: sum(pool.map(square, range(n))), range(6)) == [0, 0, 1, 5, 14, 30]


def test_a_pool_in_itself_twice_and_by_every_kind(pool: Any, launcher: str) -> None:

    def item(n: int) -> list[Any]:
        with pool.imap(same, range(n)) as ys:
            lazy = list(ys)
        return [lazy, pool.pipe(same, n), pool.amap(same, range(n)).get(30), sorted(pool.uimap(same, range(n)))]

    def outer(n: int) -> Any:
        return pool.map(item, [n, n])

    assert pool.map(outer, [2, 3, 4]) == [[[list(range(n)), n, list(range(n)), list(range(n))]] * 2 for n in (2, 3, 4)]


def test_a_pool_in_itself_whose_inner_item_fails(pool: Any, launcher: str) -> None:
    with pytest.raises(ValueError, match="no 1"):
        pool.map(lambda n: pool.map(picky, range(n)), [1, 2, 3])


def test_threads_of_an_item_may_map_on_a_pool_of_their_own(pool: Any) -> None:
    assert pool.map(by_thread, [3, 4]) == [[0, 1, 4], [0, 1, 4, 9]]


def by_thread(n: int) -> list[int]:
    answer: list[int] = []
    thread = threading.Thread(target=lambda: answer.extend(inner_map("threads", n)))
    thread.start()
    thread.join()
    return answer


def inner_killer(kind: str) -> list[bool]:
    from tests.faults.acts import Trap

    with Pool(kind, nodes=2) as pool:
        return [isinstance(y, Failure) for y in pool.map(Trap("os_exits"), range(5), on_error="keep", retries=0)]


def test_a_killer_in_an_inner_pool_kills_the_inner_worker_only(pool: Any) -> None:
    assert pool.map(inner_killer, ["processes"] * 2) == [[False, False, False, True, False]] * 2


@apart
def test_a_worker_that_is_killed_takes_its_inner_pool_with_it(launcher: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        ys = pool.map(map_then_die, range(3), on_error="keep", retries=0)
        assert [isinstance(y, Failure) for y in ys] == [True] * 3
        before_close = pool.map(abs, [-1, 2])
    assert before_close == [1, 2]
    before.check()


def map_then_die(_: int) -> None:
    import os

    pool = Pool("processes", nodes=2)
    pool.map(square, range(5))
    os._exit(3)


@apart
def test_an_inner_pool_past_its_timeout_is_stopped_with_its_workers(launcher: str) -> None:
    from pathos_nb.errors import ItemTimeout

    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        ys = pool.map(inner_sleep, range(2), timeout=0.5, on_error="keep")
        assert [type(y.error) for y in ys] == [ItemTimeout] * 2
        assert pool.map(abs, [-1, 2]) == [1, 2]
    before.check()


def inner_sleep(_: int) -> None:
    import time

    with Pool("processes", nodes=2) as pool:
        pool.map(time.sleep, [30, 30])
