"""`pathos.maps`, `pathos.helpers` and the older names: map objects, raw pools, random numbers, forked children."""

from __future__ import annotations

import os

import pytest

from pathos_nb.compat import helpers, maps, util
from pathos_nb.compat.helpers import mp_helper
from pathos_nb.compat.mp_map import mp_map
from pathos_nb.compat.pp_map import pp_map, ppmap, stats
from pathos_nb.pools import ProcessPool, ThreadPool, _clear

ROWS = [[0, 1], [2, 3], [4, 5]]


def square(x):
    return x * x


def add(*x):
    return sum(x)


@pytest.fixture(params=["ThreadPool", "raw threads"])
def pool(request):
    return ThreadPool if request.param == "ThreadPool" else helpers.ThreadPool


def test_without_a_pool_they_are_the_builtin_maps():
    assert maps.Map()(square, range(3)) == [0, 1, 4]
    assert maps.Map(map)(square, range(3)) == [0, 1, 4]
    assert list(maps.Imap()(square, range(3))) == [0, 1, 4]
    assert maps.Smap()(add, ROWS) == [1, 5, 9]
    assert list(maps.Ismap()(add, ROWS)) == [1, 5, 9]
    for kind in (maps.Amap, maps.Asmap, maps.Uimap):
        assert kind()(square, range(3)) is NotImplemented


def test_with_a_pool_they_are_its_maps(pool):
    assert maps.Map(pool, 2)(square, range(3)) == [0, 1, 4]
    assert list(maps.Imap(pool, 2)(square, range(3))) == [0, 1, 4]
    assert sorted(maps.Uimap(pool, 2)(square, range(3))) == [0, 1, 4]
    assert maps.Amap(pool, 2)(square, range(3)).get() == [0, 1, 4]
    assert maps.Smap(pool, 2)(add, ROWS) == [1, 5, 9]
    assert list(maps.Ismap(pool, 2)(add, ROWS)) == [1, 5, 9]
    assert maps.Asmap(pool, 2)(add, ROWS).get() == [1, 5, 9]


def test_a_shared_pool_that_is_closed_after_the_call_stays_closed():
    once = maps.Map(ThreadPool, 1, close=True)
    assert once(square, [2]) == [4]
    with pytest.raises(ValueError, match="Pool not running"):
        once(square, [2])
    once.clear()
    assert once(square, [3]) == [9]


def test_a_shared_pool_that_is_cleared_after_the_call_is_made_anew():
    again = maps.Map(ThreadPool, 1, clear=True)
    assert [again(square, [2]), again(square, [3])] == [[4], [9]]
    assert not ThreadPool.__state__


def test_a_map_object_that_is_dropped_ends_its_pool():
    one = maps.Map(ThreadPool, 1)
    one(square, [2])
    assert ThreadPool.__state__
    del one
    assert not ThreadPool.__state__


def test_a_raw_pool_never_answers_with_a_list_of_none(pool):
    raw = helpers.ThreadPool(1)
    try:
        assert raw.map(square, range(3), 0) == [0, 1, 4]
        with pytest.raises(ValueError, match="chunksize"):
            raw.map(square, range(3), -1)
    finally:
        raw.terminate()
        raw.join()


def test_a_raw_pool_is_closed_by_its_owner():
    with pytest.raises(NotImplementedError, match="close"):
        _clear(helpers.ThreadPool)


def test_helpers_have_the_cores_this_process_may_use():
    assert helpers.cpu_count() == ProcessPool().ncpus


def test_random_generators_are_shared_or_new_and_seeded():
    import random

    assert mp_helper.random_state() is random
    new = mp_helper.random_state(new=True, seed=1)
    assert new is not random
    assert new.random() == random.Random(1).random()
    numpy = pytest.importorskip("numpy")
    assert mp_helper.random_state("numpy") is numpy.random
    assert mp_helper.random_state(numpy, new=True, seed=3).rand() == numpy.random.RandomState(3).rand()


def test_a_seed_for_each_process_differs():
    draws = {mp_helper.random_state(new=True, seed="*").random() for _ in range(5)}
    assert len(draws) == 5


def test_the_older_functions_map_too():
    assert mp_map(square, range(3), nproc=1) == [0, 1, 4]
    assert mp_map(square, range(3), nproc=1, threads=True, queue="x") == [0, 1, 4]
    assert list(mp_map(square, range(3), nproc=1, type="non-blocking")) == [0, 1, 4]
    assert sorted(mp_map(square, range(3), nproc=1, type="unordered")) == [0, 1, 4]
    assert pp_map(square, range(3), ncpus=1) == [0, 1, 4]
    assert list(ppmap(1, add, range(3), range(3))) == [0, 2, 4]


def test_stats_tell_what_was_done():
    assert "No pool" in stats()
    pp_map(square, range(3), ncpus=1)
    assert "3 calls in all, 1 workers" in stats()


def test_text_and_bytes():
    assert util._b("x") == b"x"
    assert util._b("é", "utf-8") == "é".encode()
    assert util._str(b"x") == "x"
    assert util._str(3) == 3
    assert util._b("x", False) == "x"
    try:
        raise KeyError("gone")
    except KeyError:
        assert "KeyError: 'gone'" in util.print_exc_info()


SPAWN = """
import os
from pathos_nb.compat.util import spawn, spawn2

def parent(pid, source, sink=None):
    if sink:
        sink.write(b"ping\\n")
    print(source.readline(), os.waitpid(pid, 0)[0] == pid)

def child(pid, *pipes):
    said = pipes[0].readline() if len(pipes) == 2 else b"alone\\n"
    pipes[-1].write(said)
    os._exit(0)

spawn(parent, child)
spawn2(parent, child)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a_forked_child_talks_by_pipes(run_python):
    done = run_python("-c", SPAWN)
    assert done.stdout == "b'alone\\n' True\nb'ping\\n' True\n", done.stderr
