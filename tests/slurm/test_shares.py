"""What workers in Slurm have and may take: chosen by it, limited, with files; and MPI programs across its nodes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

import pathos_nb
from pathos_nb import Pool
from pathos_nb.errors import Failure, NothingFits, OutOfMemory
from pathos_nb.launchers.mpi import MpiLauncher
from pathos_nb.launchers.registry import registry
from pathos_nb.launchers.slurm import SlurmLauncher
from pathos_nb.launchers.staged import COPIED_BYTES
from tests.rig.bed import wait_until
from tests.rig.census import MARK, describe, marked, until
from tests.rig.cluster import Cluster
from tests.slurm.calls import gpus, take, write

pytestmark = pytest.mark.timeout(120)
ACROSS = "srun --mpi=pmi2 --overlap"


def test_workers_are_chosen_and_limited_by_what_their_nodes_have(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATHOS_NB_CORES", "7")  # this machine's, and no node's
    Path("in.txt").write_bytes(b"ab")
    os.truncate("in.txt", COPIED_BYTES + 1)
    with Pool(f"slurm:{cluster.allocation()}") as pool:
        assert wait_until(lambda: pool.map(abs, [-1]) == [1] and len(pool.workers()) == 2, 60)
        seen: list[Any] = []
        with pytest.raises(NothingFits):
            pool.map(abs, [-1], where=seen.append)  # which holds of nobody
        assert {site.host for site in seen} == {worker.host for worker in pool.workers()}
        assert all(site.cores == 1 and site.memory_bytes > 10**8 and site.place == pool.places[0] for site in seen)
        assert pool.map(abs, [-1], where={"memory": "100 MB", "cores": 1}) == [1]
        with pytest.raises(NothingFits, match="there is slurm.* on .* cores, .* GB"):
            pool.map(abs, [-1], where={"memory": "900 TB"})
        ys = pool.map(take, [10**6, 10**9], memory="300 MB", on_error="keep")
        assert [y.error.__class__ if isinstance(y, Failure) else y for y in ys] == [10**6, OutOfMemory]
        run = pool.start(write, [1, 2], files="in.txt", collect="out.txt", chunksize=1)
        assert run.result() == [str(tmp_path / "in.txt")] * 2, "nothing is carried where nodes see the files"
        assert {n: path.read_text() for n, (path,) in run.collected.items()} == {0: "ab", 1: "abab"}


def test_each_worker_of_a_node_has_gpus_of_that_node(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")  # which srun hands on: as if each node had two
    cluster.allocation()  # takes one of the two cores of each node: the pool's two jobs are on two nodes
    with Pool("slurm", nodes=2, cpus=1) as pool:
        assert wait_until(lambda: pool.map(abs, [-1]) == [1] and len(pool.workers()) == 2, 60)
        told: set[Any] = set()
        assert wait_until(lambda: told.update(pool.map(gpus, range(20), gpus=1, chunksize=1)) or len(told) >= 2, 60)
        assert told == {(node, "4") for node in cluster.facts["nodes"]}, "each is the first of its node"
        assert set(pool.map(gpus, range(20), gpus=2, chunksize=1)) == {(node, "4,5") for node, _ in told}


def test_an_automatic_choice_takes_the_nodes_of_the_job_that_it_is_in(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = cluster.allocation()
    monkeypatch.setenv("SLURM_JOB_ID", number)
    [offer] = SlurmLauncher.offers()
    assert (offer.place, offer.nodes, offer.problem) == (f"slurm:{number}", 2, "")
    with Pool("auto") as pool:
        assert f"slurm:{number}" in pool.places
        assert f"slurm:{number}: taken with" in pool.why
    monkeypatch.setenv("SLURMD_NODENAME", "node1")
    own = next(offer for offer in registry.offered() if offer.place == f"slurm:{number}")
    assert own.host == os.uname().nodename, "this machine's cores are among those"
    monkeypatch.setenv("SLURM_JOB_ID", "999999")
    assert "knows no job" in SlurmLauncher.offers()[0].problem


# --- MPI programs on several nodes ---


PROGRAM = """
import os, sys
from pathos_nb import Pool

def where(x):
    from mpi4py import MPI
    world = MPI.COMM_WORLD
    print("rank", world.rank, "on", MPI.Get_processor_name().split(".")[0])
    return world.allgather((world.rank, os.uname().nodename)), world.allreduce(x), len(world.bcast(bytes(10**6)))

def raise_on_1(x):
    from mpi4py import MPI
    if x == 1 and MPI.COMM_WORLD.rank == 1:
        raise ValueError("no 1 on rank 1")
    return MPI.COMM_WORLD.allreduce(x)

def die_on_1(x):
    from mpi4py import MPI
    if x == 1 and MPI.COMM_WORLD.rank == 1:
        os.kill(os.getpid(), 9)
    return MPI.COMM_WORLD.allreduce(x)

with Pool("mpi", nodes=1, ranks_per_item=2, mpiexec=sys.argv[1], start_timeout=60) as pool:
    for nodes, total, n_bytes in pool.map(where, range(3)):
        print(nodes, total, n_bytes)
    print([str(y.error.__class__.__name__) if hasattr(y, "error") else y
           for y in pool.map(raise_on_1, [0, 1, 2], on_error="keep")])
    print([str(y.error.__class__.__name__) if hasattr(y, "error") else y
           for y in pool.map(die_on_1, [0, 1, 2], on_error="keep", retries=0, chunksize=1)])
"""


@pytest.fixture
def across(cluster: Cluster, tmp_path: Path) -> Callable[..., list[str]]:
    """Give the words that run a script on the first node of a job of two."""
    score, reason = MpiLauncher.availability()
    if not score:
        pytest.skip(f"mpi: {reason}")
    cluster.needs("hostname")
    listed = cluster.do("srun", "--mpi=list", check=False)
    if "pmi2" not in listed.stdout + listed.stderr:
        pytest.skip("this Slurm has no PMI-2")
    number = cluster.allocation()
    root = str(Path(pathos_nb.__file__).parents[1])

    def command(source: str, *words: str) -> list[str]:
        path = tmp_path / "program.py"
        path.write_text(textwrap.dedent(source))
        first = cluster.facts["nodes"][0]
        step = ["srun", f"--jobid={number}", "-N1", "-n1", "-w", first, "--overlap", "--mpi=none"]
        return [*step, "env", f"PYTHONPATH={root}", sys.executable, str(path), *words]

    return command


def test_an_mpi_program_has_ranks_on_several_nodes(cluster: Cluster, across: Callable[..., list[str]]) -> None:
    done = cluster.do(*across(PROGRAM, f"{ACROSS} -N2"), check=False, timeout=110)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    for x in range(3):
        assert f"[(0, 'node1'), (1, 'node2')] {2 * x} 1000000" in lines
    assert lines.count("rank 0 on node1") == lines.count("rank 1 on node2") == 3, done.stdout
    assert "[0, 'ValueError', 4]" in lines
    assert "[0, 'WorkerLost', 4]" in lines


TRIES = """
import sys
from pathos_nb import Pool
from pathos_nb.errors import PoolBroken
try:
    with Pool("mpi", nodes=1, ranks_per_item=2, mpiexec=sys.argv[1]) as pool:
        pool.map(abs, [1])
except PoolBroken as error:
    print("PoolBroken:", error)
"""


@pytest.mark.parametrize(
    ("mpiexec", "why"),
    [
        ("srun --mpi=none --overlap -N2", "each of 2 ranks found itself in a job of 1"),
        (f"{ACROSS} --overcommit -N1 -w node2", "rank 0 of the job is on node2, and has to be where the pool is"),
        ("srun --mpi=nothing", "Invalid MPI type 'nothing'"),
    ],
)
def test_ranks_that_cannot_be_have_a_reason(
    cluster: Cluster, across: Callable[..., list[str]], mpiexec: str, why: str
) -> None:
    done = cluster.do(*across(TRIES, mpiexec), check=False, timeout=110)
    assert "PoolBroken:" in done.stdout and why in done.stdout, done.stdout + done.stderr


WAITS = """
import sys
from pathos_nb import Pool

def wait(x):
    from mpi4py import MPI
    print("at it", MPI.COMM_WORLD.allreduce(1))
    MPI.COMM_WORLD.recv(source=MPI.ANY_SOURCE)

pool = Pool("mpi", nodes=1, ranks_per_item=2, mpiexec=sys.argv[1])
run = pool.start(wait, [1])
run.wait()
"""


def running(mark: str, what: str) -> list[psutil.Process]:
    """Give the interpreters that run something; not who starts them."""
    found = []
    for process in marked(mark):
        with contextlib.suppress(psutil.Error):  # it has just ended
            found.append((process, process.cmdline()))
    return [process for process, words in found if words[:1] == [sys.executable] and what in " ".join(words)]


def test_ranks_on_all_nodes_end_with_a_pool_that_is_killed(cluster: Cluster, across: Callable[..., list[str]]) -> None:
    mark = uuid.uuid4().hex
    command = [f"{MARK}={mark}", *across(WAITS, f"{ACROSS} -N2")]
    with subprocess.Popen(["env", *command], env=cluster.environ, stdout=subprocess.DEVNULL) as step:
        assert until(lambda: len(running(mark, "mpi_keeper")) >= 4, 60.0), describe(
            marked(mark)
        )  # and what they forked
        [driver] = running(mark, "program.py")
        driver.kill()
        step.wait(60)
    assert until(lambda: not marked(mark), 60.0), describe(marked(mark))
