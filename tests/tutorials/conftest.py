"""The contract's fixtures, on the launcher that the tutorial writes."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from tests.rig import nice
from tests.rig.fixtures import note_failure, pool, pools
from tests.rig.sampling import contract_of_its_own

__all__ = ["pool", "pools"]

CONTRACT = ("test_launcher_contract.py", "test_launcher_whole_contract.py", "test_launcher_files_contract.py")
NAME = "nice"  # what the contract's pools are called: the launcher "command" for one command


@pytest.fixture(scope="module")
def registered() -> Iterator[str]:
    """Register it, as an entry point would, for the tests of a module."""
    nice.register()
    yield NAME
    nice.forget()


@pytest.fixture
def launcher(registered: str) -> str:
    """The place of the contract's pools."""
    return registered


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of the contract's tests that are for some launchers only, keep what is for processes that run apart."""
    contract_of_its_own(config, items, CONTRACT, NAME)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Tell the pool's fixture whether the test failed."""
    report = yield
    note_failure(item, report)
    return report
