"""The fixtures of the contract and of the faults: a warm pool for each launcher, and a count before and after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests import leftovers
from tests.rig.census import Census, until
from tests.rig.dask_cluster import wants_dask
from tests.rig.launchers import Pools, params

FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="package")
def pools(request: pytest.FixtureRequest) -> Iterator[Pools]:
    """The folder's warm pools; when they are closed, nothing may be left of them."""
    if any(wants_dask(item) for item in request.session.items):
        request.getfixturevalue("dask_cluster")  # before the count
    before, processes, held = Census.take(), leftovers.children(), Pools()
    yield held
    held.close()
    before.check()
    until(lambda: leftovers.children().keys() <= processes.keys(), 30.0)
    assert leftovers.children().keys() <= processes.keys(), leftovers.children()


@pytest.fixture(params=params())
def launcher(request: pytest.FixtureRequest) -> str:
    """The name of each registered launcher in turn."""
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
