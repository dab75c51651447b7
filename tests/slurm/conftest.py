"""The Slurm cluster for the tests of this folder, and the contract's fixtures on a job of it."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.rig.cluster import Cluster, cluster, raised_cluster
from tests.rig.fixtures import note_failure, pool, pools

__all__ = ["cluster", "pool", "pools", "raised_cluster"]

CONTRACT = ("test_contract.py", "test_whole_contract.py")


@pytest.fixture(scope="module")
def slurm_of_the_module(raised_cluster: Cluster) -> Iterator[Cluster]:
    """Make the cluster the one that is found for a whole module, and its warm pools."""
    with raised_cluster.in_use():
        yield raised_cluster


@pytest.fixture
def launcher(slurm_of_the_module: Cluster) -> str:
    """The place of the contract's pools: a job that all tests share, as one that a user has already."""
    return f"slurm:{slurm_of_the_module.allocation()}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the contract's tests that are for some launchers only, keep what is for processes that run apart."""
    others = [item for item in items if item.path.name in CONTRACT and _launcher(item) not in ("", "processes")]
    if not config.getoption("--everywhere"):
        others += [item for item in items if item.path.name == CONTRACT[1] and item not in others]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]
    for item in items:
        if item.path.name in CONTRACT and _launcher(item):
            item.name = item.name.replace("processes", "slurm")


def _launcher(item: pytest.Item) -> str:
    """Give the launcher that a test names."""
    spec = getattr(item, "callspec", None)
    return spec.params.get("launcher", "") if spec else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
