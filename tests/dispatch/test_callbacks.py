"""Callbacks that wait for the pool that calls them, and items that wait for maps of their own pool: nobody hangs."""

from __future__ import annotations

import concurrent.futures as cf
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import EndlessWait
from pathos_nb.pools import ThreadPool

LONG_S = 60.0
PLACES = ["serial", "threads", "processes"]


class Told:
    """What callbacks found, or raised."""

    def __init__(self, n: int = 1) -> None:
        self.values: list[Any] = []
        self._left, self._over = n, threading.Event()

    def by(self, function: Any) -> Any:
        """Make a callback of it."""

        def callback(future: Any) -> None:
            try:
                self.values.append(function(future))
            except BaseException as error:
                self.values.append(error)
            self._left -= 1
            if not self._left:
                self._over.set()

        return callback

    def all(self) -> list[Any]:
        """Wait for them."""
        assert self._over.wait(LONG_S), "a callback waits in vain"
        return self.values


@contextlib.contextmanager
def submitting(place: str) -> Iterator[tuple[Any, cf.Executor]]:
    pool = Pool(place, nodes=1)
    try:
        yield pool, pool.executor()
    finally:
        pool.terminate()


@pytest.mark.parametrize("place", PLACES)
def test_a_callback_may_wait_for_a_future_of_the_same_pool(place: str) -> None:
    with submitting(place) as (_, executor):
        told = Told()
        executor.submit(pow, 2, 3).add_done_callback(
            told.by(lambda done: executor.submit(pow, done.result(), 2).result(LONG_S))
        )
        assert told.all() == [64]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("how", ["wait", "as_completed", "map", "pipe", "amap"])
def test_a_callback_may_wait_by_any_means(place: str, how: str) -> None:
    with submitting(place) as (pool, executor):
        means = {
            "wait": lambda f: len(cf.wait([executor.submit(abs, -1)], LONG_S).done),
            "as_completed": lambda f: next(cf.as_completed([executor.submit(abs, -1)], LONG_S)).result(),
            "map": lambda f: list(executor.map(abs, [-1]))[0],
            "pipe": lambda f: pool.pipe(abs, -1),
            "amap": lambda f: pool.amap(abs, [-1]).get(LONG_S)[0],
        }
        told = Told()
        executor.submit(abs, 0).add_done_callback(told.by(means[how]))
        assert told.all() == [1]


@pytest.mark.parametrize("place", PLACES)
def test_callbacks_may_wait_inside_of_each_other_and_all_at_the_same_time(place: str) -> None:
    with submitting(place) as (_, executor):
        told = Told(6)

        def deeper(left: int) -> Any:
            def callback(done: cf.Future[int]) -> int:
                more = executor.submit(pow, 2, left)
                if left:
                    more.add_done_callback(told.by(deeper(left - 1)))
                return more.result(LONG_S)

            return callback

        for _ in range(2):
            executor.submit(abs, 0).add_done_callback(told.by(deeper(2)))
        assert sorted(told.all()) == [1, 1, 2, 2, 4, 4]


def test_a_long_chain_of_callbacks_does_not_pile_up_on_the_serial_launcher() -> None:
    with submitting("serial") as (_, executor):
        told, n = Told(), 3_000

        def more(done: cf.Future[int]) -> None:
            if done.result() < n:
                executor.submit(int, done.result() + 1).add_done_callback(more)
            else:
                told.by(lambda done: done.result())(done)

        executor.submit(int, 0).add_done_callback(more)
        assert told.all() == [n]


@pytest.mark.parametrize("place", PLACES)
def test_a_callback_may_close_the_pool_and_another_one_that_raises_stops_nobody(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    with submitting(place) as (pool, executor):
        told = Told()
        first = executor.submit(abs, -1)
        first.add_done_callback(lambda done: 1 // 0)
        first.add_done_callback(told.by(lambda done: pool.close()))
        assert told.all() == [None]
        assert pool.state == "closed"
    assert "ZeroDivisionError" in caplog.text


def test_an_executor_that_is_shut_down_has_called_its_callbacks() -> None:
    begun, go = threading.Event(), threading.Event()
    with submitting("threads") as (_, executor):
        executor.submit(abs, -1).add_done_callback(lambda done: begun.set() or go.wait(LONG_S))
        assert begun.wait(LONG_S)
        closer = threading.Thread(target=executor.shutdown)
        closer.start()
        closer.join(0.1)
        assert closer.is_alive(), "a callback is still at work"
        go.set()
        closer.join(LONG_S)
        assert not closer.is_alive()


def test_who_looks_after_callbacks_ends_with_the_pool() -> None:
    before = set(threading.enumerate())
    with submitting("threads") as (_, executor):
        told = Told()
        executor.submit(abs, -1).add_done_callback(told.by(lambda done: executor.submit(abs, -2).result(LONG_S)))
        assert told.all() == [2]
        names = {thread.name for thread in set(threading.enumerate()) - before}
        assert {"pathos_nb steward", "pathos_nb lookout"} <= names
    for thread in set(threading.enumerate()) - before:
        thread.join(LONG_S)
        assert not thread.is_alive(), thread


def test_a_callback_of_a_pathos_pool_may_ask_for_its_own_result() -> None:
    told, given = Told(), threading.Event()
    pool = ThreadPool(1, id="callbacks")
    try:

        def ask(value: Any) -> Any:
            assert given.wait(LONG_S)
            return value, result.ready(), result.get(LONG_S)

        result = pool.amap(abs, [-1], callback=told.by(ask))
        given.set()
        assert told.all() == [([1], True, [1])]
        assert result.get(LONG_S) == [1]
    finally:
        pool.terminate()
        pool.clear()


# ------------------------------------------------------------------------------------- items that wait for their pool


def test_an_item_on_serial_that_asks_for_a_value_of_an_iterator_of_its_pool_is_told_so() -> None:
    with Pool("serial") as pool:
        values, taken = pool.imap(abs, range(100)), []  # short ones run a few ahead
        with pytest.raises(EndlessWait, match="the only worker of the pool waits for maps of this very pool"):
            pool.map(lambda x: [taken.append(next(values)) for _ in range(100)], [0])
        assert [*taken, *values] == list(range(100))


def test_items_in_threads_that_all_wait_for_their_own_pool_are_told_so() -> None:
    both, go = threading.Barrier(2), threading.Event()

    def ask(x: int) -> str:
        both.wait(LONG_S)
        assert go.wait(LONG_S)
        try:
            return handle.get()[0]
        except EndlessWait as error:
            return str(error)

    with Pool("threads", nodes=2) as pool:
        asked = pool.amap(ask, [0, 1], chunksize=1)
        handle = pool.amap(abs, [-1])
        go.set()
        answers = asked.get(LONG_S)
        assert any("all 2 workers of the pool wait for maps of this very pool" in str(each) for each in answers)
        assert all(each == 1 or "none is left for abs" in str(each) for each in answers)
        assert handle.get(LONG_S) == [1]


def test_an_item_may_wait_for_its_own_pool_where_another_worker_is_left() -> None:
    with Pool("threads", nodes=2) as pool:
        handles: list[Any] = []
        given = threading.Event()

        def ask(x: int) -> Any:
            assert given.wait(LONG_S)
            return handles[0].get()[0]

        asked = pool.amap(ask, [0])
        handles.append(pool.amap(abs, [-1]))
        given.set()
        assert asked.get(LONG_S) == [1]
