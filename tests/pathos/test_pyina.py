"""pyina's names: its pools on MPI jobs, its schedulers, strategies and tools, under `compat.install`."""

from __future__ import annotations

import importlib
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pathos_nb import compat
from pathos_nb.compat.names import PYINA
from pathos_nb.errors import LauncherUnavailable
from pathos_nb.launchers.mpi import MpiLauncher
from pathos_nb.launchers.mpi_command import find_mpiexec
from pathos_nb.schedulers import Lsf, Moab, Scheduler, Torque, as_time, count_tasks
from tests.pathos.calls import own_pid
from tests.source import ROOT

needs_mpi = pytest.mark.skipif(not MpiLauncher.availability().score, reason=f"mpi: {MpiLauncher.availability().reason}")
pytestmark = pytest.mark.timeout(120)

POOLS = [
    "Alps", "AlpsPool", "AlpsScatter", "Mpi", "MpiPool", "MpiScatter", "MoabMpi", "MoabMpiPool", "MoabMpiScatter",
    "MoabSlurm", "MoabSlurmPool", "MoabSlurmScatter", "ParallelMapper", "Pool", "Scatter", "SerialMapper", "Slurm",
    "SlurmPool", "SlurmScatter", "TorqueMpi", "TorqueMpiPool", "TorqueMpiScatter", "TorqueSlurm", "TorqueSlurmPool",
    "TorqueSlurmScatter",
]  # fmt: skip


@pytest.fixture
def installed():
    compat.install()
    yield
    compat.uninstall()


@pytest.mark.parametrize("name", sorted(PYINA))
def test_each_module_is_ours(installed, name):
    assert importlib.import_module(name).__name__.startswith("pathos_nb.")


def test_a_module_that_is_not_here_says_what_is(installed):
    with pytest.raises(ImportError, match=r"nothing by the name pyina\.nonsense"):
        importlib.import_module("pyina.nonsense")
    import pyina

    with pytest.raises(AttributeError, match="nothing by the name"):
        _ = pyina.nonsense
    assert pyina.launchers is importlib.import_module("pathos_nb.compat.pyina_launchers")


@pytest.mark.parametrize("name", POOLS)
def test_each_pool_has_its_name(installed, name):
    import pyina.launchers

    assert issubclass(getattr(pyina.launchers, name), importlib.import_module("pathos_nb.cluster_pools").Mapper)


@needs_mpi
def test_both_strategies_have_all_six_maps(installed):
    from pyina.launchers import MpiPool, MpiScatter

    pools = MpiPool(2), MpiScatter("1:ppn=2", id="scattered")
    try:
        for pool in pools:
            assert pool.nodes == 2
            assert pool.map(pow, [1, 2, 3], [5, 6, 7]) == [1, 64, 2187]
            assert list(pool.imap(abs, range(-5, 0))) == [5, 4, 3, 2, 1]
            assert sorted(pool.uimap(abs, range(-5, 0))) == [1, 2, 3, 4, 5]
            assert pool.amap(abs, [-1, -2]).get(60) == [1, 2]
            assert pool.pipe(abs, -3) == pool.apipe(abs, -3).get(60) == 3
        assert "scheduler=None" in repr(pools[0])
        pids = pools[1].map(own_pid, range(10))
        assert len(set(pids[:5])) == len(set(pids[5:])) == 1  # equal shares, each in one go
        assert len(set(pools[0].map(own_pid, range(10), onall=False))) == 1
        for queue in (Torque, Torque(2)):  # these workers are no queue's
            with pytest.raises(LauncherUnavailable, match="inside of a job of that queue"):
                MpiPool(2, scheduler=queue)
        with pytest.raises(TypeError, match="scheduler is 'torque'"):
            MpiPool(2, scheduler="torque")
    finally:
        for pool in pools:
            pool.clear()


@needs_mpi
def test_ez_map_starts_and_ends_its_own(installed):
    from pyina.ez_map import ez_map
    from pyina.launchers import mpirun_launcher, serial_launcher
    from pyina.mappers import scatter_gather

    assert ez_map(abs, range(-4, 0), nodes=2, launcher=mpirun_launcher, mapper=scatter_gather) == [4, 3, 2, 1]
    assert ez_map(abs, [-1], launcher=serial_launcher) == [1]
    with pytest.raises(ValueError, match="no launcher"):
        ez_map(abs, [1], launcher="mpirun")


def test_a_queue_that_no_pool_can_wait_in_says_what_to_do():
    from pathos_nb.cluster_pools import LsfMpiPool, TorqueMpiPool

    for kind in (TorqueMpiPool, LsfMpiPool):
        with pytest.raises(LauncherUnavailable, match="inside of a job of that queue"):
            kind(nodes="32:ppn=4", queue="dedicated", timelimit="11:59")


def test_slurm_is_asked_in_its_own_words():
    from pathos_nb.cluster_pools import SlurmPool

    pool = SlurmPool.__new__(SlurmPool)
    pool._asked, pool._kwds = "4:ppn=2", {"queue": "debug", "timelimit": "01:30", "account": "me"}
    assert pool.njobs(pool._asked) == 4
    assert pool._settings_of_pool() == {"cpus": 2, "partition": "debug", "time": "01:30:00", "account": "me"}


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        (Torque("4:ppn=2", queue="long", timelimit=3600), "qsub -l nodes=4:ppn=2 -l walltime=01:00:00 -q long"),
        (Moab(2, outfile="o"), "msub -l nodes=2 -l walltime=00:02 -o o -q normal"),
        (Lsf("2:ppn=4", errfile="e"), "bsub -W 00:02 -n 8 -e e -q normal"),
    ],
    ids=["torque", "moab", "lsf"],
)
def test_a_scheduler_submits_a_command_by_its_input(scheduler, words, tmp_path: Path, monkeypatch):
    command = tmp_path / words.split()[0]
    command.write_text(
        f'#!/bin/sh\necho "$(basename $0) $@" > {tmp_path}/words\ncat > {tmp_path}/script\necho 17.queue\n'
    )
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert scheduler.submit("mpiexec -n 8 ./model; echo 'done'") == "17.queue"
    assert (tmp_path / "words").read_text().strip() == words
    assert (tmp_path / "script").read_text() == "mpiexec -n 8 ./model; echo 'done'\n"


def test_a_scheduler_that_is_not_here_or_refuses_says_so(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LauncherUnavailable, match="qsub is not on the path"):
        Torque(1).submit("true")
    with pytest.raises(LauncherUnavailable, match="it has no queue"):
        Scheduler().submit("true")
    (tmp_path / "qsub").write_text("#!/bin/sh\necho no such queue >&2\nexit 1\n")
    (tmp_path / "qsub").chmod(0o755)
    with pytest.raises(LauncherUnavailable, match="refused the job; no such queue"):
        Torque(1).submit("true")


def test_times_and_numbers_of_nodes_are_read_as_in_pyina(installed):
    from pyina import get_workload
    from pyina.launchers import mpirun_tasks, srun_tasks
    from pyina.tools import isoseconds

    assert (as_time(3661), as_time("11:59")) == ("01:01:01", "11:59")
    assert (isoseconds("01:30"), isoseconds("00:00:07"), isoseconds(5)) == (5400, 7, 5)
    assert (count_tasks(3), count_tasks("3:core4:ppn=2,partition=foo")) == ((3, 1), (3, 2))
    assert (mpirun_tasks("3:core4:ppn=2"), srun_tasks("3:ppn=2,partition=foo")) == (6, "3 -N2")
    shares = [get_workload(i, 4, 10) for i in range(4)]
    assert [end - start for start, end in shares] == [3, 3, 2, 2]
    assert (shares[0][0], shares[-1][1]) == (0, 10)
    assert get_workload(0, 3, 10, skip=0) == (0, 0)
    assert (isoseconds("30"), isoseconds("01:00:00:00")) == (30, 86400)
    with pytest.raises(ValueError, match="HH:MM"):
        isoseconds("1:2:3:4:5")


def _names() -> list[tuple[str, str]]:
    """Give module and name of each thing of pyina's that the manual says to be here."""
    found = []
    for line in (ROOT / "docs" / "reference" / "pyina.md").read_text(encoding="utf-8").splitlines():
        words = line.split("`")
        if line.startswith("## "):
            module = words[1]
        elif line.startswith("| `") and "left out" not in line and words[1] != module:
            found.append((module, words[1]))
    return found


def test_each_name_that_the_table_has_is_there(installed):
    names = _names()
    assert len(names) > 110
    there = {module: importlib.import_module(module) for module, _ in names}
    missing = [name for module, name in names if name not in {*dir(there[module]), *vars(there[module])}]
    assert not missing


def test_shares_are_balanced_as_in_pyina(installed):
    from pyina import balance_workload, get_workload, lookup

    begins, ends = balance_workload(7, 12)
    assert list(zip(begins, ends, strict=True)) == [get_workload(i, 7, 12) for i in range(7)]
    assert balance_workload(7, 12, 0) == (0, 2) and balance_workload(7, 12, 0, 2) == ([0, 2], [2, 4])
    assert balance_workload(4, 10, skip=1) == ([0, 4, 4, 7], [4, 4, 7, 10])
    assert (lookup(("abc", "def"), 1), lookup(("abc", "def"), 0, 2)) == (("b", "e"), ("ab", "de"))


def test_lines_for_a_shell_are_made_and_launched(installed, tmp_path: Path, monkeypatch):
    from pyina.launchers import (
        all_launchers,
        all_launches,
        launch,
        lsfmx_launcher,
        mpirun_launcher,
        pool_of,
        torque_launcher,
    )
    from pyina.mappers import all_mappers
    from pyina.schedulers import all_schedulers, torque_scheduler
    from pyina.tools import which_strategy

    monkeypatch.chdir(tmp_path)
    asked = {"nodes": "3:ppn=2", "python": "python", "program": "m.py", "scheduler": torque_scheduler().srun}
    line = torque_launcher({**asked, "outfile": "o", "errfile": "e", "jobfile": "job"})
    words = "qsub -l nodes=3:ppn=2 -l walltime=00:02 -o o -e e -q normal > job 2>&1"
    assert line == f'echo "srun -n3 -N2 python m.py " | {words}'
    assert mpirun_launcher({"nodes": 3, "python": "", "program": "hostname"}) == "mpiexec -np 3  hostname"
    assert "-a mpich_mx -q normal -J m.py mpich_mx_wrapper python m.py" in lsfmx_launcher(asked)
    assert all_launches().count(__file__) == len(all_launchers()) == 8
    assert (len(all_mappers()), len(all_schedulers())) == (2, 2)
    assert which_strategy(scatter=False, lazy=True) == "`which ezpool`"
    assert pool_of(torque_launcher).__name__ == "TorqueMpi"
    assert launch("echo one | tee said") == 0 and (tmp_path / "said").read_text() == "one\n"
    with pytest.raises(OSError, match="nosuch not found"):
        launch("nosuch")
    with pytest.raises(OSError, match="status 1"):
        launch("false")


_PROGRAM = """
from pyina import parallel_map, parallel_map2
from pyina.mpi_pool import rank, size

class Own(Exception): ...
class Value:
    def __init__(self, x): self.x = x
def add(x, y): return Value(x + y)
def picky(x):
    if x == 3: raise Own(x)
    return lambda: x

said = []
for module in (parallel_map, parallel_map2):
    for options in ({}, {"onall": False}):
        values = module.parallel_map(add, range(8), range(8), **options)
        said.append([isinstance(v, Value) and v.x for v in values] if rank == 0 else set(values))
    try:
        module.parallel_map(picky, range(8))
    except Own as error:
        said.append((error.args, type(error.__cause__).__name__))
    said.append([f() for f in module.parallel_map(picky, range(2)) if f])
open(f"rank{rank}", "w").write(repr((size, said)))
"""


@needs_mpi
def test_programs_under_mpiexec_have_both_strategies(tmp_path: Path):
    (tmp_path / "program.py").write_text(_PROGRAM)
    command = [find_mpiexec(), "-n", "2", sys.executable, "-m", "pathos_nb.compat", "program.py"]
    done = subprocess.run(
        command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    sums, failed = [2 * n for n in range(8)], ((3,), "RemoteTraceback")
    assert eval((tmp_path / "rank0").read_text()) == (2, [sums, sums, failed, [0, 1]] * 2)
    assert eval((tmp_path / "rank1").read_text()) == (2, [{""}, {""}, failed, []] * 2)
