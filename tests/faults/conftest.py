"""Take the rig's fixtures."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.rig.fixtures import launcher, note_failure, pool, pools

__all__ = ["launcher", "pool", "pools"]


# What these try is done by the dispatcher, or by the process launcher that agents and servers start: with each way to
# other machines it takes minutes more, and finds the same. `--everywhere` tries it all.
OF_THIS_MACHINE = {
    "test_exhaustion.py", "test_input.py", "test_items_that_meddle.py", "test_nesting.py",
    "test_objects_that_do_not_travel.py",
}  # fmt: skip
REMOTE = {"agent", "ppft", "mpi", "dask"}
ELSEWHERE = {"mpi", "dask"}  # their own faults are in tests/mpi and tests/dask
OF_DASK = {"test_interrupt.py"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only tried with `--everywhere`."""
    if config.getoption("--everywhere"):
        return
    left_out = {item for item in items if item.path.name in OF_THIS_MACHINE and _launcher(item) in REMOTE}
    here = [item for item in items if item.path.parent == Path(__file__).parent and _launcher(item) in ELSEWHERE]
    left_out |= {item for item in here if _launcher(item) == "mpi" or item.path.name not in OF_DASK}
    config.hook.pytest_deselected(items=list(left_out))
    items[:] = [item for item in items if item not in left_out]


def _launcher(item: pytest.Item) -> str:
    """Give the launcher that a test is for, if it is for one."""
    spec = getattr(item, "callspec", None)
    return spec.params.get("launcher", "") if spec else ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
