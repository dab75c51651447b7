"""joblib on a pool."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool, share

joblib = pytest.importorskip("joblib")
np = pytest.importorskip("numpy")

from pathos_nb import joblib_backend  # noqa: E402 - needs joblib

LIMIT_S = 30


@pytest.fixture(scope="module", params=["threads", "processes"])
def pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    joblib_backend.register()
    with Pool(request.param, nodes=2) as pool:
        pool.each(abs, 1)  # so that workers and threads are there before the first test counts what it leaves
        pool.amap(abs, [1]).get(LIMIT_S)
        yield pool


@pytest.fixture(params=["threads", "processes"])
def on_fresh_pool(request: pytest.FixtureRequest) -> Iterator[Pool]:
    """A pool for a test after which it has other workers, or keeps memory for more large arguments."""
    joblib_backend.register()
    with Pool(request.param, nodes=2) as pool, joblib.parallel_config(backend="pathos_nb", pool=pool):
        yield pool


@pytest.fixture
def on_processes() -> Iterator[Pool]:
    joblib_backend.register()
    with Pool("processes", nodes=2) as pool, joblib.parallel_config(backend="pathos_nb", pool=pool):
        yield pool


@pytest.fixture
def on_pool(pool: Pool) -> Iterator[Pool]:
    with joblib.parallel_config(backend="pathos_nb", pool=pool):
        yield pool


def run(function: Any, items: Any, **options: Any) -> list[Any]:
    return joblib.Parallel(timeout=LIMIT_S, **options)(joblib.delayed(function)(item) for item in items)


def square(x: int) -> int:
    return x * x


def where(_: object) -> tuple[int, int]:
    time.sleep(0.01)
    return os.getpid(), threading.get_ident()


def where_two_are(folder: str, i: int) -> tuple[int, int]:
    """Say where it runs, once tasks have begun in two processes."""
    Path(folder, str(os.getpid())).touch()
    until = time.monotonic() + LIMIT_S / 2
    while len(os.listdir(folder)) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    return where(i)


def fail_at_three(x: int) -> int:
    if x == 3:
        raise KeyError("three")
    return x


def nested(x: int) -> list[int]:
    return run(square, range(x), n_jobs=2)


def test_results_are_those_of_the_serial_loop(on_pool: Pool) -> None:
    assert run(square, range(500)) == [x * x for x in range(500)]


def test_the_work_is_done_by_the_pools_workers(on_pool: Pool) -> None:
    seen = set(run(where, range(20)))
    workers = set(on_pool.each(where, 0))
    assert seen <= workers
    assert (os.getpid(), threading.get_ident()) not in seen


def test_all_slots_are_used_unless_told_otherwise(on_pool: Pool) -> None:
    assert joblib.effective_n_jobs(-1) == 2
    assert joblib.effective_n_jobs(1) == 1
    assert joblib.effective_n_jobs(64) == 2
    assert joblib.effective_n_jobs(-2) == 1
    with pytest.raises(ValueError, match="no meaning"):
        joblib.effective_n_jobs(0)


def test_one_job_is_the_serial_loop(on_pool: Pool) -> None:
    rows = joblib.Parallel(n_jobs=1)(joblib.delayed(where)(i) for i in range(3))
    assert set(rows) == {(os.getpid(), threading.get_ident())}


def test_an_exception_is_itself_and_the_pool_goes_on(on_fresh_pool: Pool) -> None:
    for _ in range(3):
        with pytest.raises(KeyError, match="three"):
            run(fail_at_three, range(100))
        assert run(square, [2, 3]) == [4, 9]


def test_a_failure_stops_what_runs(on_processes: Pool) -> None:
    start = time.monotonic()
    with pytest.raises(KeyError, match="three"):
        run(fail_or_sleep, range(4), pre_dispatch="all", batch_size=1)
    assert run(square, [2, 3]) == [4, 9]
    assert time.monotonic() - start < LIMIT_S


def fail_or_sleep(x: int) -> None:
    if x == 1:
        raise KeyError("three")
    time.sleep(2 * LIMIT_S)


@pytest.mark.parametrize("return_as", ["generator", "generator_unordered"])
def test_generators(on_pool: Pool, return_as: str) -> None:
    results = run(square, range(50), return_as=return_as)
    assert sorted(results) == [x * x for x in range(50)]


@pytest.mark.filterwarnings("ignore:.*tasks:UserWarning")  # joblib tells of what was done in vain
def test_a_generator_that_is_dropped(on_fresh_pool: Pool) -> None:
    results = run(square, range(50), return_as="generator")
    assert next(results) == 0
    results.close()
    assert run(square, [2]) == [4]


def test_a_timeout_of_joblib(on_processes: Pool) -> None:
    with pytest.raises(multiprocessing.TimeoutError):
        joblib.Parallel(timeout=0.2)(joblib.delayed(time.sleep)(LIMIT_S) for _ in range(2))
    assert run(square, [2]) == [4]


def test_a_block_of_several_calls(on_fresh_pool: Pool) -> None:
    with joblib.Parallel(timeout=LIMIT_S) as parallel:
        for n in (5, 0, 7):
            assert parallel(joblib.delayed(square)(x) for x in range(n)) == [x * x for x in range(n)]
        with pytest.raises(KeyError, match="three"):
            parallel(joblib.delayed(fail_at_three)(x) for x in range(9))
        assert parallel(joblib.delayed(square)(x) for x in range(3)) == [0, 1, 4]


def test_loops_nest(on_pool: Pool) -> None:
    assert run(nested, range(6)) == [[y * y for y in range(x)] for x in range(6)]


def test_lambdas_and_closures_travel(on_pool: Pool) -> None:
    offset = 10
    assert run(lambda x: x + offset, range(3)) == [10, 11, 12]


def test_input_that_raises_midway(on_pool: Pool) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise OSError("no more")

    with pytest.raises(OSError, match="no more"):
        run(square, items())
    assert run(square, [2]) == [4]


def test_shared_memory_is_asked_for_and_given_by_threads_only(on_pool: Pool) -> None:
    seen: list[int] = []
    joblib.Parallel(require="sharedmem")(joblib.delayed(seen.append)(x) for x in range(5))
    assert sorted(seen) == list(range(5))


def of_array(array: Any, i: int) -> tuple[float, bool, int]:
    return float(array[i]), bool(array.flags.writeable), os.getpid()


def test_a_large_array_is_shared_once(on_fresh_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    shared: list[int] = []

    def counting(value: Any) -> Any:
        shared.append(value.nbytes)
        return share(value)

    monkeypatch.setattr(joblib_backend, "share", counting)
    array = np.arange(1_000_000.0)
    rows = joblib.Parallel(timeout=LIMIT_S, batch_size=1)(joblib.delayed(of_array)(array, i) for i in range(10))
    assert [row[0] for row in rows] == [float(i) for i in range(10)]
    assert shared == ([] if on_fresh_pool.places == ("threads",) else [8_000_000])
    if on_fresh_pool.places == ("processes",):
        assert not rows[-1][1]


def test_max_nbytes_none_shares_nothing(on_fresh_pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joblib_backend, "share", None)
    array = np.zeros(1_000_000)
    rows = run(lambda i: of_array(array, i), range(4), max_nbytes=None)
    assert len(rows) == 4
    calls = (joblib.delayed(of_array)(array, i) for i in range(4))
    assert len(joblib.Parallel(timeout=LIMIT_S, max_nbytes=None)(calls)) == 4


def test_arrays_that_come_and_go_are_not_mistaken_for_each_other(on_fresh_pool: Pool) -> None:
    calls = (joblib.delayed(of_array)(np.full(200_000, float(i)), 0) for i in range(20))
    rows = joblib.Parallel(timeout=LIMIT_S, batch_size=1)(calls)
    assert [row[0] for row in rows] == [float(i) for i in range(20)]


def test_a_handle_of_the_user_stays_a_handle(on_pool: Pool) -> None:
    with share(np.arange(5.0)) as handle:
        calls = (joblib.delayed(lambda shared, i: float(shared.value[i]))(handle, i) for i in range(5))
        assert joblib.Parallel(timeout=LIMIT_S)(calls) == [0.0, 1.0, 2.0, 3.0, 4.0]


@pytest.fixture
def nothing_kept() -> Iterator[None]:
    joblib_backend.register()
    joblib_backend.end()
    yield
    joblib_backend.end()


def test_without_a_pool_calls_have_one_that_is_kept_for_the_next(nothing_kept: None, tmp_path: Path) -> None:
    with joblib.parallel_config(backend="pathos_nb", n_jobs=2):
        assert run(square, range(20)) == [x * x for x in range(20)]
    pids = {pid for pid, _ in run(partial(where_two_are, str(tmp_path)), range(20), backend="pathos_nb", n_jobs=2)}
    assert {pid for pid, _ in run(where, range(20), backend="pathos_nb", n_jobs=2)} <= pids
    assert os.getpid() not in pids
    joblib_backend.end()
    assert pids.isdisjoint({pid for pid, _ in run(where, range(20), backend="pathos_nb", n_jobs=2)})


def test_a_pool_is_kept_also_after_a_failure_and_not_if_it_is_broken_or_of_another_size(nothing_kept: None) -> None:
    pids = {pid for pid, _ in run(where, range(20), backend="pathos_nb", n_jobs=2)}
    with pytest.raises(KeyError, match="three"):
        run(fail_at_three, range(100), backend="pathos_nb", n_jobs=2)
    assert run(square, range(20), backend="pathos_nb", n_jobs=2) == [x * x for x in range(20)]
    assert pids.isdisjoint({pid for pid, _ in run(where, range(40), backend="pathos_nb", n_jobs=3)})


def test_registering_twice_is_harmless() -> None:
    joblib_backend.register()
    joblib_backend.register("pathos_nb")


def test_a_closed_pool_is_an_error_and_no_hang() -> None:
    joblib_backend.register()
    pool = Pool("processes", nodes=2)
    pool.close()
    with joblib.parallel_config(backend="pathos_nb", pool=pool), pytest.raises(Exception, match="clos"):
        run(square, range(4))
