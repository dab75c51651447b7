"""An item that kills its worker, or never ends, fails alone; its neighbours run again, and the pool has workers again."""

from __future__ import annotations

import importlib
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from pathos_nb import Pool
from pathos_nb.errors import BadOption, Failure, ItemTimeout, WorkerLost
from tests.contract.calls import same, square
from tests.faults.acts import BAD, N_ITEMS, Trap
from tests.faults.deeds import (
    always_dies,
    die_once,
    mark_and_sleep,
    odd_ones_die,
    rings_and_sleeps,
    rings_in_its_own_way,
    says_and_dies,
    sleep_for,
    tell_and_wait,
    x_of,
)
from tests.faults.givers import place
from tests.faults.objects import HangsOnArrival
from tests.rig.census import Census, until
from tests.rig.kinds import DOORS, KINDS
from tests.rig.launchers import apart, not_serial
from tests.rig.sampling import daily, seldom

pytestmark = pytest.mark.timeout(60)

KILLERS = [
    "kills_itself", "terminates_itself", "os_exits", "os_exits_well", "segfaults", "aborts", "closes_its_descriptors",
    "execs",
]  # fmt: skip
SIGNS = {
    "kills_itself": "SIGKILL|signal 9|-9",
    "terminates_itself": "SIGTERM|signal 15|-15",
    "os_exits": "7",
    "segfaults": "SIGSEGV|signal 11|-11",
    "aborts": "SIGABRT|signal 6|-6",
}
# Agents and servers start the workers of "processes" on their machine: each day they try what they do themselves.
here = daily("processes", "threads")
ENDLESS = ["sleeps", "loops", "loops_in_c", "swallows_everything", "blocks_signals"]


@apart
@pytest.mark.parametrize(
    ("kind", "act"), [*(("map", act) for act in KILLERS), *((kind, "kills_itself") for kind in DOORS if kind != "map")]
)
def test_kept_a_killer_fails_alone(pool: Any, kind: str, act: str) -> None:
    ys = KINDS[kind](pool, Trap(act), range(N_ITEMS), on_error="keep")
    failure = ys.pop(BAD)
    assert ys == [x for x in range(N_ITEMS) if x != BAD]
    assert isinstance(failure, Failure)
    assert isinstance(failure.error, WorkerLost), repr(failure)
    assert (failure.index, failure.argument) == (BAD, f"({BAD})")
    assert failure.error.index == BAD
    assert failure.worker and failure.host


@here
@apart
@pytest.mark.parametrize("act", SIGNS)
def test_raised_a_killer_is_named(pool: Any, act: str) -> None:
    with pytest.raises(WorkerLost, match=SIGNS[act]) as caught:
        pool.map(Trap(act), range(N_ITEMS), retries=0)
    assert caught.value.index == BAD


@here
@apart
@pytest.mark.parametrize("act", ["os_exits"])
def test_a_killer_in_one_large_chunk_is_found(pool: Any, act: str) -> None:
    ys = pool.map(Trap(act), range(200), chunksize=200, on_error="keep")
    assert isinstance(ys.pop(BAD).error, WorkerLost)
    assert ys == [x for x in range(200) if x != BAD]


@apart
def test_the_last_words_are_those_of_the_item_that_killed(pool: Any) -> None:
    ys = pool.map(says_and_dies, range(N_ITEMS), chunksize=N_ITEMS, retries=0, on_error="keep")
    assert ys[BAD].error.tail == f"words of {BAD}"


@here
@apart
def test_one_call_that_kills_is_an_error(pool: Any) -> None:
    with pytest.raises(WorkerLost):
        pool.pipe(Trap("os_exits"), BAD)
    with pytest.raises(WorkerLost):
        pool.apipe(Trap("os_exits"), BAD).get(30)


@apart
@pytest.mark.parametrize("kind", DOORS)
def test_an_item_whose_worker_was_lost_runs_again(pool: Any, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "runs"
    assert KINDS[kind](pool, partial(die_once, str(path)), range(N_ITEMS)) == list(range(N_ITEMS))
    assert path.read_text().split().count(str(BAD)) == 2


@here
@apart
@pytest.mark.parametrize("retries", [0, 1, 2])
def test_a_killer_is_tried_as_often_as_was_asked(pool: Any, tmp_path: Path, retries: int) -> None:
    path = tmp_path / "runs"
    failure = pool.map(partial(always_dies, str(path)), [5], retries=retries, on_error="keep")[0]
    assert path.read_text().split() == ["5"] * (retries + 1)
    assert failure.attempt == retries + 1


@daily("processes", "agent")
@apart
def test_many_killers_each_fail_and_the_rest_is_there(pool: Any) -> None:
    ys = pool.map(odd_ones_die, range(10), on_error="keep", retries=0)
    assert [y for y in ys if not isinstance(y, Failure)] == list(range(0, 10, 2))
    assert [y.index for y in ys if isinstance(y, Failure)] == list(range(1, 10, 2))


@apart
def test_a_killed_idle_worker_is_replaced(pool: Any) -> None:
    for victims in (1, 2):
        pool.each(os.getpid)
        pids = [worker.pid for worker in pool.workers()]
        assert all(pids), "each has been heard of; one of number 0 would be this very process and its group"
        for pid in pids[:victims]:
            os.kill(pid, signal.SIGKILL)
        assert pool.map(square, range(50)) == [x * x for x in range(50)]
    assert len(set(pool.each(os.getpid))) == 2


@apart
def test_a_worker_killed_from_outside_under_an_item_costs_one_attempt(pool: Any, tmp_path: Path) -> None:
    gate, path = tmp_path / "gate", tmp_path / "pid"
    handle = pool.amap(partial(tell_and_wait, str(path)), [str(gate)])
    assert until(lambda: path.exists() and path.read_text().endswith("\n"))
    os.kill(int(path.read_text().split()[0]), signal.SIGKILL)
    gate.touch()
    assert handle.get(30) == [str(gate)]


@apart
def test_the_parent_of_the_workers_may_be_killed_too(launcher: str) -> None:
    before, others = Census.take(), psutil.Process().children()
    with Pool(launcher, nodes=2) as pool:
        pool.map(same, range(4))
        for process in set(psutil.Process().children()) - set(others):
            process.kill()
        assert pool.map(square, range(20)) == [x * x for x in range(20)]
    before.check()


@here
@apart
def test_an_item_that_kills_the_parent_of_the_workers_does_not_hang(launcher: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        ys = pool.map(Trap("kills_its_parent"), range(N_ITEMS), on_error="keep", retries=0)
        assert isinstance(ys[BAD], Failure)
        assert pool.map(abs, [-1, 2]) == [1, 2]
    before.check()


@apart
@pytest.mark.parametrize("act", ENDLESS)
def test_an_item_past_its_timeout_is_stopped_and_fails_alone(pool: Any, act: str) -> None:
    began = time.monotonic()
    ys = pool.map(Trap(act), range(N_ITEMS), timeout=0.6, on_error="keep")
    failure = ys.pop(BAD)
    assert time.monotonic() - began < 40
    assert isinstance(failure.error, ItemTimeout)
    assert isinstance(failure.error, TimeoutError)
    assert (failure.index, failure.attempt, failure.error.index) == (BAD, 1, BAD)
    assert ys == [x for x in range(N_ITEMS) if x != BAD]


@here
@apart
@pytest.mark.parametrize("size", [1, N_ITEMS])
def test_an_argument_that_never_ends_loading_fails_alone_by_the_items_timeout(pool: Any, size: int) -> None:
    xs = [HangsOnArrival() if x == BAD else x for x in range(N_ITEMS)]
    workers = set(pool.each(os.getpid))
    ys = pool.map(place, xs, timeout=0.5, on_error="keep", chunksize=size)
    failure = ys.pop(BAD)
    assert isinstance(failure.error, ItemTimeout) and "took longer to load" in str(failure.error)
    assert ys == [x for x in range(N_ITEMS) if x != BAD]
    with pytest.raises(ItemTimeout, match="took longer to load"):
        pool.pipe(place, HangsOnArrival(), timeout=0.2)
    assert set(pool.each(os.getpid)) == workers, "no worker had to be killed"


SLOW_MODULE = """
import os, time
if os.environ["PATHOS_NB_TEST_HOME"] != str(os.getpid()):
    time.sleep(0.8)
class Here:
    x = 5
"""


@here
@apart
def test_what_an_argument_imports_is_not_of_the_items_time(
    launcher: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow_to_import.py").write_text(SLOW_MODULE)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATHOS_NB_TEST_HOME", str(os.getpid()))
    module = importlib.import_module("slow_to_import")
    with Pool(launcher, nodes=1) as pool:
        assert pool.map(x_of, [module.Here()], timeout=0.5) == [5]


@here
@not_serial
@pytest.mark.parametrize("kind", ["map", "imap", *seldom("uimap", "amap")])
def test_a_sleeper_times_out_by_every_kind_of_map(launcher: str, kind: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        ys = KINDS[kind](pool, Trap("naps"), range(N_ITEMS), timeout=0.6, on_error="keep")
        assert isinstance(ys.pop(BAD).error, ItemTimeout)
        assert ys == [x for x in range(N_ITEMS) if x != BAD]
        with pytest.raises(ItemTimeout):
            pool.map(sleep_for, [2.0], timeout=0.1)
        assert pool.map(abs, [-1, 2]) == [1, 2]
    before.check()


@here
@not_serial
def test_the_timeout_is_each_items_own_and_not_the_chunks(pool: Any, launcher: str) -> None:
    assert pool.map(sleep_for, [0.05] * 20, timeout=0.9, chunksize=20) == [0.05] * 20


@here
@apart
def test_an_alarm_of_an_items_own_is_neither_its_timeout_nor_the_next_ones(pool: Any) -> None:
    pool.each(rings_in_its_own_way)
    failed, *others = pool.map(sleep_for, [5.0, 0.0, 0.0], timeout=0.6, on_error="keep")
    assert isinstance(failed.error, ItemTimeout)
    assert others == [0.0, 0.0]
    assert pool.pipe(rings_and_sleeps, 0.05, 0.2, timeout=20) == pool.pipe(rings_and_sleeps, 0.05, 0.2) == "slept"
    with pytest.raises(ItemTimeout):
        pool.pipe(rings_and_sleeps, 0.05, 20.0, timeout=0.3)


@here
@not_serial
def test_a_timeout_is_never_tried_again(launcher: str, tmp_path: Path) -> None:
    path = tmp_path / "runs"
    with Pool(launcher, nodes=2) as pool:
        ys = pool.map(partial(mark_and_sleep, str(path)), [1], timeout=0.1, retries=3, on_error="keep")
    assert isinstance(ys[0].error, ItemTimeout)
    assert path.read_text().split() == ["1"]


def test_the_serial_launcher_refuses_a_timeout() -> None:
    with Pool("serial") as pool, pytest.raises(BadOption, match="timeout"):
        pool.map(same, [1], timeout=1)


@here
@apart
def test_a_stopped_worker_is_lost(pool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pathos_nb.launchers.processes._STOPPED_S", 1.0)  # elsewhere it is five seconds
    began = time.monotonic()
    ys = pool.map(Trap("stops_itself"), range(N_ITEMS), retries=0, on_error="keep")
    assert isinstance(ys.pop(BAD).error, WorkerLost)
    assert ys == [x for x in range(N_ITEMS) if x != BAD]
    assert time.monotonic() - began < 40


@apart
def test_a_worker_stopped_for_a_moment_goes_on(pool: Any) -> None:
    pool.each(os.getpid)
    victim = pool.workers()[0].pid
    assert victim, "it has been heard of"
    os.kill(victim, signal.SIGSTOP)
    handle = pool.amap(square, range(100))
    until(lambda: psutil.Process(victim).status() == psutil.STATUS_STOPPED)
    os.kill(victim, signal.SIGCONT)
    assert handle.get(30) == [x * x for x in range(100)]


@apart
def test_terminate_ends_workers_that_ignore_every_signal(launcher: str) -> None:
    before = Census.take()
    pool = Pool(launcher, nodes=2)
    handle = pool.amap(Trap("blocks_signals"), [BAD, BAD])
    until(lambda: handle.run.state == "running" and len(pool.workers()) > 0)
    pool.terminate()
    assert handle.ready()
    before.check()
