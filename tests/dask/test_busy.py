"""A cluster of dask's where others' tasks are at work: a pool gets its turn, and waits for nobody that it need not."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import PoolBroken
from pathos_nb.launchers import dask_line
from tests.contract.calls import square
from tests.dask.calls import stay
from tests.rig.census import until
from tests.rig.dask_cluster import N_THREADS, Cluster

pytestmark = [pytest.mark.timeout(180), pytest.mark.leaves("files", "threads", "children")]
pytest.importorskip("distributed", reason="dask is not installed")
PATIENCE_S = 60.0
SQUARES = [x * x for x in range(20)]


class Others:
    """Whoever else has tasks on a cluster, and how long they stay."""

    def __init__(self, client: Any, folder: Path) -> None:
        self.client, self.folder = client, folder
        self.futures: list[Any] = []

    def queue(self, gate: str, n: int, *workers: str) -> None:
        """Have tasks that stay in their threads until a gate is opened."""
        options: dict[str, Any] = {"workers": list(workers) or None, "pure": False}
        self.futures += self.client.map(stay, [str(self.folder)] * n, [gate] * n, range(n), **options)

    def take(self, gate: str, *workers: str) -> None:
        """Take all threads of some workers."""
        n = N_THREADS * len(workers)
        self.queue(gate, n, *workers)
        assert until(lambda: len(list(self.folder.glob(f"{gate}-*"))) == n, PATIENCE_S)

    def open(self, gate: str) -> None:
        """Let the tasks of a gate end."""
        (self.folder / gate).touch()


@pytest.fixture
def others(dask_cluster: Cluster, tmp_path: Path) -> Iterator[Others]:
    """Give others' tasks, which end with the test."""
    made = Others(dask_cluster.client, tmp_path)
    yield made
    made.open("first")
    made.open("second")
    dask_cluster.client.gather(made.futures)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it known soon that a worker has no thread to spare."""
    monkeypatch.setattr(dask_line, "_QUEUED_S", 0.1)


def test_a_pool_has_its_turn_before_tasks_that_are_queued_already(dask_cluster: Cluster, others: Others):
    client = dask_cluster.client
    others.take("first", *client.nthreads())
    others.queue("second", 40)
    with ThreadPoolExecutor(1) as beside:
        coming = beside.submit(Pool, client, wait=PATIENCE_S)
        queued = lambda: sum("pathos_nb-station" in str(key) for held in client.processing().values() for key in held)  # noqa: E731
        assert until(lambda: queued() == len(client.nthreads()), PATIENCE_S)
        others.open("first")
        with coming.result() as pool:
            assert pool.map(square, range(20)) == SQUARES


@pytest.mark.usefixtures("at_once")
def test_a_worker_of_dasks_that_is_busy_joins_when_it_has_a_thread(dask_cluster: Cluster, others: Others):
    busy, *_ = dask_cluster.client.nthreads()
    others.take("first", busy)
    with Pool(dask_cluster.client) as pool:
        assert pool.map(square, range(20)) == SQUARES
        assert len(pool.workers()) == N_THREADS
        others.open("first")
        assert until(lambda: pool.map(square, [2]) == [4] and len(pool.workers()) == 2 * N_THREADS, PATIENCE_S)


@pytest.mark.usefixtures("at_once")
def test_where_no_thread_is_free_in_time_it_is_said(dask_cluster: Cluster, others: Others):
    others.take("first", *dask_cluster.client.nthreads())

    def is_said_after(wait_s: int) -> bool:
        with pytest.raises(PoolBroken, match=f"no worker for {wait_s} s.*wait=") as caught:
            Pool(dask_cluster.client, wait=wait_s)
        return "busy with other tasks" in str(caught.value)

    assert is_said_after(1) or is_said_after(30), "a busy machine does not know it after a second"


def test_a_large_payload_comes_also_where_all_threads_are_busy(
    dask_cluster: Cluster, others: Others, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(dask_line, "_BRING_S", 0.1)
    big = bytes(2 << 20)
    with Pool(dask_cluster.client) as pool:
        others.take("first", *dask_cluster.client.nthreads())
        assert pool.map(lambda x: len(big) + x, range(4)) == [len(big) + x for x in range(4)]
