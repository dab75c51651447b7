"""Jobs that the queue ends by itself, on a cluster that preempts and counts memory; GPUs that it gives."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb import Failure, Pool, detach
from pathos_nb.detached.watching import Patience
from pathos_nb.dispatch.results import Results
from pathos_nb.errors import TaskEnded, WorkerLost
from pathos_nb.session import close_session, current_session
from tests.rig.bed import wait_until
from tests.rig.cluster import Cluster, why_no_cluster

pytestmark = [pytest.mark.timeout(240), pytest.mark.leaves("threads")]
WAIT_S = 90.0
MEMORY_MB = 300
STRICT = {
    "PreemptType": "preempt/partition_prio", "PreemptMode": "REQUEUE", "SelectTypeParameters": "CR_CPU_Memory",
    "DefMemPerCPU": "200", "JobAcctGatherType": "jobacct_gather/linux", "JobAcctGatherFrequency": "task=1",
    "JobAcctGatherParams": "OverMemoryKill,UsePss", "GresTypes": "gpu",
}  # fmt: skip


@pytest.fixture(scope="module")
def strict(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A cluster of its own: a partition whose jobs preempt those of the other, and jobs that end where memory does."""
    if not request.config.getoption("--everywhere"):
        pytest.skip("a second cluster is raised for it: --everywhere runs it")
    if reason := why_no_cluster():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="pathos-nb-slurm-") as folder:
        options = [word for pair in STRICT.items() for word in ("--conf", "=".join(pair))]
        cluster = Cluster(Path(folder) / "run", 2, 2, *options)
        try:
            cluster.up()
            cluster.do("scontrol", "create", "PartitionName=urgent", "Nodes=ALL", "PriorityTier=10", "State=UP")
            cluster.do("scontrol", "update", "PartitionName=debug", "PriorityTier=1")
            yield cluster
        finally:
            cluster("down")


@pytest.fixture
def cluster(strict: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    with strict.in_use():
        current_session().detached.patience = Patience(0.05, 0.2, 0.2, 0.5, 10.0)
        yield strict
        close_session()
    strict.mend()


def gate(folder: Path, name: str):
    """Give a function whose points wait until a file is there, and then give their number."""

    def at(x):
        while x >= 2 and not Path(folder, name).exists():
            time.sleep(0.05)
        return 10 * x

    return at


def nap(x: int) -> int:
    time.sleep(0.05)
    return x


def greedy(folder: Path):
    """Give a function whose point 2 takes more memory than its job may, once a file is there."""

    def take(x):
        if x == 2:
            while not Path(folder, "open").exists():
                time.sleep(0.05)
            held = bytearray(3 * MEMORY_MB << 20)
            held[::4096] = b"x" * len(held[::4096])  # what nobody has touched does not count
            time.sleep(60)
        return 10 * x

    return take


def preempt(cluster: Cluster, node: str) -> str:
    """Have an urgent job take a whole node; give its number."""
    number, _ = cluster.batch("sleep 1000", "-p", "urgent", "-w", node, "--exclusive")
    cluster.wait(number, "RUNNING")
    return number


def values(results: Results) -> list[object]:
    return [None if isinstance(value, Failure) else value for value in results]


def the_end(results: Results) -> TaskEnded:
    """Give the one end that all missing points tell of."""
    errors = [failure.error for failure in results.run.failures.values()]
    assert all(isinstance(error, TaskEnded) for error in errors), errors
    assert len({error.how for error in errors}) == 1, errors
    return errors[-1]


def test_a_task_that_is_preempted_says_so_with_the_end_of_its_log(cluster: Cluster, tmp_path: Path):
    fits = detach(gate(tmp_path, "open"), range(4), title="fits", per_task=4, requeue=False, partition="debug")
    assert wait_until(lambda: fits.run.n_done == 2, WAIT_S)
    preempt(cluster, fits.run.chunks[0].host)
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, None, None]
    assert the_end(fits).how == "preempted"
    assert "DUE TO PREEMPTION" in str(the_end(fits))


def test_a_task_that_is_preempted_is_queued_again_and_goes_on(cluster: Cluster, tmp_path: Path):
    fits = detach(gate(tmp_path, "open"), range(4), title="fits", per_task=4, partition="debug")
    assert wait_until(lambda: fits.run.n_done == 2, WAIT_S)
    [job] = cluster.left()
    preempt(cluster, fits.run.chunks[0].host)
    assert wait_until(lambda: cluster.job(job)["Restarts"] == "1", WAIT_S)
    said = lambda: current_session().detached.said(fits.run.run_id)  # noqa: E731 - asked again and again
    assert wait_until(lambda: "1 queued (BeginTime; 1 again after: preempted)" in said(), WAIT_S), said()
    (tmp_path / "open").touch()
    cluster.do("scontrol", "update", f"JobId={job}", "StartTime=now")  # by itself Slurm waits for two minutes
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, 20, 30]


def test_a_task_that_takes_too_much_memory_says_so(cluster: Cluster, tmp_path: Path):
    fits = detach(greedy(tmp_path), range(3), title="fits", per_task=3, memory=f"{MEMORY_MB}M", requeue=False)
    assert wait_until(lambda: fits.run.n_done == 2, WAIT_S)
    (tmp_path / "open").touch()
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, None]
    assert the_end(fits).how == "out of memory"
    assert "memory=" in str(the_end(fits))


def test_a_pool_whose_node_is_taken_goes_on_and_gets_another(cluster: Cluster):
    with Pool("slurm", nodes=2, cpus=1, partition="debug", arguments=("--exclusive",)) as pool:
        assert wait_until(lambda: pool.map(abs, [-1]) == [1] and len(pool.workers()) >= 2, WAIT_S)
        run = pool.start(nap, range(400))
        assert wait_until(lambda: run.wait(0.05) or run.n_done > 5, WAIT_S)
        urgent = preempt(cluster, "node2")
        n_then = run.n_done
        assert wait_until(lambda: run.wait(0.05) or run.n_done > n_then + 20, WAIT_S)
        cluster.do("scancel", urgent)
        assert run.wait(WAIT_S)
        assert run.result() == list(range(400))


def test_an_item_that_takes_more_memory_than_its_job_may_fails_alone(cluster: Cluster, tmp_path: Path):
    (tmp_path / "open").touch()
    with Pool("slurm", nodes=1, cpus=1, memory=f"{MEMORY_MB}M") as pool:
        got = pool.map(greedy(tmp_path), range(4), chunksize=1, retries=0, on_error="keep")
        assert [y.error.__class__ if isinstance(y, Failure) else y for y in got] == [0, 10, WorkerLost, 30]
        assert "memory" in str(got[2].error)


def gpus(_: object) -> tuple[str, str | None]:
    time.sleep(0.02)
    return os.environ["SLURMD_NODENAME"], os.environ.get("CUDA_VISIBLE_DEVICES")


def test_workers_share_the_gpus_that_slurm_has_given_their_node(cluster: Cluster):
    cluster.needs("gpus")
    with Pool("slurm", nodes=1, cpus=2, gres="gpu:2") as pool:
        [node] = {worker.host for worker in pool.workers()}
        assert set(pool.map(gpus, range(30), gpus=1, chunksize=1)) == {(node, "0"), (node, "1")}
        assert set(pool.map(gpus, range(10), gpus=2, chunksize=1)) == {(node, "0,1")}
    with Pool("slurm", nodes=1, cpus=1, gres="gpu:1") as pool:
        assert {gpu for _, gpu in pool.map(gpus, range(10), gpus=1)} <= {"0", "1"}
