"""Where pathos 0.3.5 hangs, gives None or drops something: its pools here give an error, or the right result."""

from __future__ import annotations

import os
import threading
import time

import pytest

from pathos_nb.compat import helpers
from pathos_nb.errors import PoolClosed, RemoteError, WorkerLost
from pathos_nb.pools import ParallelPool, ProcessPool
from tests.pathos.calls import die, end_early, fail_oddly, leave, talk

PROCESSES = pytest.mark.parametrize("kind", [ProcessPool, ParallelPool], ids=lambda kind: kind.__name__)


@PROCESSES
def test_an_item_that_kills_its_worker_is_an_error_and_the_pool_goes_on(kind):
    pool = kind(2)
    with pytest.raises(WorkerLost, match="item|index"):
        pool.map(die, range(3), retries=0)
    assert pool.map(abs, [-1, 2]) == [1, 2]


def test_an_item_that_exits_is_an_error(kind):
    pool = kind(2)
    with pytest.raises(RemoteError, match="SystemExit"):  # as itself it would end the caller, silently at that
        pool.map(leave, range(3))
    with pytest.raises(RemoteError, match="SystemExit"):
        pool.amap(leave, range(3)).get(timeout=30)
    assert pool.map(abs, [-1, 2]) == [1, 2]


def test_an_exception_with_an_odd_constructor_comes_back(kind):
    with pytest.raises(Exception, match="1: odd"):
        kind(2).map(fail_oddly, range(3))


def test_a_stop_iteration_does_not_shorten_the_result(kind):
    with pytest.raises(RuntimeError, match="StopIteration"):
        kind(2).map(end_early, range(3))
    with pytest.raises(RuntimeError, match="StopIteration"):
        list(kind(2).imap(end_early, range(3)))


def test_a_print_does_not_change_a_result(kind):
    assert kind(2).map(talk, range(10)) == [x * x for x in range(10)]


@PROCESSES
def test_an_initializer_that_raises_is_an_error(kind):
    with pytest.raises(Exception, match="division"):
        kind(1, initializer=divmod, initargs=(1, 0)).map(abs, [1])


def test_a_dropped_iterator_does_not_delay_the_next_map(kind):
    pool = kind(2)
    values = pool.imap(lambda x: time.sleep(0.01) or x, range(10_000))
    assert next(values) == 0
    del values
    began = time.monotonic()
    assert pool.map(abs, [-1]) == [1]
    assert time.monotonic() - began < 30, "10,000 items would take 50 s"


@PROCESSES
def test_an_iterator_of_a_terminated_pool_is_not_silently_short(kind):
    pool = kind(1)
    values = pool.imap(abs, iter(int, 1))
    next(values)
    pool.terminate()
    with pytest.raises(PoolClosed, match="closed"):
        for _ in range(100_000):
            next(values)


def test_one_pool_serves_many_threads(kind):
    pool, results = kind(2), {}

    def ask(k):
        results[k] = pool.map(pow, range(20), [k] * 20)

    threads = [threading.Thread(target=ask, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert results == {k: [x**k for x in range(20)] for k in range(4)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_pools_of_its_own():
    assert ProcessPool(1).map(abs, [-1]) == [1]
    raw = helpers.mp.get_context("fork").Pool(1)
    try:
        child = raw.apply_async(lambda: (len(ProcessPool.__state__), ProcessPool(1).map(abs, [-2, -3])))
        assert child.get(timeout=30) == (0, [2, 3])
    finally:
        raw.terminate()
        raw.join()
    assert ProcessPool(1).map(abs, [-4]) == [4]
