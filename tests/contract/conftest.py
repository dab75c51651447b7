"""Take the rig's fixtures."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.rig.dask_cluster import wants_dask
from tests.rig.fixtures import launcher, note_failure, pool, pools
from tests.rig.sampling import REMOTE, later_shapes, launcher_of, leave_out, name_of

__all__ = ["launcher", "pool", "pools"]


# What starts jobs by the dozen, or tries what a worker of another kind has shown: on MPI with `--everywhere` only.
SELDOM_ON_MPI = {
    "test_main.py", "test_profile.py", "test_a_worker_is_replaced_after_so_many_items",
    "test_a_map_marks_no_item_twice_when_workers_end_by_their_count",
}  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Try each test once where another machine may be reached, and some not at all on MPI, unless it is `--everywhere`."""
    if not config.getoption("--everywhere"):
        leave_out(config, items, later_shapes(items, _is_sampled) | set(filter(_is_seldom, items)))


def _is_sampled(item: pytest.Item) -> bool:
    return item.path.parent == Path(__file__).parent and (wants_dask(item) or launcher_of(item) in REMOTE)


def _is_seldom(item: pytest.Item) -> bool:
    return launcher_of(item) == "mpi" and bool({item.path.name, name_of(item)} & SELDOM_ON_MPI)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
