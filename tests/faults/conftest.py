"""Take the rig's fixtures."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.rig.fixtures import launcher, note_failure, pool, pools
from tests.rig.sampling import REMOTE, later_shapes, launcher_of, leave_out, name_of

__all__ = ["launcher", "pool", "pools"]


# What these try is done by the dispatcher, or by the process launcher that agents and servers start: with each way to
# other machines it takes minutes more, and finds the same. `--everywhere` tries it all.
OF_THIS_MACHINE = {
    "test_exhaustion.py", "test_input.py", "test_items_that_meddle.py", "test_nesting.py",
    "test_objects_that_do_not_travel.py",
}  # fmt: skip
ELSEWHERE = {"mpi", "dask"}  # their own faults are in tests/mpi and tests/dask
OF_DASK = {"test_interrupt.py"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is only tried with `--everywhere`."""
    if config.getoption("--everywhere"):
        return
    here = [item for item in items if item.path.parent == Path(__file__).parent]
    left_out = {item for item in here if _is_left_out(item)}
    leave_out(config, items, left_out | later_shapes(here, lambda item: launcher_of(item) in REMOTE))


def _is_left_out(item: pytest.Item) -> bool:
    launcher = launcher_of(item)
    if item.path.name in OF_THIS_MACHINE and launcher in REMOTE:
        return True
    if launcher in ELSEWHERE and (launcher == "mpi" or item.path.name not in OF_DASK):
        return True
    return item.path.name == "test_nesting.py" and not _is_a_nest_of_its_own(name_of(item), launcher, _inner(item))


def _inner(item: pytest.Item) -> str:
    """Give the launcher of the inner maps, where a test has several."""
    spec = getattr(item, "callspec", None)
    return str(spec.params.get("kind", "")) if spec else ""


def _is_a_nest_of_its_own(test: str, outer: str, inner: str) -> bool:
    """Say whether maps in maps are worth their processes each day: in workers, of each kind once, deeper of one kind."""
    if not inner:
        return True
    if test == "test_three_floors":
        return outer == inner == "processes"
    if test == "test_every_kind_in_every_kind":
        return outer == "processes" or (outer, inner) == ("threads", "processes")
    return outer == "processes" and inner in ("serial", "threads", "processes")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
