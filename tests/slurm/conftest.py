"""The Slurm cluster for the tests of this folder, and the contract's fixtures on a job of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.rig.cluster import Cluster, cluster, raised_cluster
from tests.rig.fixtures import note_failure, pool, pools
from tests.rig.launchers import Pools
from tests.rig.sampling import contract_of_its_own

__all__ = ["cluster", "pool", "pools", "raised_cluster"]

CONTRACT = ("test_contract.py", "test_whole_contract.py")


@pytest.fixture(scope="module")
def slurm_of_the_module(raised_cluster: Cluster) -> Iterator[Cluster]:
    """Make the cluster the one that is found for a whole module, and its warm pools."""
    with raised_cluster.in_use():
        yield raised_cluster


@pytest.fixture
def launcher(slurm_of_the_module: Cluster, pools: Pools) -> str:
    """The place of the contract's pools: a job that all tests share, as one that a user has already."""
    place = f"slurm:{slurm_of_the_module.allocation()}"
    slurm_of_the_module.tenants[place] = lambda: pools.discard(place)
    return place


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the contract's tests that are for some launchers only, keep what is for processes that run apart."""
    contract_of_its_own(config, items, CONTRACT, "slurm")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
