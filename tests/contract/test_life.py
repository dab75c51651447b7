"""The life of a pool: size, workers, initializer, restart, close and terminate."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import BadOption, Cancelled, PoolBroken, PoolClosed, UnknownPlace
from tests.contract.calls import begin, begun, fail_to_begin, mark_file, same, square, wait_for, whoami
from tests.rig.census import Census, until
from tests.rig.dask_cluster import N_THREADS, N_WORKERS
from tests.rig.launchers import apart, is_apart, not_serial, together
from tests.rig.sampling import daily

pytestmark = pytest.mark.timeout(60)
# What these try is the pool's own, whatever its workers are; that workers begin and end is tried with each launcher.
here = daily("serial", "threads", "processes")


@here
def test_a_pool_knows_its_size_places_and_workers(launcher: str) -> None:
    with Pool(launcher, nodes=2) as pool:
        assert (pool.nodes, pool.places, pool.state) == (2, (launcher,), "open")
        pool.map(same, range(10))
        workers = pool.workers()
        assert 1 <= len(workers) <= 2
        assert len({w.name for w in workers}) == len(workers)
        assert {w.place for w in workers} == {launcher}
        assert {w.pid == os.getpid() for w in workers} == {not is_apart(launcher)}


@here
def test_the_default_size_is_the_cores_this_process_may_use(launcher: str) -> None:
    most = N_WORKERS * N_THREADS if launcher == "dask" else len(os.sched_getaffinity(0))
    with Pool(launcher) as pool:
        assert 1 <= pool.nodes <= most


@pytest.mark.parametrize("nodes", [0, -1, "x", 1.5, True, {}, {"serial": 0}])
def test_a_size_without_sense_is_one_clear_line(launcher: str, nodes: Any) -> None:
    with pytest.raises(BadOption, match="nodes") as caught:
        Pool(launcher, nodes=nodes)
    assert "\n" not in str(caught.value)


def test_an_unknown_place_is_an_error_with_the_names_there_are() -> None:
    with pytest.raises(UnknownPlace, match="there are: .*did you mean 'processes'"):
        Pool("proceses", nodes=1)


@here
@pytest.mark.parametrize("how", ["close", "terminate"])
def test_an_ended_pool_takes_no_work_and_names_the_cure(launcher: str, how: str) -> None:
    before = Census.take()
    pool = Pool(launcher, nodes=2)
    pool.map(same, range(4))
    getattr(pool, how)()
    getattr(pool, how)()
    assert pool.state == "closed"
    for call in (pool.map, pool.imap, pool.uimap, pool.amap, pool.pipe, pool.apipe):
        with pytest.raises(PoolClosed, match="restart"):
            call(same, [1])
    before.check()


@here
def test_a_pool_never_used_ends_too(launcher: str) -> None:
    before = Census.take()
    for how in ("close", "terminate"):
        getattr(Pool(launcher, nodes=2), how)()
    before.check()


def test_a_dropped_pool_leaves_nothing(launcher: str) -> None:
    import gc

    before = Census.take()
    pool = Pool(launcher, nodes=2)
    pool.map(same, range(4))
    del pool
    gc.collect()
    before.check()


@here
def test_a_block_closes_its_pool_on_the_good_way_and_on_the_bad(launcher: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        pool.map(same, range(4))
    assert pool.state == "closed"
    with pytest.raises(KeyError, match="mine"), Pool(launcher, nodes=2) as pool:
        pool.map(same, range(4))
        raise KeyError("mine")
    assert pool.state == "closed"
    before.check()


@here
def test_close_finishes_what_runs(launcher: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    pool = Pool(launcher, nodes=2)
    opener = threading.Timer(0.1, gate.touch)
    opener.start()
    handle = pool.amap(wait_for, [str(gate)] * 3)
    pool.close()
    opener.join()
    assert handle.get(0.5) == [str(gate)] * 3


@not_serial
def test_close_cancels_what_still_runs_at_its_timeout(launcher: str, tmp_path: Path) -> None:
    before, gate = Census.take(), tmp_path / "gate"
    pool = Pool(launcher, nodes=2)
    handle = pool.amap(wait_for, [str(gate)] * 3)
    pool.close(timeout=0.05)
    gate.touch()
    with pytest.raises(Cancelled, match="cancelled"):
        handle.get(30)
    before.check()


@not_serial
def test_terminate_does_not_wait(launcher: str, tmp_path: Path) -> None:
    before, gate = Census.take(), tmp_path / "gate"
    pool = Pool(launcher, nodes=2)
    handle = pool.amap(wait_for, [str(gate)] * 3)
    pool.terminate()
    gate.touch()
    assert handle.ready()
    with pytest.raises(Exception, match=r"(?i)cancel|clos|terminat"):
        handle.get(1)
    before.check()


def test_a_pool_starts_again(launcher: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        for end in (pool.close, pool.terminate):
            end()
            pool.restart()
            assert pool.state == "open"
            assert pool.map(square, range(10)) == [x * x for x in range(10)]
    before.check()


@here
@apart
def test_a_restart_gives_new_workers(launcher: str) -> None:
    with Pool(launcher, nodes=1) as pool:
        pids = [pool.pipe(whoami)[0]]
        pool.restart()
        pids.append(pool.pipe(whoami)[0])
    assert len(set(pids)) == 2


def test_a_pool_grows_and_shrinks(launcher: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=1) as pool:
        for n in (3, 1, 2):
            pool.resize(n)
            assert pool.nodes == n
            assert pool.map(square, range(50)) == [x * x for x in range(50)]
            until(lambda n=n: len(pool.workers()) <= n)
            assert len(pool.workers()) <= n
        with pytest.raises(BadOption, match="nodes"):
            pool.resize(0)
    before.check()


@here
def test_a_pool_is_resized_under_a_running_map(launcher: str) -> None:
    with Pool(launcher, nodes=1) as pool:
        ys = pool.imap(square, range(2000))
        got = [next(ys) for _ in range(10)]
        pool.resize(3)
        got += [next(ys) for _ in range(100)]
        pool.resize(1)
        assert got + list(ys) == [x * x for x in range(2000)]


@here
def test_each_runs_once_on_every_worker(launcher: str, tmp_path: Path) -> None:
    with Pool(launcher, nodes=2) as pool:
        told = pool.each(whoami)
    assert len(told) == 2
    assert len(set(told)) == (1 if launcher == "serial" else 2)


@pytest.mark.parametrize("place", ["serial", "threads"])
def test_an_item_may_close_its_pool_which_ends_behind_it(place: str) -> None:
    pool = Pool(place, nodes=2)
    assert pool.map(lambda x: pool.close() or x, [1]) == [1]
    assert until(lambda: pool.state == "closed", 30.0)
    with pytest.raises(PoolClosed):
        pool.map(abs, [1])


def test_each_runs_once_on_every_worker_also_where_one_is_this_thread() -> None:
    with Pool("threads", "serial", nodes=2) as pool:
        assert len(pool.each(whoami)) == pool.nodes
        assert pool.map(abs, [-1, 2]) == [1, 2]


def test_the_initializer_runs_in_every_worker_before_its_items(launcher: str) -> None:
    with Pool(launcher, nodes=2, initializer=begin, initargs=("colour", "red")) as pool:
        assert pool.each(begun, "colour") == ["red"] * 2
        assert pool.map(begun, ["colour"] * 8) == ["red"] * 8
        pool.resize(3)
        pool.restart()
        assert set(pool.map(begun, ["colour"] * 8)) == {"red"}


@apart
def test_a_worker_is_replaced_after_so_many_items(launcher: str) -> None:
    with Pool(launcher, nodes=2, maxtasksperchild=3) as pool:
        pids = [pid for pid, _ in pool.map(whoami, range(24), chunksize=1)]
        assert len(pids) == 24
        assert max(pids.count(p) for p in set(pids)) <= 3
        assert pool.map(square, range(50)) == [x * x for x in range(50)]


@here
def test_close_then_join_is_the_end_as_with_other_peoples_pools(launcher: str) -> None:
    pool = Pool(launcher, nodes=1)
    with pytest.raises(ValueError, match=r"still running; call its close\(\) first"):
        pool.join()
    pool.close()
    pool.join()


@together
def test_workers_that_cannot_be_replaced_say_so(launcher: str) -> None:
    with pytest.raises(BadOption, match=f"maxtasksperchild is for workers that are processes, and {launcher} has none"):
        Pool(launcher, maxtasksperchild=3)


def test_an_initializer_that_raises_breaks_the_pool_with_its_own_words(launcher: str) -> None:
    before = Census.take()
    pool = Pool(launcher, nodes=2, initializer=fail_to_begin)
    for _ in range(2):
        with pytest.raises(PoolBroken, match="no licence here"):
            pool.map(same, range(4))
    pool.terminate()
    before.check()


def test_a_pool_serves_several_threads_at_once(pool: Any) -> None:
    answers: dict[int, Any] = {}

    def ask(n: int) -> None:
        answers[n] = [pool.map(square, range(n)), list(pool.imap(same, range(n))), pool.pipe(same, n)]

    askers = [threading.Thread(target=ask, args=(n,)) for n in (1, 10, 100, 300)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(30)
    assert answers == {n: [[x * x for x in range(n)], list(range(n)), n] for n in (1, 10, 100, 300)}


def test_a_failure_in_one_thread_is_not_told_to_another(pool: Any) -> None:
    from tests.contract.calls import picky

    answers: dict[str, Any] = {}

    def good() -> None:
        answers["good"] = [pool.map(square, range(50)) for _ in range(5)]

    def bad() -> None:
        answers["bad"] = [pool.map(picky, range(3), on_error="keep")[1].index for _ in range(5)]

    askers = [threading.Thread(target=ask) for ask in (good, bad)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join(30)
    assert answers == {"good": [[x * x for x in range(50)]] * 5, "bad": [1] * 5}


@here
def test_close_waits_for_the_maps_of_other_threads(launcher: str, tmp_path: Path) -> None:
    pool = Pool(launcher, nodes=2)
    begun_, answers, told = threading.Event(), [], []

    def ask() -> None:
        ys = pool.imap(square, range(500))
        answers.append(next(ys))
        begun_.set()
        try:
            answers.extend(ys)
        except PoolClosed as error:  # serial: nobody but the asker could go on with it
            told.append(error)

    asker = threading.Thread(target=ask)
    asker.start()
    assert begun_.wait(30)
    pool.close()
    asker.join(30)
    assert len(answers) == 500 or (launcher == "serial" and told)
    assert answers == [x * x for x in range(len(answers))]


def test_n_workers_keeps_a_run_on_so_many(pool: Any) -> None:
    assert len(set(pool.map(whoami, range(60), n_workers=1))) == 1


@here
@apart
def test_a_map_marks_no_item_twice_when_workers_end_by_their_count(launcher: str, tmp_path: Path) -> None:
    path = tmp_path / "runs"
    with Pool(launcher, nodes=2, maxtasksperchild=2) as pool:
        from functools import partial

        assert pool.map(partial(mark_file, str(path)), range(30)) == list(range(30))
    assert sorted(map(int, path.read_text().split())) == list(range(30))
