"""Pools in pools: every kind in every kind, the same pool in itself, several threads, three floors."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import Failure
from pathos_nb.events import InnerTold
from tests.contract.calls import picky, same, square
from tests.faults.nests import (
    by_thread,
    default_place,
    inner_failure,
    inner_keep,
    inner_killer,
    inner_left_open,
    inner_map,
    inner_naps,
    inner_sleep,
    many_calls,
    map_then_die,
    three_floors,
    told_items,
)
from tests.rig.census import Census
from tests.rig.launchers import apart, not_serial, params, together
from tests.rig.sampling import daily

pytestmark = pytest.mark.timeout(90)


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


# Who is on the third floor knows no cluster of dask's: the client, or its address, is the notebook's.
@pytest.mark.parametrize("kind", [param for param in params() if param.values[0] not in ("agent", "dask")])
def test_three_floors(launcher: str, kind: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        assert pool.map(three_floors, [kind] * 2, [2] * 2, [1, 10]) == [4, 40]
    before.check()


@not_serial
@pytest.mark.parametrize(("cores", "place"), [(2, "serial"), (6, "processes")])
def test_inside_a_worker_the_default_pool_has_its_share_of_the_cores(
    launcher: str, cores: int, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers: of two cores each has one, which is busy with the item; of six each has three."""
    if launcher == "agent":
        pytest.skip("a host counts its own cores")
    monkeypatch.setenv("PATHOS_NB_CORES", str(cores))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with Pool(launcher, nodes=2) as pool:
        found = pool.map(default_place, range(2))
    assert found == [((place,), cores // 2, "1")] * 2


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


class Crossed:
    """Two pools of one thread each that map on each other, deeper than there are threads."""

    def __init__(self, first: Pool, second: Pool) -> None:
        self.pools = first, second

    def __call__(self, depth: int) -> int:
        return 1 if not depth else sum(self.pools[depth % 2].map(self, [depth - 1] * 2))


@pytest.mark.parametrize("kinds", ["threads threads", "threads serial", "serial threads"])
def test_pools_that_map_on_each_other_never_wait_for_themselves(kinds: str) -> None:
    one, other = kinds.split()
    with Pool(one, nodes=1) as first, Pool(other, nodes=1) as second:
        assert Crossed(first, second)(5) == 32


def test_a_pool_of_processes_in_itself_multiplies_no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHOS_NB_CORES", "4")
    with Pool("processes", nodes=2) as pool:

        def tree(depth: int) -> int:
            return pool.nodes if not depth else sum(pool.map(tree, [depth - 1] * 2))

        assert pool.map(tree, [4]) == [16]  # two of two on the floor below, then each by itself
        assert pool.map(lambda _: (pool.nodes, pool.places), [0]) == [(2, ("processes",))]


@not_serial
def test_inner_maps_stand_under_their_outer_item(launcher: str) -> None:
    with Pool(launcher, nodes=2) as pool:
        run = pool.start(told_items, ["processes", "threads"], [3, 2])
        assert run.result() == [1, 0]
    assert {
        index: [(each.title, each.n_done, each.total, each.state) for each in row] for index, row in run.inner.items()
    } == {
        0: [("print", 2, 2, "done"), ("the middle", 3, 3, "done")],
        1: [("print", 2, 2, "done"), ("the middle", 2, 2, "done")],
    }
    middle = run.inner[0][1]
    assert sorted(index for chunk in middle.chunks for index in chunk.indices) == [0, 1, 2]
    assert all(run.started_at - 1 < chunk.started <= chunk.ends[-1] for chunk in middle.chunks)
    assert {worker.partition("-")[0] for worker in middle.workers} == {"processes"}
    assert [(leaves.title, leaves.n_done) for leaves in middle.inner[2]] == [("the leaves", 2)]
    printed = {index: text for chunk in run.chunks for index, text in chunk.output}
    assert sorted(printed) == [0, 1]
    assert sorted(printed[0].split()) == ["in", "side"]


@not_serial
def test_how_far_inner_maps_are_is_told_while_the_item_runs(pool: Any, launcher: str) -> None:
    if launcher == "ppft":
        pytest.skip("a ppft server says nothing before the item is over")
    told = threading.Event()
    run = pool.start(inner_naps, ["threads"])
    run.subscribe(lambda event: told.set() if isinstance(event, InnerTold) else None)
    waiter = threading.Thread(target=run.wait)
    waiter.start()
    assert told.wait(30)
    assert not run.n_done
    found = run.inner[0][0]
    assert (found.total, found.is_over) == (1000, False)
    run.cancel()
    waiter.join(30)
    assert found.state in ("lost", "cancelled")


def test_very_many_inner_maps_are_told_together(pool: Any) -> None:
    run = pool.start(many_calls, [200])
    assert run.result() == [200]
    assert len(run.inner[0]) == 65
    assert sum(each.n_done for each in run.inner[0]) == 200


@apart
@pytest.mark.parametrize("kind", ["processes", "threads"])
def test_cancelling_reaches_inner_workers(launcher: str, kind: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        run = pool.start(inner_naps, [kind] * 2)
        began = threading.Event()
        run.subscribe(lambda event: began.set())
        began.wait(1)
        run.cancel()
        assert run.wait(30)
        assert pool.map(abs, [-1, 2]) == [1, 2]
    before.check()


@together
def test_threads_of_blas_are_shared_by_workers_that_are_threads(launcher: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("numpy")
    info = pytest.importorskip("threadpoolctl").threadpool_info
    monkeypatch.setenv("PATHOS_NB_CORES", "2")
    before = [each["num_threads"] for each in info()]
    with Pool(launcher, nodes=2 if launcher == "threads" else 1) as pool:
        (inside,) = pool.map(lambda _: [each["num_threads"] for each in info()], [0])
    assert inside == ([min(n, 1) for n in before] if launcher == "threads" else before)
    assert [each["num_threads"] for each in info()] == before


@daily("processes")
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


@apart
def test_an_inner_pool_past_its_timeout_is_stopped_with_its_workers(launcher: str) -> None:
    from pathos_nb.errors import ItemTimeout

    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        ys = pool.map(inner_sleep, range(2), timeout=0.5, on_error="keep")
        assert [type(y.error) for y in ys] == [ItemTimeout] * 2
        assert pool.map(abs, [-1, 2]) == [1, 2]
    before.check()
