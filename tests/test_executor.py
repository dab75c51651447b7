"""`pool.executor()`: what `concurrent.futures` promises, on every launcher."""

from __future__ import annotations

import asyncio
import concurrent.futures as cf
import functools
import os
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.executor import PoolExecutor
from pathos_nb.errors import BadOption, Failure, PoolClosed, RemoteTraceback, WorkerLost
from tests.executed import LIMIT_S, Odd, open_gate, raise_odd, touch, wait_for

PLACES = ["serial", "threads", "processes"]
SIDE_BY_SIDE = PLACES[1:]


def warm(pool: Pool) -> Pool:
    """Have the workers and threads of a pool started, which stay until it closes."""
    pool.each(abs, 1)
    pool.amap(abs, [1]).get(LIMIT_S)
    return pool


@pytest.fixture(scope="module", params=PLACES)
def any_pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param, nodes=1 if request.param == "serial" else 2) as pool:
        yield warm(pool)


@pytest.fixture
def any_executor(any_pool: Pool) -> Iterator[cf.Executor]:
    with any_pool.executor() as executor:
        yield executor


@pytest.fixture(scope="module", params=SIDE_BY_SIDE)
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    with Pool(request.param, nodes=2) as pool:
        yield warm(pool)


@pytest.fixture
def executor(pool: Pool) -> Iterator[cf.Executor]:
    with pool.executor() as executor:
        yield executor


@pytest.fixture
def gate(tmp_path) -> Iterator[functools.partial[bool]]:
    """A function that returns when the file `open` is there; the fixture puts it there in the end."""
    path = tmp_path / "open"
    yield functools.partial(wait_for, str(path))
    path.touch()


def test_it_is_an_executor(any_executor: cf.Executor) -> None:
    assert isinstance(any_executor, cf.Executor)
    assert isinstance(any_executor, PoolExecutor)


def test_a_call_gives_its_value(any_executor: cf.Executor) -> None:
    future = any_executor.submit(divmod, 7, 2)
    assert isinstance(future, cf.Future)
    assert future.result(LIMIT_S) == (3, 1)
    assert future.done()
    assert not future.cancelled()
    assert not future.running()


def test_keyword_arguments_reach_the_function_whatever_their_names(any_executor: cf.Executor) -> None:
    future = any_executor.submit(dict, timeout=1, retries=2, kwargs=3, fn=4, self=5)
    assert future.result(LIMIT_S) == {"timeout": 1, "retries": 2, "kwargs": 3, "fn": 4, "self": 5}


def test_an_exception_is_itself_with_the_workers_traceback(any_executor: cf.Executor) -> None:
    error = any_executor.submit(raise_odd).exception(LIMIT_S)
    assert isinstance(error, Odd)
    assert (error.one, error.two) == (1, 2)
    assert isinstance(error.__cause__, RemoteTraceback)
    assert "raise_odd" in str(error.__cause__)


def test_a_failure_that_is_returned_is_a_value(any_executor: cf.Executor) -> None:
    assert isinstance(any_executor.submit(Failure, 3, ValueError("x")).result(LIMIT_S), Failure)


def test_an_argument_that_cannot_be_sent_fails_alone(executor: cf.Executor) -> None:
    futures = [executor.submit(type, value) for value in (1, (x for x in ()), 2)]
    assert [futures[i].result(LIMIT_S) for i in (0, 2)] == [int, int]
    if executor._pool.places != ("threads",):  # type: ignore[attr-defined]
        with pytest.raises(Exception, match="generator"):
            futures[1].result(LIMIT_S)


def test_many_small_calls_in_order_of_submission(any_executor: cf.Executor) -> None:
    futures = [any_executor.submit(pow, i, 2) for i in range(2_000)]
    assert [future.result(LIMIT_S) for future in futures] == [i * i for i in range(2_000)]


def test_wait_and_as_completed(any_executor: cf.Executor) -> None:
    futures = {any_executor.submit(pow, i, 2) for i in range(50)}
    done, pending = cf.wait(futures, LIMIT_S)
    assert (len(done), len(pending)) == (50, 0)
    assert sorted(f.result() for f in cf.as_completed(futures, LIMIT_S)) == [i * i for i in range(50)]


def test_a_short_call_is_not_held_up_by_a_long_one(executor: cf.Executor, gate: Any) -> None:
    long = executor.submit(gate)
    short = [executor.submit(pow, 2, i) for i in range(20)]
    assert [future.result(LIMIT_S) for future in short] == [2**i for i in range(20)]
    assert not long.done()
    open_gate(gate)
    assert long.result(LIMIT_S) is True


def test_calls_behind_short_ones_are_not_held_up_either(executor: cf.Executor, gate: Any) -> None:
    # Short calls make the executor hand over many at a time; the long one must not take its neighbours with it.
    assert len([executor.submit(pow, 2, 2).result(LIMIT_S) for _ in range(50)]) == 50
    futures = [executor.submit(pow, 2, 2) for _ in range(500)]
    long = executor.submit(gate)
    futures += [executor.submit(pow, 2, 2) for _ in range(500)]
    assert {future.result(LIMIT_S) for future in futures} == {4}
    assert not long.done()
    open_gate(gate)


def test_what_has_not_started_can_be_cancelled(executor: cf.Executor, gate: Any) -> None:
    futures = [executor.submit(gate) for _ in range(20)]
    assert not futures[0].cancel()
    assert futures[-1].cancel()
    assert futures[-1].cancelled()
    open_gate(gate)
    assert all(future.result(LIMIT_S) for future in futures[:-1])
    with pytest.raises(cf.CancelledError):
        futures[-1].result(LIMIT_S)


def test_the_state_of_a_call_that_runs(executor: cf.Executor, gate: Any) -> None:
    future = executor.submit(gate)
    assert future.running()
    with pytest.raises(cf.TimeoutError):
        future.result(0.01)
    open_gate(gate)
    assert future.result(LIMIT_S)


def test_callbacks_may_submit(executor: cf.Executor) -> None:
    done = threading.Event()
    values: list[int] = []

    def more(future: cf.Future[int]) -> None:
        values.append(future.result())
        if len(values) == 100:
            done.set()
        else:
            executor.submit(pow, 2, len(values)).add_done_callback(more)

    executor.submit(pow, 2, 0).add_done_callback(more)
    assert done.wait(LIMIT_S)
    assert values == [2**i for i in range(100)]


def test_map_is_ordered_and_takes_several_iterables(any_executor: cf.Executor) -> None:
    assert list(any_executor.map(pow, range(1000), iter([2] * 2000))) == [i * i for i in range(1000)]
    assert list(any_executor.map(pow, [], [])) == []


@pytest.mark.parametrize("chunksize", [1, 3, 1000])
def test_map_obeys_a_chunk_size(any_executor: cf.Executor, chunksize: int) -> None:
    assert list(any_executor.map(str, range(100), chunksize=chunksize)) == [str(i) for i in range(100)]


def test_map_refuses_a_bad_chunk_size(any_executor: cf.Executor) -> None:
    with pytest.raises(BadOption, match="chunksize"):
        any_executor.map(str, [1], chunksize=-1)


def test_map_starts_before_it_is_read(executor: cf.Executor, tmp_path) -> None:
    executor.map(functools.partial(touch, str(tmp_path)), range(3))
    executor.shutdown()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]


def test_map_raises_in_the_place_of_the_failed_item(any_executor: cf.Executor) -> None:
    results = any_executor.map(functools.partial(divmod, 6), [1, 2, 0, 3])
    assert [next(results), next(results)] == [(6, 0), (3, 0)]
    with pytest.raises(ZeroDivisionError, match="zero"):
        next(results)
    with pytest.raises(StopIteration):
        next(results)


def test_map_times_out(executor: cf.Executor, gate: Any) -> None:
    results = executor.map(lambda i: i if i == 0 else gate(), range(2), timeout=0.5)
    with pytest.raises(cf.TimeoutError):  # at the second one, unless this machine has been too busy for the first
        assert list(results) == [0]
    open_gate(gate)


def test_dropping_the_iterator_of_a_map_cancels_the_rest(executor: cf.Executor, gate: Any) -> None:
    results = executor.map(lambda i: i if i < 2 else gate(), range(1000), chunksize=1)
    assert next(results) == 0
    del results
    open_gate(gate)
    assert executor.submit(pow, 2, 3).result(LIMIT_S) == 8


def test_shutdown_waits_for_all(pool: Pool) -> None:
    executor = pool.executor()
    futures = [executor.submit(time.sleep, 0.01) for _ in range(20)]
    executor.shutdown()
    assert all(future.done() for future in futures)


def test_shutdown_may_cancel_what_waits(pool: Pool, gate: Any) -> None:
    executor = pool.executor()
    futures = [executor.submit(gate) for _ in range(50)]
    executor.shutdown(wait=False, cancel_futures=True)
    cancelled = [future for future in futures if future.cancelled()]
    assert len(cancelled) >= 50 - 2 * 2
    open_gate(gate)
    assert all(future.result(LIMIT_S) for future in futures if future not in cancelled)
    assert cf.wait(futures, LIMIT_S).not_done == set()


@pytest.mark.parametrize("place", PLACES)
def test_after_shutdown_nothing_is_taken_and_the_pool_is_open(place: str) -> None:
    with Pool(place) as pool:
        executor = pool.executor()
        executor.shutdown()
        for attempt in (executor.submit, executor.map):
            with pytest.raises(RuntimeError, match="after shutdown"):
                attempt(pow, 2, 2)  # type: ignore[arg-type]
        assert pool.map(abs, [-1]) == [1]


@pytest.mark.parametrize("place", PLACES)
def test_a_pool_that_closes_finishes_what_was_submitted(place: str) -> None:
    with Pool(place) as pool:
        executor = pool.executor()
        futures = [executor.submit(pow, i, 2) for i in range(200)]
    assert [future.result(LIMIT_S) for future in futures] == [i * i for i in range(200)]
    with pytest.raises((RuntimeError, PoolClosed)):
        executor.submit(pow, 2, 2).result(LIMIT_S)


def test_a_pool_that_is_terminated_leaves_no_future_open(gate: Any) -> None:
    pool = Pool("processes", nodes=2)
    futures = [pool.executor().submit(gate) for _ in range(20)]
    pool.terminate()
    assert cf.wait(futures, LIMIT_S).not_done == set()


def test_a_worker_that_dies_fails_its_call_alone() -> None:
    with Pool("processes", nodes=2) as pool, pool.executor() as executor:
        futures = [executor.submit(pow, 2, i) for i in range(10)]
        lost = executor.submit(os._exit, 3)
        futures += [executor.submit(pow, 2, i) for i in range(10)]
        assert isinstance(lost.exception(LIMIT_S), WorkerLost)
        assert [future.result(LIMIT_S) for future in futures] == [2**i for i in range(10)] * 2


def test_options_of_the_pool_hold_for_every_call() -> None:
    with Pool("processes", nodes=1) as pool, PoolExecutor(pool, timeout=1.0) as executor:
        slow, quick = executor.submit(time.sleep, LIMIT_S), executor.submit(pow, 2, 2)
        assert isinstance(slow.exception(LIMIT_S), TimeoutError)
        assert quick.result(LIMIT_S) == 4


def test_as_many_run_at_once_as_was_asked_for(tmp_path) -> None:
    with Pool("threads", nodes=4) as pool, PoolExecutor(pool, n_ahead=2) as executor:
        running, most, lock = set(), [], threading.Lock()

        def work(i: int) -> None:
            with lock:
                running.add(i)
                most.append(len(running))
            time.sleep(0.002)
            with lock:
                running.discard(i)

        list(cf.as_completed([executor.submit(work, i) for i in range(50)], LIMIT_S))
        assert max(most) <= 2


def within(executor: cf.Executor, n: int) -> list[int]:
    return [*executor.map(abs, range(n)), executor.submit(abs, -n).result(LIMIT_S)]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("place", PLACES)
def test_it_may_be_used_inside_of_an_item(place: str) -> None:
    with Pool(place, nodes=1) as pool:
        executor = pool.executor()
        assert executor.submit(within, executor, 3).result(LIMIT_S) == [0, 1, 2, 3]
        assert pool.map(lambda x: within(pool.executor(), x), [1, 2]) == [[0, 1], [0, 1, 2]]
        assert executor.submit(abs, -1).result(LIMIT_S) == 1


def test_asyncio_uses_it(any_executor: cf.Executor) -> None:
    async def main() -> list[int]:
        loop = asyncio.get_running_loop()
        calls = [loop.run_in_executor(any_executor, pow, i, 2) for i in range(20)]
        return await asyncio.wait_for(asyncio.gather(*calls), LIMIT_S)

    assert asyncio.run(main()) == [i * i for i in range(20)]


def test_asyncio_sees_the_exception(any_executor: cf.Executor) -> None:
    async def main() -> None:
        await asyncio.wait_for(asyncio.get_running_loop().run_in_executor(any_executor, raise_odd), LIMIT_S)

    with pytest.raises(Odd, match="1 and 2"):
        asyncio.run(main())


def test_several_threads_submit(executor: cf.Executor) -> None:
    sums: list[int] = []

    def submit(base: int) -> None:
        sums.append(sum(f.result(LIMIT_S) for f in [executor.submit(pow, base, 1) for _ in range(100)]))

    threads = [threading.Thread(target=submit, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT_S)
    assert sorted(sums) == [0, 100, 200, 300]
