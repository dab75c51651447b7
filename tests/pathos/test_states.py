"""How pathos shares its pools: handles of one name have one pool, and see what the others do to it."""

from __future__ import annotations

import sys
import threading
import time

import pytest

from pathos_nb.errors import BadOption, PoolClosed, PoolRunning
from pathos_nb.pools import ParallelPool, ProcessPool, SerialPool, ThreadPool, _clear
from tests.pathos.calls import here, square, waits_for


def test_handles_of_equal_size_share_their_workers(kind):
    one, other = kind(2), kind(nodes=2)
    assert one._serve() is other._serve()
    assert len(kind.__state__) == 1


def test_handles_of_other_size_have_their_own(kind):
    assert kind(1)._serve() is not kind(2)._serve()
    assert len(kind.__state__) == 2


def test_an_id_names_the_pool(kind):
    assert kind(2, id="mine")._serve() is not kind(2)._serve()
    assert kind(2, id="mine")._serve() is kind.__state__["mine"]


def test_another_kind_is_another_pool():
    assert ThreadPool(2)._serve() is not ProcessPool(2)._serve()


def test_a_closed_pool_is_closed_for_all_its_handles(kind):
    one, other = kind(2), kind(2)
    one.close()
    for pool in (one, other, kind(2)):
        with pytest.raises(ValueError, match="Pool not running"):
            pool.map(square, range(3))


def test_the_error_of_a_closed_pool_names_the_cure(kind):
    pool = kind(1)
    pool.close()
    with pytest.raises(PoolClosed, match=r"restart\(\).*clear\(\)"):
        pool.pipe(square, 2)


@pytest.mark.parametrize("method", ["map", "imap", "uimap", "amap"])
def test_no_map_begins_on_a_closed_pool(kind, method):
    pool = kind(1)
    pool.close()
    with pytest.raises(PoolClosed, match="Pool not running"):
        getattr(pool, method)(square, range(3))


def test_restart_opens_it_again(kind):
    pool = kind(2)
    pool.close()
    pool.join()
    pool.restart()
    assert pool.map(square, range(3)) == [0, 1, 4]


def test_clear_forgets_it_and_the_next_map_starts_another(kind):
    pool = kind(2)
    pool.close()
    pool.clear()
    assert not kind.__state__
    assert pool.map(square, range(3)) == [0, 1, 4]
    assert len(kind.__state__) == 1


@pytest.mark.timeout(60)
def test_an_item_may_tidy_up_the_pool_that_it_runs_on():
    alone = threading.Lock()  # a pool that one item has closed is closed for the others, until it is cleared

    def item(x):
        with alone:
            inner = ThreadPool(2)
            values = inner.map(square, [x])
            inner.close()
            inner.join()
            inner.clear()
            return values

    assert ThreadPool(2).map(item, [1, 2, 3]) == [[1], [4], [9]]


def test_an_open_pool_is_not_joined(kind):
    pool = kind(1)
    with pytest.raises(ValueError, match="still running"):
        pool.join()


def test_an_open_pool_is_restarted_where_pathos_does_so(kind):
    pool = kind(1)
    before = pool._serve()
    if kind in (ProcessPool, ThreadPool):
        assert pool.restart() is pool._serve() is not before
    else:
        with pytest.raises(AssertionError, match="still running"):
            pool.restart()
    assert pool.map(square, [3]) == [9]


def test_restart_by_force_gives_new_workers(kind):
    pool = kind(1)
    before = pool._serve()
    pool.restart(force=True)
    assert pool._serve() is not before
    assert pool.map(square, [3]) == [9]


def test_close_lets_what_runs_finish(kind):
    pool = kind(2)
    result = pool.amap(lambda x: time.sleep(0.05) or x, range(6))
    pool.close()
    pool.join()
    assert result.get(timeout=20) == list(range(6))


def test_close_returns_at_once(kind, tmp_path):
    pool = kind(1)
    result = pool.apipe(waits_for, str(tmp_path / "go"))
    pool.close()
    (tmp_path / "go").touch()
    assert result.get(timeout=50) is True, "close waited for what runs"


def test_terminate_does_not_wait_for_what_runs():
    pool = ProcessPool(1)
    result = pool.apipe(time.sleep, 60)
    began = time.monotonic()
    pool.terminate()
    pool.join()
    assert time.monotonic() - began < 40
    with pytest.raises(Exception, match=r"(?i)cancel|clos|terminat"):
        result.get(timeout=20)


@pytest.mark.parametrize("kind", [ThreadPool, ProcessPool])
def test_setting_nodes_replaces_the_workers_under_the_same_name(kind):
    pool = kind(2)
    before = pool._serve()
    pool.nodes = 1
    assert pool.nodes == 1
    assert pool._serve() is not before
    assert list(kind.__state__) == [2]
    assert pool.map(square, range(3)) == [0, 1, 4]


def test_a_parallel_pool_is_resized_as_it_is():
    pool = ParallelPool(2, id="sized")
    pool.ncpus = 1
    assert pool._serve() is ParallelPool.__state__["sized"]
    assert len({pid for pid, _ in pool.map(here, range(20))}) == 1
    pool.close()
    with pytest.raises(PoolClosed, match="Pool not running"):
        ParallelPool(2, id="sized").map(square, [1])


def test_a_handle_with_other_settings_replaces_the_pool_of_its_name():
    first = ThreadPool(1, id="x")
    result = first.amap(lambda x: time.sleep(0.1) or x, [1, 2])
    entry = first._serve()
    second = ThreadPool(1, id="x", initializer=int)
    assert second._serve() is not entry
    assert result.get(timeout=20) == [1, 2], "what ran on the old one is finished"


def test_the_id_can_be_changed(kind):
    pool = kind(1)
    old = pool._id
    pool._id = "other"
    assert pool.map(square, [2]) == [4]
    assert set(kind.__state__) == {old, "other"}


def test_leaving_a_block_ends_the_workers_and_not_their_results(kind):
    with kind(2) as pool:
        assert pool.map(square, range(3)) == [0, 1, 4]
        later = pool.amap(square, range(4))
    assert not kind.__state__
    assert later.get(timeout=20) == [0, 1, 4, 9]
    assert kind(2).map(square, [5]) == [25], "the name is free again"


def test_only_the_last_block_ends_the_workers(kind):
    with kind(1) as outer:
        with kind(1) as inner:
            entry = inner._serve()
        assert outer._serve() is entry
    assert not kind.__state__


def test_shutdown_ends_all_or_those_of_one_kind():
    ThreadPool(1), ProcessPool(1)
    _clear(ThreadPool)
    assert not ThreadPool.__state__
    assert ProcessPool.__state__
    _clear()
    assert not ProcessPool.__state__
    with pytest.raises(TypeError, match="none of the pools"):
        _clear(int)


@pytest.mark.parametrize("nodes", [0, -1, "x", 1.5])
def test_nonsense_is_no_number_of_workers(kind, nodes):
    with pytest.raises(BadOption):
        kind(nodes)
    assert not kind.__state__


def test_a_refused_number_of_workers_leaves_the_pool_as_it_was(kind):
    pool = kind(1)
    with pytest.raises(BadOption):
        pool.nodes = 0
    assert pool.nodes == 1
    assert pool.map(square, [2]) == [4]


@pytest.mark.parametrize("name", ["ncpus", "nodes", "processes"])
def test_the_number_of_workers_has_several_names(name):
    assert ProcessPool(**{name: 1}).ncpus == 1
    assert ParallelPool(**{name: 1}).ncpus == 1


def test_the_number_of_workers_is_given_once():
    for kwds in ({"nodes": 1}, {"ncpus": 1}, {"processes": 1}):
        with pytest.raises(TypeError, match="multiple values"):
            ProcessPool(1, **kwds)
    with pytest.raises(TypeError, match="multiple values"):
        ThreadPool(nthreads=1, nodes=1)


def test_an_unknown_setting_is_refused(kind):
    with pytest.raises(TypeError, match="no setting 'colour'"):
        kind(1, colour="red")


def test_they_show_themselves_as_in_pathos():
    assert repr(ThreadPool(1)) == "<pool ThreadPool(nthreads=1)>"
    assert repr(ProcessPool(1)) == "<pool ProcessPool(ncpus=1)>"
    assert repr(ParallelPool(1)) == "<pool ParallelPool(ncpus=1, servers=None)>"
    assert repr(SerialPool()) == "<pool SerialPool()>"


def test_a_parallel_pool_without_a_number_shows_a_star():
    pool = ParallelPool()
    assert (pool.ncpus, pool.nodes, pool._id) == ("*", "*", "*@")


def test_the_initializer_runs_in_each_worker(kind):
    pool = kind(1, initializer=setattr, initargs=(sys, "pathos_nb_test", "set"))
    try:
        assert pool.pipe(lambda: sys.pathos_nb_test) == "set"
    finally:
        vars(sys).pop("pathos_nb_test", None)


def test_a_serial_pool_is_nobody_elses():
    one, other = SerialPool(), SerialPool()
    one.close()
    with pytest.raises(PoolClosed, match=r"restart\(\)"):
        one.map(square, [1])
    assert other.map(square, [1]) == [1]
    one.join()
    one.restart()
    assert one.map(square, [2]) == [4]
    with pytest.raises(PoolRunning, match="still running"):
        one.restart()
    with pytest.raises(PoolRunning, match="still running"):
        one.join()


def test_a_serial_pool_has_one_worker_whatever_is_asked():
    assert SerialPool(4).nodes == 1
    with pytest.raises(TypeError, match="read-only"):
        SerialPool().nodes = 2


def test_many_threads_that_start_the_same_pool_get_one(kind):
    found = []
    threads = [threading.Thread(target=lambda: found.append(kind(1)._serve())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1


def test_an_iterator_outlives_the_closing_of_its_pool(kind):
    pool = kind(2)
    values = pool.imap(square, range(50))
    assert next(values) == 0
    pool.close()
    pool.join()
    assert list(values) == [x * x for x in range(1, 50)]
    pool.clear()


def test_an_endless_iterator_hinders_nobody(kind):
    with kind(2) as pool:
        values = pool.uimap(square, iter(int, 1))
        assert next(values) == 0
    assert kind(2).map(square, [3]) == [9]
    values.close()
