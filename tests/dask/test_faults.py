"""What goes wrong with a cluster of dask's: each with an end, a word that names it, and every other result delivered."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from pathos_nb import Pool
from pathos_nb.errors import BadOption, LauncherUnavailable, PoolBroken
from pathos_nb.launchers import dask_client
from pathos_nb.launchers.dask_boot import Found, own_digest
from tests.contract.calls import nap, square
from tests.rig.census import until
from tests.rig.dask_cluster import Cluster
from tests.rig.ports import refusing_port
from tests.rig.script import Script

pytestmark = [pytest.mark.timeout(120), pytest.mark.leaves("files", "threads")]
pytest.importorskip("distributed", reason="dask is not installed")
PATIENCE_S = 60.0


def under_way(pool: Any, n: int = 60) -> Any:
    """Give a run of naps of which some are done."""
    run = pool.start(nap, [0.03] * n, chunksize=1)
    assert until(lambda: run.n_done > 3, PATIENCE_S)
    return run


def stations(client: Any) -> int:
    """Count the processes that dask's workers have started, at any depth."""
    return sum(len(psutil.Process(pid).children(recursive=True)) for pid in client.run(os.getpid).values())


def test_workers_that_have_another_version_are_sent_this_one(rough: Cluster):
    with Pool(rough.client) as pool:
        assert pool.map(square, range(50)) == [x * x for x in range(50)]
        assert pool.places == (f"dask:{rough.address.rpartition('://')[2]}",)


def test_a_client_that_is_closed_under_a_pool_ends_it_with_a_word(rough: Cluster):
    from distributed import Client

    client = Client(rough.address, set_as_default=False)
    with Pool(client, nodes=2) as pool:
        run = under_way(pool, 5000)
        client.close()
        assert run.wait(PATIENCE_S)
        with pytest.raises(PoolBroken, match="the client of dask was closed.*a new client"):
            run.result()
        assert run.n_done > 3
        with pytest.raises(PoolBroken, match="closed"):
            pool.map(square, [1])
    with pytest.raises(PoolBroken, match="is closed"):
        Pool(client)


@pytest.mark.leaves("files", "threads", "children")  # another worker of dask's
def test_a_worker_of_dasks_that_is_killed_costs_no_result(rough: Cluster):
    with Pool(rough.client) as pool:
        run = under_way(pool)
        os.kill(next(iter(rough.client.run(os.getpid).values())), signal.SIGKILL)
        assert run.wait(PATIENCE_S)
        assert run.result() == [0.03] * 60
        # dask starts another, which has another version of the package, and must not have loaded it before we come.
        assert until(lambda: pool.map(square, [2]) == [4] and len(pool.workers()) == 2, PATIENCE_S)
    assert until(lambda: stations(rough.client) == 0, PATIENCE_S)


@pytest.mark.parametrize(("found", "needs"), [("", True), ("another", True), (own_digest(), False)])
def test_the_code_is_sent_where_it_is_not_the_same(found: str, needs: bool):
    assert Found(found, False, [3, 11, 0], "host").needs("a worker", True) is needs


def test_a_version_that_is_at_work_cannot_be_replaced_and_a_python_may_be_too_old():
    with pytest.raises(LauncherUnavailable, match="another version of pathos_nb at work.*restart"):
        Found("another", True, [3, 11, 0], "host").needs("a worker", True)
    assert not Found("another", True, [3, 11, 0], "host").needs("the scheduler", False)
    with pytest.raises(LauncherUnavailable, match=r"Python 3\.9\.1"):
        Found("", False, [3, 9, 1], "host").needs("a worker", True)


@pytest.mark.usefixtures("seldom")
def test_a_cluster_that_grows_gives_those_workers_that_were_wanted(rough: Cluster):
    with Pool(rough.client, nodes=3) as pool:
        assert until(lambda: len(pool.workers()) == 2, PATIENCE_S)
        assert pool.map(square, range(5)) == [0, 1, 4, 9, 16]
        rough.tell(do="scale", args=[3])
        assert until(lambda: pool.map(square, [2]) == [4] and len(pool.workers()) == 3, PATIENCE_S)
        run = under_way(pool)
        rough.tell(do="scale", args=[2])
        assert run.wait(PATIENCE_S)
        assert run.result() == [0.03] * 60


@pytest.mark.usefixtures("seldom")
def test_dask_sees_who_is_busy_as_long_as_it_is(rough: Cluster):
    def seen() -> int:
        keys = [str(key) for held in rough.client.processing().values() for key in held]
        return sum(key.startswith("pathos_nb-work-") for key in keys)

    with Pool(rough.client, nodes=2) as pool:
        run = pool.start(nap, [0.1] * 600, chunksize=1)
        assert until(lambda: seen() == 2, PATIENCE_S)
        run.cancel()
        assert until(lambda: seen() == 0, PATIENCE_S)


@pytest.mark.usefixtures("seldom")
def test_a_large_captured_value_goes_to_the_cluster_once(rough: Cluster, monkeypatch: pytest.MonkeyPatch):
    big, scattered = bytes(4 << 20), []
    scatter = rough.client.scatter
    monkeypatch.setattr(rough.client, "scatter", lambda *a, **o: (scattered.append(a), scatter(*a, **o))[1])
    with Pool(rough.client, nodes=2) as pool:
        for n_runs in (1, 2):
            assert pool.each(lambda: len(big)) == [len(big)] * 2
            assert len(scattered) == n_runs


def test_where_nobody_answers_it_is_said_at_once():
    with refusing_port() as port:
        told = rf"no scheduler of dask's answers at tcp://127\.0\.0\.1:{port}.*can be reached"
        with pytest.raises(PoolBroken, match=told):
            Pool("dask", address=f"tcp://127.0.0.1:{port}")


def test_who_answers_something_else_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask_client, "_CONNECT_S", 1.0)

    def greet(listening: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:  # to be knocked at, and to be spoken with
                connection, _ = listening.accept()
                with connection, contextlib.suppress(OSError):
                    connection.sendall(b"220 mail.example.org ready\r\n" * 4)
                    connection.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as other, ThreadPoolExecutor(1) as beside:
        beside.submit(greet, other)
        with pytest.raises(PoolBroken, match="no scheduler"):
            Pool("dask", address=f"tcp://127.0.0.1:{other.getsockname()[1]}")
        other.shutdown(socket.SHUT_RDWR)


def test_who_answers_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(dask_client, "_CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(PoolBroken, match="no scheduler of dask's answers"):
            Pool("dask", address=address)


@pytest.mark.parametrize(
    ("settings", "told"),
    [({"address": ""}, "address"), ({"address": 3}, "address"), ({"address": "no://where"}, "address"),
     ({"wait": 0}, "wait"), ({"wait": "long"}, "wait"), ({"adress": "x"}, "did you mean address")],
)  # fmt: skip
def test_a_setting_without_sense_is_said(settings: dict[str, Any], told: str):
    with pytest.raises(BadOption, match=told):
        Pool("dask", **settings)


def test_without_a_cluster_it_is_said_how_to_give_one(monkeypatch: pytest.MonkeyPatch):
    import dask
    import distributed

    def none() -> None:
        raise ValueError("no clients found")

    monkeypatch.setattr(distributed, "default_client", none)
    with dask.config.set({"scheduler-address": None}), pytest.raises(LauncherUnavailable, match=r"Pool\(client\)"):
        Pool("dask")


@pytest.mark.parametrize("found", ["2023.12.1", "2.30.0", "2024.3.0+7.gabcdef"])
def test_a_dask_that_is_too_old_is_named(rough: Cluster, monkeypatch: pytest.MonkeyPatch, found: str):
    monkeypatch.setattr(dask_client, "version", lambda name: found)
    told = rf"dask {re.escape(found)} is too old: 2024\.4 or later"
    for places in ("dask", rough.client):
        with pytest.raises(LauncherUnavailable, match=told):
            Pool(places)


@pytest.mark.usefixtures("seldom")
def test_a_client_whose_loop_would_wait_for_itself_is_refused(rough: Cluster):
    from distributed import Client

    async def ask() -> None:
        async with Client(rough.address, asynchronous=True, set_as_default=False) as client:
            Pool(client)

    with pytest.raises(BadOption, match="asynchronous"):
        asyncio.run(ask())


@pytest.mark.usefixtures("seldom")
def test_a_kernel_that_is_killed_leaves_nothing_on_the_cluster(rough: Cluster, tmp_path: Path):
    assert until(lambda: stations(rough.client) == 0, PATIENCE_S)
    source = f"""
        def item(x):
            say("begun")
            time.sleep(600)
        pool = Pool("dask", address={rough.address!r}, nodes=2)
        pool.map(item, range(2))
    """
    with Script(tmp_path, source, "dask") as running:
        assert running.heard(2) == ["begun"] * 2
        assert stations(rough.client) >= 2
        running.process.kill()
        running.process.wait()
        assert until(lambda: stations(rough.client) == 0, PATIENCE_S)


@pytest.mark.usefixtures("seldom")
def test_a_pool_that_is_closed_leaves_nothing_on_the_cluster(rough: Cluster):
    with Pool(rough.client, nodes=2) as pool:
        run = under_way(pool)
        assert stations(rough.client) >= 2
        pool.terminate()
    assert run.is_over
    assert until(lambda: stations(rough.client) == 0, PATIENCE_S)


@pytest.mark.usefixtures("seldom")
def test_a_cluster_that_is_gone_ends_a_pool_and_leaves_one_that_has_other_places(rough: Cluster, tmp_path: Path):
    from distributed import Client

    lost = Cluster(tmp_path, 1, 2)
    client = Client(lost.address, set_as_default=False, timeout=2)
    with Pool(client, nodes=1, wait=1.0) as alone, Pool(client, "threads", nodes=1, wait=1.0) as both:
        broken, whole = under_way(alone, 5000), under_way(both, 200)
        lost.process.kill()
        assert whole.wait(PATIENCE_S) and broken.wait(PATIENCE_S)
        assert whole.result() == [0.03] * 200
        with pytest.raises(PoolBroken, match="dask"):
            broken.result()
        assert 3 < broken.n_done < 5000
    with contextlib.suppress(Exception):  # its scheduler has gone
        client.close(1)
    lost.close()
