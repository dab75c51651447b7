"""Take the rig's fixtures."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.rig.dask_cluster import wants_dask
from tests.rig.fixtures import launcher, note_failure, pool, pools

__all__ = ["launcher", "pool", "pools"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Try each test once on a cluster of dask's, and not with each of its parameters, unless it is `--everywhere`."""
    if config.getoption("--everywhere"):
        return
    seen: set[object] = set()
    left_out = [item for item in items if _is_of_dask(item) and (_name(item) in seen or seen.add(_name(item)))]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def _is_of_dask(item: pytest.Item) -> bool:
    return item.path.parent == Path(__file__).parent and wants_dask(item)


def _name(item: pytest.Item) -> tuple[Path, str]:
    return item.path, getattr(item, "originalname", item.name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
