"""Take the rig's fixtures."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.rig.dask_cluster import wants_dask
from tests.rig.fixtures import launcher, note_failure, pool, pools

__all__ = ["launcher", "pool", "pools"]


# What starts jobs by the dozen, or tries what a worker of another kind has shown: on MPI with `--everywhere` only.
SELDOM_ON_MPI = {
    "test_main.py", "test_profile.py", "test_a_worker_is_replaced_after_so_many_items",
    "test_a_map_marks_no_item_twice_when_workers_end_by_their_count",
}  # fmt: skip


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Try less on MPI and dask, unless it is `--everywhere`: each test once, and not with each of its parameters."""
    if config.getoption("--everywhere"):
        return
    seen: set[object] = set()
    left_out = [item for item in items if _is_tried_once(item) and (_name(item) in seen or seen.add(_name(item)))]
    left_out += [item for item in items if _is_seldom(item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in set(left_out)]


def _is_tried_once(item: pytest.Item) -> bool:
    return item.path.parent == Path(__file__).parent and (wants_dask(item) or _launcher(item) == "mpi")


def _name(item: pytest.Item) -> tuple[Path, str, str]:
    return item.path, getattr(item, "originalname", item.name), _launcher(item)


def _launcher(item: pytest.Item) -> str:
    spec = getattr(item, "callspec", None)
    return str(spec.params.get("launcher", "")) if spec else ""


def _is_seldom(item: pytest.Item) -> bool:
    names = {item.path.name, getattr(item, "originalname", "")}
    return _launcher(item) == "mpi" and bool(names & SELDOM_ON_MPI)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
