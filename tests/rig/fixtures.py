"""The fixtures of the contract and of the faults: a warm pool for each launcher, and a count before and after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import leftovers
from tests.rig.census import Census, until
from tests.rig.dask_cluster import Cluster
from tests.rig.launchers import Pools, params

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="module")
def pools(request: pytest.FixtureRequest) -> Iterator[Pools]:
    """The module's warm pools; when they are closed, nothing may be left of them."""
    if any(
        getattr(item, "callspec", None) and "dask" in item.callspec.params.values() for item in request.session.items
    ):
        request.getfixturevalue("dask_cluster")  # before the count
    before, processes, held = Census.take(), leftovers.children(), Pools()
    yield held
    held.close()
    before.check()
    until(lambda: leftovers.children().keys() <= processes.keys())
    assert leftovers.children().keys() <= processes.keys(), leftovers.children()


@pytest.fixture(scope="session")
def dask_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real cluster of dask's, and a client that is dask's current one; scripts find its address in the environment."""
    from distributed import Client

    held = Cluster(tmp_path_factory.mktemp("dask"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_SCHEDULER_ADDRESS", held.address)
        with Client(held.address) as client:
            held.client = client
            ports = [address.rpartition(":")[2] for address in (held.address, *client.nthreads())]
            patch.setenv("PATHOS_NB_TEST_DASK_PORTS", " ".join(ports))
            yield held
    held.close()


@pytest.fixture(params=params())
def launcher(request: pytest.FixtureRequest) -> str:
    """The name of each registered launcher in turn."""
    if request.param == "dask":
        request.getfixturevalue("dask_cluster")
    return str(request.param)


@pytest.fixture
def pool(launcher: str, pools: Pools, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A warm pool of two workers, which must work afterwards and have grown by nothing."""
    warm = pools.get(launcher)
    warm.each(os.getpid)
    before = Census.take()
    yield warm
    if request.node.stash.get(FAILED, False):
        pools.discard(launcher)
        return
    try:
        assert warm.map(abs, [-1, 2]) == [1, 2]
        warm.each(os.getpid)
        before.check()
    except BaseException:
        pools.discard(launcher)
        raise


def note_failure(item: pytest.Item, report: pytest.TestReport) -> None:
    """Remember that the test itself failed, so that its pool is not used again."""
    if report.when == "call" and report.failed:
        item.stash[FAILED] = True
