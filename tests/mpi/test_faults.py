"""What goes wrong with MPI jobs: each has an end, a reason and a next step, and every other item is delivered."""

from __future__ import annotations

import os
import re
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from pathos_nb import Pool
from pathos_nb.errors import BadOption, LauncherUnavailable, PoolBroken, WorkerLost
from pathos_nb.launchers.mpi_command import find_mpiexec
from tests.mpi import calls
from tests.mpi.conftest import left_in_memory
from tests.rig.census import Census, until
from tests.rig.script import Script

pytestmark = pytest.mark.timeout(120)
MANY = 1100  # more than select() knows of


def broken(mpiexec: str, **settings: Any) -> PoolBroken:
    """Give the error of a pool whose jobs cannot begin."""
    before = Census.take()
    with (
        pytest.raises(PoolBroken, match="an MPI job could not be started") as caught,
        Pool("mpi", nodes=1, mpiexec=mpiexec, **settings) as pool,
    ):
        pool.map(abs, [1, 2])
    before.check()
    return caught.value


def has_ended(pid: int) -> bool:
    """Say whether a process is no more, or all that is left of it is for its parent to know."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_without_mpiexec_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    with pytest.raises(LauncherUnavailable, match=r"no mpiexec .*pip install mpich"):
        Pool("mpi", nodes=1)


def test_an_mpiexec_that_starts_nothing_is_quoted(fake_mpiexec: Callable[[str], str]) -> None:
    error = broken(fake_mpiexec("echo there are not enough slots >&2; exit 3"))
    assert "mpiexec ended with status 3 before a rank had come" in error.cause
    assert "there are not enough slots" in error.tail


def test_an_mpiexec_that_is_not_there_is_named() -> None:
    with pytest.raises(LauncherUnavailable, match="no-such-mpiexec is not on the path.*mpiexec="):
        Pool("mpi", nodes=1, mpiexec="no-such-mpiexec")
    with pytest.raises(LauncherUnavailable, match="/no/mpiexec is no program.*mpiexec="):
        Pool("mpi", nodes=1, mpiexec="/no/mpiexec --words")


def test_ranks_that_are_never_started_are_waited_for_so_long(fake_mpiexec: Callable[[str], str]) -> None:
    error = broken(fake_mpiexec("exec sleep 600"), start_timeout=0.5)
    assert "1 of 1 ranks have not been started within 0.5 s" in error.cause
    assert "start_timeout=" in error.cure


def test_what_a_script_around_mpiexec_has_started_ends_with_it(
    fake_mpiexec: Callable[[str], str], tmp_path: Path
) -> None:
    left = tmp_path / "left"
    broken(fake_mpiexec(f"sleep 600 & echo $! > {left}; wait"), start_timeout=1)
    assert until(lambda: not psutil.pid_exists(int(left.read_text())))


def test_a_rank_that_never_joins_is_waited_for_so_long(fake_mpiexec: Callable[[str], str]) -> None:
    shared = left_in_memory()
    late = 'if [ "$PMI_RANK" = 1 ]; then exec sleep 600; else exec "$@"; fi'
    error = broken(
        fake_mpiexec(f"n=$2; shift 2; exec {find_mpiexec()} -n $n sh -c '{late}' rank \"$@\""),
        start_timeout=1,
        ranks_per_item=2,
    )
    assert re.search("[12] of 2 ranks have not been started within 1 s", error.cause)
    assert until(lambda: left_in_memory() <= shared, 60)  # of a neighbour's job, too, which begins or ends


def test_an_mpiexec_of_another_mpi_is_found_out(fake_mpiexec: Callable[[str], str]) -> None:
    error = broken(fake_mpiexec('shift 2; "$@" & "$@" & wait'), ranks_per_item=2)
    assert "mpi4py was built for another MPI" in error.cause
    assert "each of 2 ranks found itself in a job of 1" in error.cause


def test_an_mpi_library_that_cannot_be_loaded_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "mpi4py"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "MPI.py").write_text("raise RuntimeError('cannot load MPI library')\n")
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    error = broken(find_mpiexec())
    assert "a rank could not join: RuntimeError: cannot load MPI library" in error.cause
    assert "mpi4py" in error.cure


@pytest.mark.parametrize(
    "settings",
    [
        {"ranks_per_item": 0},
        {"ranks_per_item": True},
        {"ranks_per_item": "two"},
        {"mpiexec": ""},
        {"mpiexec": 3},
        {"start_timeout": 0},
        {"start_timeout": "soon"},
    ],
)
def test_a_setting_without_sense_is_one_clear_line(settings: dict[str, Any]) -> None:
    with pytest.raises(BadOption, match=next(iter(settings))) as caught:
        Pool("mpi", nodes=1, **settings)
    assert "\n" not in str(caught.value)


def test_a_rank_that_cuts_its_stream_is_lost_with_its_item_alone() -> None:
    with Pool("mpi", nodes=2) as pool:
        got = pool.map(calls.cut, range(8), on_error="keep", retries=0)
        assert [x for x in got if isinstance(x, int)] == [0, 1, 2, 4, 5, 6, 7]
        assert isinstance(got[3].error, WorkerLost)
        assert pool.map(abs, range(4)) == [0, 1, 2, 3]


@pytest.mark.everywhere("what it adds is how descriptors are waited for")
def test_a_pool_ends_in_a_process_that_has_very_many_descriptors() -> None:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= before[1] < 2 * MANY:
        pytest.skip(f"a process may have no more than {before[1]} descriptors here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (2 * MANY, before[1]))
    try:
        held = [os.open(os.devnull, os.O_RDONLY) for _ in range(MANY)]
        try:
            with Pool("mpi", nodes=1) as pool:
                assert pool.map(abs, [-1, -2]) == [1, 2]
        finally:
            for fd in held:
                os.close(fd)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_a_keeper_that_is_killed_takes_its_rank_along() -> None:
    with Pool("mpi", nodes=1) as pool:
        pid = pool.pipe(os.getpid)
        handle = pool.amap(calls.cut, [1, 3, 2], on_error="keep", retries=0, chunksize=1)
        psutil.Process(pid).parent().send_signal(signal.SIGKILL)
        got = handle.get(60)
        assert len(got) == 3
        assert until(lambda: has_ended(pid), 60)
        assert pool.map(abs, [-1]) == [1]


@pytest.mark.leaves("children", "threads", "files")  # the fixture counts
def test_nothing_listens_beyond_this_machine_and_ranks_share_the_cores(pairs: Any) -> None:
    if find_mpiexec().endswith("gforker"):
        assert pairs.map(calls.listening, [0]) == [[]]
    told = pairs.pipe(calls.share, 0)
    assert told["UCX_TLS"] == os.environ.get("UCX_TLS", "self,sm")
    assert int(told["OMP_NUM_THREADS"] or 0) >= 1


IN_MPI = """
    from tests.mpi.calls import hang_on
    pool = Pool("mpi", nodes=1, ranks_per_item=2)
    handle = pool.amap(hang_on, [FIFO])
    handle.get(60)
"""


def test_a_driver_killed_while_ranks_wait_for_each_other_leaves_nothing(tmp_path: Path) -> None:
    shared = left_in_memory()
    with Script(tmp_path, IN_MPI, "mpi") as running:
        running.heard(1)
        running.process.kill()
        assert running.left() == []
    assert until(lambda: left_in_memory() <= shared, 60)  # of a neighbour's job, too, which begins or ends
