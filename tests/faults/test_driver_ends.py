"""However the driver ends, all it has started, at any depth, is gone within five seconds, and no file stays."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.rig.census import marked, until
from tests.rig.launchers import apart
from tests.rig.script import Script, run

pytestmark = pytest.mark.timeout(60)

AT_WORK = {
    "idle": """
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(abs, range(10))
    say("ready")
    time.sleep(60)
    """,
    "items_asleep": """
    def item(x):
        say("ready")
        time.sleep(60)
    Pool(LAUNCHER, nodes=2).map(item, range(9), chunksize=1)
    """,
    "items_in_a_loop": """
    def item(x):
        say("ready")
        while True: pass
    Pool(LAUNCHER, nodes=2).map(item, range(9), chunksize=1)
    """,
    "items_that_ignore_signals": """
    def item(x):
        signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals))
        say("ready")
        while True:
            try: time.sleep(60)
            except BaseException: pass
    Pool(LAUNCHER, nodes=2).map(item, range(9), chunksize=1)
    """,
    "items_with_children": """
    import subprocess
    def item(x):
        child = subprocess.Popen(["sleep", "60"])
        say("ready")
        child.wait()
    Pool(LAUNCHER, nodes=2).map(item, range(9), chunksize=1)
    """,
    "items_with_grandchildren": """
    import subprocess
    def item(x):
        subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60"])
        say("ready")
        time.sleep(60)
    Pool(LAUNCHER, nodes=2).map(item, range(9), chunksize=1)
    """,
    "nested_pools": """
    def inner(x):
        say("ready")
        time.sleep(60)
    def item(x):
        with Pool("processes", nodes=1) as pool:
            pool.map(inner, range(3), chunksize=1)
    Pool(LAUNCHER, nodes=2).map(item, range(9), chunksize=1)
    """,
    "a_worker_that_is_stopped": """
    def item(x):
        say("ready")
        os.kill(os.getpid(), signal.SIGSTOP)
        time.sleep(60)
    Pool(LAUNCHER, nodes=2).map(item, range(2), chunksize=1)
    """,
}


@apart
@pytest.mark.parametrize("work", AT_WORK)
def test_a_driver_killed_at_work_leaves_nothing(
    launcher: str, tmp_path: Path, work: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shm = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    with Script(tmp_path, AT_WORK[work], launcher) as running:
        running.heard(1 if work == "idle" else 2)
        assert len(marked(running.mark)) >= (1 if launcher == "dask" else 3), "the workers of dask's are no children"
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
        assert running.left() == []
    assert until(lambda: not new_in("/dev/shm", shm)), new_in("/dev/shm", shm)
    assert not list(temporary.iterdir())


def new_in(folder: str, before: set[str]) -> set[str]:
    """Give what is new there and of ours."""
    return {n for n in set(os.listdir(folder)) - before if "pathos" in n or n.startswith(("pnb", "psm_"))}


ENDS = {
    "by_its_last_line": "",
    "by_an_exception": "raise SystemExit(0)",
    "with_an_iterator_half_taken": "ys = pool.imap(abs, iter(int, 1)); next(ys)",
    "with_a_handle_not_taken": "handle = pool.amap(time.sleep, [0.05] * 4)",
    "with_a_pool_in_a_circle": "class C: pass\n    c = C(); c.pool = pool; c.me = c; del pool, c",
    "with_a_pool_closed_at_exit": "import atexit; atexit.register(pool.close)",
    "with_a_thread_that_maps": "threading.Thread(target=lambda: pool.map(time.sleep, [0.05] * 4)).start()",
}


@pytest.mark.parametrize("end", ENDS)
def test_a_script_ends_in_peace(launcher: str, tmp_path: Path, end: str) -> None:
    source = f"""
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(abs, range(10))
    print("good", flush=True)
    {ENDS[end]}
    """
    assert run(tmp_path, source, launcher) == "good\n"


def test_a_driver_that_os_exits_leaves_nothing(launcher: str, tmp_path: Path) -> None:
    source = """
    pool = Pool(LAUNCHER, nodes=2)
    pool.amap(time.sleep, [0 if LAUNCHER == "serial" else 60] * 4)
    os._exit(0)
    """
    assert run(tmp_path, source, launcher) == ""


def test_a_driver_that_forks_keeps_its_pool_and_the_child_may_have_its_own(launcher: str, tmp_path: Path) -> None:
    source = """
    import warnings
    warnings.simplefilter("ignore")
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(abs, range(10))
    pid = os.fork()
    if pid == 0:
        try:
            with Pool("processes", nodes=1) as own:
                assert own.map(abs, [-1, 2]) == [1, 2]
            os._exit(5)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(6)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    assert pool.map(abs, [-1, 2]) == [1, 2]
    pool.close()
    print("good")
    """
    assert run(tmp_path, source, launcher) == "good\n"


def test_a_forked_child_that_ends_does_not_end_the_parents_pool(launcher: str, tmp_path: Path) -> None:
    source = """
    import warnings
    warnings.simplefilter("ignore")
    pool = Pool(LAUNCHER, nodes=2)
    pool.map(abs, range(10))
    pid = os.fork()
    if pid == 0:
        sys.exit(0)
    os.waitpid(pid, 0)
    assert pool.map(abs, [-1, 2]) == [1, 2]
    pool.close()
    print("good")
    """
    assert run(tmp_path, source, launcher) == "good\n"
