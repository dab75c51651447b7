"""How hypothesis looks for what breaks, and the rig's fixtures."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from tests.rig import examples
from tests.rig.fixtures import launcher, note_failure, pool, pools

__all__ = ["examples", "launcher", "pool", "pools"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
