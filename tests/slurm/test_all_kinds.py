"""One map over everything there is: cores, a host by ssh, nodes of a queue and a cluster of dask's."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb import Pool
from pathos_nb.joined.host import Plan
from pathos_nb.session import Session
from tests.rig.bed import Bed, bed, raised_bed, wait_until
from tests.rig.cluster import Cluster
from tests.rig.dask_cluster import Cluster as DaskCluster

__all__ = ["bed", "raised_bed"]

pytestmark = [pytest.mark.timeout(240), pytest.mark.leaves("files", "threads", "children")]
pytest.importorskip("distributed", reason="dask is not installed")
N = 3000


@pytest.fixture
def session(seldom: None, bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session that reaches the bed's hosts."""
    (tmp_path / ".ssh").mkdir(mode=0o700)
    (tmp_path / ".ssh" / "config").write_text(Path(bed.config).read_text())
    monkeypatch.setenv("HOME", str(tmp_path))
    made = Session()
    yield made
    made.close()


@pytest.fixture
def seldom(request: pytest.FixtureRequest) -> None:
    """Skip what raises three clusters for one test."""
    if not request.config.getoption("--everywhere"):
        pytest.skip("hosts, a queue and dask's cluster are raised for it: --everywhere runs it")


def test_places_join_slow_down_leave_and_fail_while_one_map_runs_on_all_of_them(
    session: Session, cluster: Cluster, dask_cluster: DaskCluster, tmp_path: Path
):
    slow = tmp_path / "slow"

    def item(x: int) -> int:
        is_slow = slow.exists() and slow.read_text() == f"{socket.gethostname()} {os.getpid()}"
        time.sleep(0.2 if is_slow else 0.02)
        return x

    session.connect(Plan("one", "host1", nodes=1))
    with Pool("processes", "one", "slurm", nodes=1, cpus=1) as pool:
        run = pool.start(item, range(N))

        def at_work() -> set[str]:
            return {chunk.worker.partition(":")[0].partition("-")[0] for chunk in run.chunks}

        assert wait_until(lambda: run.wait(0.05) or at_work() >= {"processes", "one", "slurm"}, 60), at_work()
        pool.add_place(dask_cluster.client, nodes=2)
        assert wait_until(lambda: run.wait(0.05) or "dask" in at_work(), 60), at_work()
        own = next(worker for worker in pool.workers() if worker.place == "processes")
        slow.write_text(f"{socket.gethostname()} {own.pid}")
        cluster.do("scancel", *cluster.left())
        pool.drop_place("one")
        assert not run.is_over, "all of it happens in mid-map"
        assert run.wait(120)
        assert run.result() == list(range(N))
        assert "one" not in pool.places
        done = [index for chunk in run.chunks for index in chunk.indices[: chunk.n_items]]
        assert set(done) == set(range(N))
