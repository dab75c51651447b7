"""`share` and `rng` as an item sees them, on every launcher."""

from __future__ import annotations

import functools
import gc
import os
import random
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb import Pool, share
from pathos_nb.errors import CannotSend, PathosNbError, ShareClosed
from tests.shared_calls import at, draw, memory_of_shares, nested

np = pytest.importorskip("numpy")

PLACES = ["serial", "threads", "processes"]


@pytest.fixture(params=PLACES)
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param, nodes=1 if request.param == "serial" else 2) as pool:
        yield pool


def test_an_item_reads_what_was_shared(pool: Pool) -> None:
    with share(np.arange(1000.0)) as handle:
        assert pool.map(functools.partial(at, handle), range(1000)) == [float(i) for i in range(1000)]
        assert pool.map(at, [handle] * 10, range(10)) == [float(i) for i in range(10)]
        assert pool.map(lambda i: at(handle, i), range(10)) == [float(i) for i in range(10)]


def test_it_is_one_memory_for_all_items(pool: Pool) -> None:
    with share(np.zeros(1_000_000)) as handle:
        writeable = pool.map(lambda i: handle.value.flags.writeable, range(20))
        assert not any(writeable)


def test_values_of_the_notebook_are_shared_by_value(pool: Pool) -> None:
    class Model:
        def __init__(self, weights: Any) -> None:
            self.weights = weights

        def predict(self, x: float) -> float:
            return float(self.weights.sum() * x)

    with share(Model(np.ones(10))) as model:
        assert pool.map(lambda x: model.value.predict(x), range(5)) == [0.0, 10.0, 20.0, 30.0, 40.0]


def test_each_item_may_bring_its_own_which_lives_until_it_is_done(pool: Pool) -> None:
    handles = (share(np.full(10, float(i))) for i in range(100))
    assert list(pool.imap(at, handles, [3] * 100)) == [float(i) for i in range(100)]
    gc.collect()
    assert memory_of_shares() == 0


def test_workers_let_go_of_it_when_the_run_is_over(pool: Pool) -> None:
    with share(np.zeros(100_000)) as handle:
        assert sum(pool.map(at, [handle] * 50, range(50))) == 0
        if pool.places == ("processes",):
            assert pool.each(memory_of_shares) == [0, 0]


def test_an_item_after_the_owner_closed_it_says_so(pool: Pool) -> None:
    handle = share(np.zeros(10))
    call = functools.partial(at, handle)
    handle.close()
    with pytest.raises((ShareClosed, CannotSend), match="has been closed"):
        pool.map(call, range(3))
    assert pool.map(abs, [-1]) == [1]


def test_workers_of_workers_read_it_too(pool: Pool) -> None:
    with share(np.arange(10.0)) as handle:
        assert pool.map(functools.partial(nested, handle), range(2)) == [[0.0, 1.0], [1.0, 2.0]]


def test_a_worker_may_share_with_its_own_workers() -> None:
    def outer(n: int) -> float:
        with share(np.ones(n)) as handle, Pool("processes", nodes=1) as inner:
            return float(sum(inner.map(functools.partial(at, handle), range(n))))

    with Pool("processes", nodes=2) as pool:
        assert pool.map(outer, [3, 4]) == [3.0, 4.0]


def test_the_same_numbers_for_any_number_of_workers() -> None:
    drawn = []
    for place, nodes in [("serial", 1), ("processes", 1), ("processes", 3)]:
        with Pool(place, nodes=nodes) as pool:
            drawn += [pool.map(draw, range(30), seed=5), pool.map(draw, range(30), seed=5, chunksize=7)]
    assert all(row == drawn[0] for row in drawn)
    assert len(set(drawn[0])) == 30


def test_threads_draw_the_same_by_rng() -> None:
    with Pool("serial") as serial, Pool("threads", nodes=3) as threads:
        expected = [row[0] for row in serial.map(draw, range(30), seed=5)]
        assert [row[0] for row in threads.map(draw, range(30), seed=5)] == expected


def test_without_a_seed_there_is_no_rng(pool: Pool) -> None:
    with pytest.raises(PathosNbError, match="seed=1"):
        pool.map(draw, range(3))


def test_a_seeded_run_leaves_the_generators_as_they_were(pool: Pool) -> None:
    def unseeded(_: int) -> float:
        return random.random()

    pool.map(draw, range(4), seed=1)
    first = pool.map(unseeded, range(4))
    pool.map(draw, range(4), seed=1)
    assert not set(first) & set(pool.map(unseeded, range(4)))


def test_workers_do_not_draw_the_same_without_a_seed() -> None:
    def unseeded(_: int) -> tuple[int, float, float]:
        return os.getpid(), float(np.random.rand()), random.random()

    with Pool("processes", nodes=2) as pool:
        rows = pool.each(unseeded, 0)
    assert len({row[0] for row in rows}) == 2
    assert all(len({row[k] for row in rows}) == 2 for k in (1, 2))
