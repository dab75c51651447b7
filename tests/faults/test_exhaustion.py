"""When the machine has no more: descriptors, shared memory, processes; and what is large or many."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from tests.contract.calls import same, square
from tests.faults.deeds import big_result
from tests.rig.census import Census
from tests.rig.launchers import apart, together
from tests.rig.script import run

pytestmark = pytest.mark.timeout(120)

NO_DESCRIPTORS = """
    import resource
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(abs, range(10))
    list(pool.imap(abs, range(10)))
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    assert pool.map(abs, range(-9, 0)) == list(range(9, 0, -1))     # a pool that runs needs no more
    assert sorted(pool.uimap(abs, [-1, 2])) == [1, 2]
    try:
        with Pool(LAUNCHER, nodes=2) as other:
            assert other.map(abs, [-1, 2]) == [1, 2]
        print("another pool works")
    except Exception as error:
        print(type(error).__name__, error)
    for fd in held:
        os.close(fd)
    n_fds = len(os.listdir("/proc/self/fd"))
    assert pool.map(abs, [-1, 2]) == [1, 2]
    with Pool(LAUNCHER, nodes=2) as other:
        assert other.map(abs, [-1, 2]) == [1, 2]
    assert len(os.listdir("/proc/self/fd")) == n_fds
    pool.close()
    print("good")
"""


def test_without_descriptors_a_running_pool_runs_and_a_new_one_says_why(launcher: str, tmp_path: Path) -> None:
    first, last = run(tmp_path, NO_DESCRIPTORS, launcher).splitlines()
    assert last == "good"
    assert first == "another pool works" or ("files" in first and first.startswith(("PoolBroken", "OSError"))), first


NO_DESCRIPTORS_FOR_A_REPLACEMENT = """
    import resource
    def item(x):
        if x == 2: os._exit(3)
        return x
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(item, [0, 1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        pass
    ys = pool.map(item, range(5), on_error="keep", retries=0)
    assert [y for i, y in enumerate(ys) if i != 2] == [0, 1, 3, 4], ys
    for fd in held:
        os.close(fd)
    assert pool.map(abs, [-1, 2]) == [1, 2]
    pool.close()
    print("good")
"""


@apart
def test_a_worker_lost_when_no_descriptor_is_left(launcher: str, tmp_path: Path) -> None:
    assert run(tmp_path, NO_DESCRIPTORS_FOR_A_REPLACEMENT, launcher) == "good\n"


FULL = """
    import numpy as np
    def double(a): return a * 2
    with Pool(LAUNCHER, nodes=2) as pool:
        try:
            for back in pool.map(double, [np.full(1_000_000, float(i)) for i in range(6)]):
                assert set(np.unique(back)) <= {0.0, 2.0, 4.0, 6.0, 8.0, 10.0}
            print("works")
        except OSError as error:
            print(type(error).__name__, error)
        big = np.ones(2_000_000)
        try:
            assert pool.map(lambda x: big.sum() * x, [1, 2]) == [2e6, 4e6]
        except OSError as error:
            print(type(error).__name__, error)
        assert pool.map(abs, [-1, 2]) == [1, 2]
    print("good")
"""


@pytest.mark.skipif(not shutil.which("unshare"), reason="a small /dev/shm needs unshare(1)")
@pytest.mark.parametrize("size", ["64k", "9m"])
def test_with_shared_memory_full_arrays_go_another_way_or_it_is_an_error(
    launcher: str, tmp_path: Path, size: str
) -> None:
    wrap = ["unshare", *([] if os.getuid() == 0 else ["-r"]), "-m", "sh", "-c"]
    wrap.append(f'mount -t tmpfs -o size={size} tmpfs /dev/shm && exec "$0" "$@"')
    if subprocess.run([*wrap, "true"], capture_output=True, check=False).returncode:
        pytest.skip("a small /dev/shm needs the right to mount")
    lines = run(tmp_path, FULL, launcher, *wrap).splitlines()
    assert lines[-1] == "good"
    assert lines[0] == "works" or "shm" in lines[0] or "space" in lines[0]


NO_PROCESSES = """
    import resource
    with Pool(LAUNCHER, nodes=1) as pool:
        pool.amap(abs, [-1, 2]).get(30)
    os.setgid(12345); os.setuid(12345)
    resource.setrlimit(resource.RLIMIT_NPROC, (1, 1))
    try:
        with Pool(LAUNCHER, nodes=2) as pool:
            assert pool.map(abs, [-1, 2]) == [1, 2]
        print("works")
    except Exception as error:
        print(type(error).__name__, error)
    print("good")
"""


@pytest.mark.skipif(os.getuid() != 0, reason="to be a user without processes one has to be root")
def test_where_no_process_can_be_started_it_is_an_error(launcher: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    first, last = run(tmp_path, NO_PROCESSES, launcher).splitlines()
    assert last == "good"
    assert first == "works" or first.startswith(("PoolBroken", "OSError", "BlockingIOError", "RuntimeError")), first


@pytest.mark.parametrize("n_bytes", [1 << 16, (1 << 18) + 1, 1 << 20, 1 << 25])
def test_results_of_any_size_come_back(pool: Any, n_bytes: int) -> None:
    for back in pool.map(big_result, [n_bytes] * 3):
        assert len(back) == 2 * (n_bytes // 2)
        assert back[:2] == back[-2:] == b"ab"


def test_half_a_gigabyte_comes_back(pool: Any) -> None:
    half = 1 << 28
    backs = pool.map(big_result, [half, half - 2])
    assert [len(b) for b in backs] == [half, half - 2]
    assert all(b[:2] == b[-2:] == b"ab" for b in backs)


def test_half_a_gigabyte_of_array_comes_back_and_can_be_written(launcher: str) -> None:
    np = pytest.importorskip("numpy")
    with Pool(launcher, nodes=2) as pool:
        back = pool.pipe(np.full, 1 << 26, 7.0)
        assert (back.nbytes, back[0], back[-1], float(back.sum())) == (1 << 29, 7.0, 7.0, 7.0 * (1 << 26))
        back[0] = 1.0


def test_a_large_argument_goes_out(pool: Any) -> None:
    assert pool.map(len, [b"x" * (1 << 26), b"y"]) == [1 << 26, 1]


def test_a_million_tiny_items(pool: Any) -> None:
    assert pool.map(abs, range(-1_000_000, 0)) == list(range(1_000_000, 0, -1))


@pytest.mark.parametrize("kind", ["imap", "uimap"])
def test_many_tiny_items_lazily(pool: Any, kind: str) -> None:
    ys = getattr(pool, kind)(square, iter(range(50_000)))
    assert sum(ys) == sum(x * x for x in range(50_000))


def test_many_runs_leave_nothing(launcher: str) -> None:
    before = Census.take()
    with Pool(launcher, nodes=2) as pool:
        pool.map(abs, range(4))
        warm = Census.take()
        for n in range(200):
            assert pool.map(lambda x, n=n: x + n, [1, 2]) == [n + 1, n + 2]
        warm.check()
    before.check()


def test_many_pools_leave_nothing(launcher: str) -> None:
    before = Census.take()
    for _ in range(8):
        with Pool(launcher, nodes=2) as pool:
            assert pool.map(abs, [-1, 2]) == [1, 2]
    before.check()


def test_many_pools_at_once(launcher: str) -> None:
    before = Census.take()
    pools = [Pool(launcher, nodes=1) for _ in range(12)]
    handles = [p.amap(square, range(20)) for p in pools]
    assert [h.get(30) for h in handles] == [[x * x for x in range(20)]] * 12
    for pool in pools:
        pool.close()
    before.check()


GROWTH = """
    import resource
    def item(x): return b"x" * 10_000
    pool = Pool(LAUNCHER, nodes=2)
    for _ in pool.imap(item, range(500)): pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in pool.imap(item, range(4_000)): pass
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 20_000, grown_kb
    pool.close()
    print("good")
"""


def test_a_long_lazy_map_needs_no_more_memory(launcher: str, tmp_path: Path) -> None:
    assert run(tmp_path, GROWTH, launcher) == "good\n"


BEHIND = """
    import resource, threading, pathlib
    gate = pathlib.Path("gate")
    def item(x):
        if x == 0:
            while not gate.exists(): time.sleep(0.01)
        return b"x" * 10_000
    pool = Pool(LAUNCHER, nodes=2)
    for _ in pool.imap(item, range(1, 200)): pass
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    threading.Timer(0.5, gate.touch).start()
    ys = pool.imap(item, iter(range(10_000_000)))
    next(ys)
    grown_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown_kb < 10_000, grown_kb
    ys.close()
    pool.close()
    print("good")
"""


def test_memory_behind_a_slow_first_item_is_bounded(launcher: str, tmp_path: Path) -> None:
    assert run(tmp_path, BEHIND, launcher) == "good\n"


@together
def test_values_of_one_run_are_let_go(launcher: str) -> None:
    import gc
    import weakref

    class Held:
        pass

    with Pool(launcher, nodes=2) as pool:
        value = Held()
        watch = weakref.ref(value)
        assert pool.map(same, [value])[0] is value
        pool.map(same, [1])
        del value
        gc.collect()
        assert watch() is None
