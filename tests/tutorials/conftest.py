"""The contract's fixtures, on the launcher that the tutorial writes."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from pathos_nb.launchers.registry import registry
from tests.rig.fixtures import note_failure, pool, pools
from tests.rig.sampling import contract_of_its_own

__all__ = ["pool", "pools"]

FILE = Path(__file__).parents[2] / "docs" / "code" / "command_launcher.py"
CONTRACT = ("test_launcher_contract.py", "test_launcher_whole_contract.py")
NAME = "nice"  # what the contract's pools are called: the launcher "command" for one command


@pytest.fixture(scope="module")
def tutorial() -> ModuleType:
    """Give the module that the tutorial shows, line by line."""
    spec = importlib.util.spec_from_file_location("command_launcher", FILE)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def registered(tutorial: ModuleType) -> Iterator[str]:
    """Register it, as an entry point would, for the tests of a module."""
    configured = tutorial.CommandLauncher.configured(through="nice -n 1")
    configured.name = NAME
    registry.register("command", tutorial.CommandLauncher)
    registry.register(NAME, configured)
    yield NAME
    for name in ("command", NAME):
        registry._known.pop(name)


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
