"""The maps and pipes of the pathos pools: pathos' forms of arguments, right results, errors that are errors."""

from __future__ import annotations

import sys
import threading

import pytest

from pathos_nb.errors import BadOption
from pathos_nb.pools import ParallelPool, ProcessPool, SerialPool, ThreadPool
from tests.pathos.calls import add, refuse

KINDS = [SerialPool, ThreadPool, ProcessPool, ParallelPool]


@pytest.fixture(params=KINDS, ids=lambda kind: kind.__name__)
def pool(request):
    pool = request.param(2)
    yield pool
    pool.close()


def test_all_maps_give_what_a_loop_gives(pool):
    expected = [add(x, x + 5) for x in range(20)]
    sequences = (range(20), range(5, 25))
    assert pool.map(add, *sequences) == expected
    assert list(pool.imap(add, *sequences)) == expected
    assert sorted(pool.uimap(add, *sequences)) == sorted(expected)
    assert pool.amap(add, *sequences).get(timeout=30) == expected


def test_the_shortest_sequence_ends_the_map(pool):
    assert pool.map(add, range(100), [1, 2]) == [1, 3]


def test_keywords_of_a_map_that_are_no_options_go_to_the_function(pool):
    assert pool.map(add, [1, 2], times=3, chunksize=1) == [33, 36]
    assert pool.amap(add, [1, 2], times=3).get(timeout=30) == [33, 36]


def test_all_keywords_of_a_pipe_go_to_the_function(pool):
    assert pool.pipe(add, 1, y=2, times=3) == 9
    assert pool.apipe(add, 1, y=2, times=3).get(timeout=30) == 9
    assert pool.pipe(dict, chunksize=1, timeout=2) == {"chunksize": 1, "timeout": 2}
    assert pool.apipe(dict, kwargs=1, seed=3).get(timeout=30) == {"kwargs": 1, "seed": 3}


def test_an_item_that_raises_raises_here(pool):
    with pytest.raises(LookupError, match="no 2"):
        pool.map(refuse, range(4))
    with pytest.raises(LookupError, match="no 2"):
        pool.amap(refuse, range(4)).get(timeout=30)
    with pytest.raises(LookupError, match="no 2"):
        pool.pipe(refuse, 2)
    values = pool.imap(refuse, range(4))
    assert [next(values), next(values)] == [0, 1]
    with pytest.raises(LookupError, match="no 2"):
        next(values)
    assert next(values) == 3, "the iterator goes on after it"
    values.close()


def test_a_map_over_nothing_is_misuse_and_over_an_empty_list_is_empty(pool):
    for method in (pool.map, pool.imap, pool.uimap, pool.amap):
        with pytest.raises(TypeError, match="sequence"):
            method(add)
    assert pool.map(add, []) == []
    assert list(pool.imap(add, [])) == []
    assert pool.amap(add, []).get(timeout=30) == []


def test_a_chunk_size_of_0_is_no_choice_for_map_and_misuse_for_imap(pool):
    assert pool.map(add, [1, 2], chunksize=0) == [11, 12]
    assert pool.amap(add, [1, 2], chunksize=0).get(timeout=30) == [11, 12]
    with pytest.raises(ValueError, match="chunksize"):
        list(pool.imap(add, [1, 2], chunksize=0))
    with pytest.raises(BadOption, match="chunksize"):
        pool.map(add, [1, 2], chunksize=-1)


def test_a_result_that_is_not_there_says_so():
    gate = threading.Event()
    result = ThreadPool(1).apipe(gate.wait, 20)
    assert not result.ready()
    with pytest.raises(ValueError, match="not there yet"):
        result.successful()
    with pytest.raises(TimeoutError, match="still being made"):
        result.get(timeout=0.01)
    gate.set()
    result.wait(20)
    assert result.ready()
    assert result.successful()
    assert result() is True


def test_a_failed_result_is_ready_and_not_successful():
    result = ThreadPool(1).apipe(refuse, 2)
    result.wait(20)
    assert result.ready()
    assert not result.successful()


def test_a_timeout_is_that_of_multiprocess_too():
    multiprocess = pytest.importorskip("multiprocess")
    gate = threading.Event()
    result = ThreadPool(1).apipe(gate.wait, 20)
    with pytest.raises(multiprocess.TimeoutError, match="still being made"):
        result.get(timeout=0.01)
    assert "multiprocess" in sys.modules
    gate.set()
    assert result.get(timeout=20)


def test_callbacks_have_been_called_when_get_returns():
    pool, got, failed = ThreadPool(2), [], []
    pool.amap(add, [1, 2], callback=got.append, error_callback=failed.append).get(timeout=20)
    assert (got, failed) == ([[11, 12]], [])
    result = pool.amap(refuse, range(4), callback=got.append, error_callback=failed.append)
    with pytest.raises(LookupError, match="no 2"):
        result.get(timeout=20)
    assert len(got) == 1
    assert [type(error) for error in failed] == [LookupError]


def test_an_iterator_can_be_asked_with_a_timeout():
    gate = threading.Event()
    values = ThreadPool(1).imap(lambda x: x == 0 or gate.wait(20), [0, 1])
    assert values.next(timeout=20) is True
    with pytest.raises(TimeoutError):
        values.next(timeout=0.05)
    gate.set()
    assert values.next(timeout=20) is True
    with pytest.raises(StopIteration):
        values.next(timeout=20)


def test_a_thread_pool_maps_inside_itself():
    def inner(x):
        return sum(ThreadPool(2).map(add, [x, x], [1, 2]))

    assert ThreadPool(2).map(inner, range(6)) == [2 * x + 3 for x in range(6)]


@pytest.mark.parametrize("outer", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("inner", KINDS, ids=lambda kind: kind.__name__)
def test_pools_nest(outer, inner):
    def row(x):
        return inner(2).map(add, [x, x + 1])

    assert outer(2).map(row, range(3)) == [[x + 10, x + 11] for x in range(3)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_pool_that_a_function_captures_works_in_a_worker(kind):
    pool = kind(1)
    assert ProcessPool(2).map(lambda x: pool.map(add, [x])[0], range(3)) == [10, 11, 12]


@pytest.mark.parametrize("server", ["node7:9000", "node7"])
def test_a_server_that_listens_elsewhere_is_left_out_in_plain_words(server):
    with pytest.warns(UserWarning, match="the server node7:.* is left out: .*loopback only; open a tunnel to it"):
        pool = ParallelPool(1, servers=(server,))
    assert pool.map(add, [1]) == [11]


def test_what_is_no_address_is_refused():
    with pytest.raises(BadOption, match="'localhost:notaport' is no server"):
        ParallelPool(1, servers=["localhost:notaport"])
    assert not ParallelPool.__state__


def test_a_server_of_this_machine_that_is_not_there_is_left_out():
    with pytest.warns(UserWarning, match="no server answers at localhost:9: it is left out"):
        pool = ParallelPool(1, servers=("localhost:9",))
    assert pool.servers == ("localhost:9",)
    assert pool.map(add, [1]) == [11]


def test_servers_are_not_searched_for():
    with pytest.warns(UserWarning, match="not looked for"):
        pool = ParallelPool(1, servers="*")
    assert pool.servers == "*"
