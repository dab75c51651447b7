"""How hypothesis looks for what breaks: the same examples each time, without a clock. And the rig's fixtures."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

from tests.rig.fixtures import launcher, note_failure, pool, pools

__all__ = ["launcher", "pool", "pools"]

settings.register_profile(
    "ours", deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("ours")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
