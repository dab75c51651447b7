"""An item that meddles with its worker (descriptors, signals, forks, threads, modules): no harm to its neighbours."""

from __future__ import annotations

import os
import signal
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import ItemTimeout
from tests.contract.calls import same
from tests.faults.acts import BAD, N_ITEMS
from tests.faults.meddlers import (
    MEDDLERS,
    child_holds_output_open,
    forks,
    ignore_then_sleep,
    ignores_signals,
    leaves_a_thread_that_raises,
    meddle,
    plain,
    raise_in_signal,
    speak,
    starts_a_process,
)
from tests.rig.census import Census
from tests.rig.launchers import apart

pytestmark = pytest.mark.timeout(60)


@apart
@pytest.mark.parametrize("act", MEDDLERS, ids=lambda f: f.__name__)
def test_neighbours_later_runs_and_the_end_go_well(launcher: str, act: Any, capfd: Any) -> None:
    before = Census.take()
    with Pool(launcher, nodes=1) as pool:
        ys = pool.map(partial(meddle, act), range(N_ITEMS), on_error="keep")
        assert [y for i, y in enumerate(ys) if i != BAD] == [x for x in range(N_ITEMS) if x != BAD]
        assert ys[BAD] == BAD or not ys[BAD], ys[BAD]
        assert pool.map(plain, range(20)) == [x * x for x in range(20)]
        assert pool.start(speak, range(3)).result() == [0, 1, 2]
    before.check()
    told = capfd.readouterr()
    assert "Traceback" not in told.err.replace("in a thread of an item", "") or act is leaves_a_thread_that_raises


@apart
def test_items_that_all_fork_are_each_delivered_once(launcher: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        run = pool.start(forks, range(6), chunksize=1)
        assert run.result() == list(range(6))
        assert {int(i) for c in run.chunks for i in c.indices} == set(range(6)), (
            "one that was taken over may be in it twice"
        )
        assert pool.map(abs, [-1, 2]) == [1, 2]
    before.check()


@apart
def test_a_process_that_an_item_leaves_running_does_not_hold_the_pool_up(launcher: str, tmp_path: Path) -> None:
    with Pool(launcher, nodes=2) as pool:
        assert pool.map(partial(starts_a_process, str(tmp_path)), range(3)) == [0, 1, 2]
        began = time.monotonic()
    assert time.monotonic() - began < 40
    end_all(tmp_path)


def end_all(path: Path) -> None:
    """End the processes that items began, and noted there."""
    for child in path.iterdir():
        try:
            os.kill(int(child.name), signal.SIGKILL)
        except ProcessLookupError:
            continue


@apart
def test_a_child_that_holds_the_output_open_does_not_hold_the_result_up(launcher: str, tmp_path: Path) -> None:
    before = Census.take()
    began = time.monotonic()
    with Pool(launcher, nodes=2) as pool:
        assert pool.map(partial(child_holds_output_open, str(tmp_path)), range(2)) == [0, 1]
    assert time.monotonic() - began < 40
    end_all(tmp_path)
    before.check()


@apart
def test_handlers_that_an_item_has_set_do_not_keep_the_next_from_being_stopped(pool: Any) -> None:
    pool.map(partial(meddle, ignores_signals), range(N_ITEMS))
    ys = pool.map(ignore_then_sleep, [0], timeout=0.2, on_error="keep")
    assert isinstance(ys[0].error, ItemTimeout)


@apart
def test_a_handler_that_raises_is_the_items_own_failure(pool: Any) -> None:
    ys = pool.map(raise_in_signal, range(3), on_error="keep")
    assert [type(y.error) for y in ys] == [KeyboardInterrupt] * 3


def test_threads_of_the_driver_do_not_meddle_with_each_others_pickling(launcher: str) -> None:
    """The field's fault: while one thread pickles a function, another's print is lost."""
    import contextlib
    import io

    told, stop = io.StringIO(), threading.Event()
    with contextlib.redirect_stdout(told), Pool(launcher, nodes=2) as pool:
        printed = 0

        def babble() -> None:
            nonlocal printed
            while not stop.is_set():
                print("x", end="")
                printed += 1
                time.sleep(0)

        babbler = threading.Thread(target=babble)
        babbler.start()
        lock = threading.Lock()
        try:
            for n in range(30):
                assert pool.map(lambda x, n=n, lock=lock: x + n, [1]) == [n + 1]
        finally:
            stop.set()
            babbler.join()
    assert told.getvalue().count("x") == printed


def test_an_item_may_take_its_time_to_be_forgotten(pool: Any) -> None:
    assert pool.map(same, [object]) == [object]
