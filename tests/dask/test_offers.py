"""What an automatic choice finds of dask's: the current client's cluster, or the one that the environment names."""

from __future__ import annotations

import socket
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.launchers import dask_client
from pathos_nb.launchers.dask import DaskLauncher
from pathos_nb.launchers.dask_client import offer_of
from tests.rig.dask_cluster import Cluster
from tests.rig.ports import refusing_port

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("files", "threads")]
pytest.importorskip("distributed", reason="dask is not installed")


def a_client(threads: dict[str, int], **more: Any) -> Any:
    """Give what stands for a client of a cluster with such workers, of which one thread is busy."""
    told = {"asynchronous": False, "status": "running", "security": SimpleNamespace(require_encryption=False), **more}
    told["scheduler"] = SimpleNamespace(address="tcp://10.1.2.3:8786")
    info = {"workers": {address: {"memory_limit": 4 * 10**9} for address in threads}}
    busy = {address: ("key",) for address in list(threads)[:1]}
    calls = {"nthreads": lambda: threads, "scheduler_info": lambda: info, "processing": lambda: busy}
    return SimpleNamespace(**told, **calls)


@pytest.mark.parametrize(
    ("client", "told"),
    [
        (a_client({"tcp://10.1.2.4:1": 4, "tcp://10.1.2.5:1": 2}), ""),
        (a_client({"tcp://127.0.0.1:1": 4}), "on this machine"),
        (a_client({f"tcp://{socket.gethostname()}:1": 4}), "on this machine"),
        (a_client({"inproc://10.1.2.3/7/1": 4}), "on this machine"),
        (a_client({}), "no worker"),
        (a_client({}, status="closed"), "the client of dask is closed"),
        (a_client({"tls://10.1.2.4:1": 4}, security=SimpleNamespace(require_encryption=True)), "Pool(client)"),
    ],
)
def test_a_cluster_that_is_better_named_by_hand_says_why(client: Any, told: str):
    offer = offer_of(client)
    assert offer.place == "dask:10.1.2.3:8786"
    if not told:
        assert (offer.cores, offer.load, offer.memory_bytes, offer.problem) == (6, 1.0, 4 * 10**9, "")
    else:
        assert told in offer.problem


def test_the_cluster_of_the_current_client_is_taken_and_its_workers_work(
    dask_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    place = f"dask:{dask_cluster.address.rpartition('://')[2]}"
    with Pool("auto") as pool:
        assert f"{place}: left out (4 cores, load" in pool.why
        assert "on this machine" in pool.why
    monkeypatch.setattr(dask_client, "_is_here", lambda host: False)  # as if it were elsewhere
    with Pool("auto") as pool:
        assert place in pool.places
        assert f"{place}: taken with" in pool.why
        assert pool.map(abs, range(-20, 0)) == list(range(20, 0, -1))


def test_without_a_client_it_is_the_one_that_the_environment_names(
    dask_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
):
    import distributed

    def none() -> None:
        raise ValueError("no clients found")

    monkeypatch.setattr(distributed, "default_client", none)
    monkeypatch.setattr(dask_client, "_is_here", lambda host: False)
    [offer] = DaskLauncher.offers()
    assert (offer.place, offer.cores) == (f"dask:{dask_cluster.address.rpartition('://')[2]}", 4)
    with refusing_port() as port:
        gone = f"tcp://127.0.0.1:{port}"
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", gone)
        with Pool("auto") as pool:
            assert pool.places == ("processes",)
            assert f"no scheduler of dask's answers at {gone}" in pool.why
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS")
    assert DaskLauncher.offers() == ()
