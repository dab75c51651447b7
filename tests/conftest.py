"""What holds for every test: nothing is left behind, and nothing of the machine's own settings leaks in."""

from __future__ import annotations

import gc
import signal
import sys
import uuid
from pathlib import Path

import pytest

from tests import leftovers
from tests.rig.dask_cluster import dask_cluster, wants_dask
from tests.rig.sampling import is_seldom, leave_out

__all__ = ["dask_cluster"]

# Where this is installed, jsonschema compiles the grammar of addresses when it is imported: two seconds in each process.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
# A shell that starts the tests behind has them ignore interrupts, and all that they start with them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# Fixtures that keep something warm from one test to the next, and count for themselves.
COUNTING_FIXTURES = {"pools"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer what takes too long for every day."""
    parser.addoption("--everywhere", action="store_true", help="try all there is, each fault on every launcher")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is not for every day (tests/rig/sampling.py)."""
    if not config.getoption("--everywhere"):
        leave_out(config, items, set(filter(is_seldom, items)))


def pytest_collection_finish() -> None:
    """Take half a million things that stay out of the collector's sight: each look at them would cost a third of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def nobodys_data(tmp_path_factory: pytest.TempPathFactory):
    """Keep what tests compute out of the store of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("data")
        patch.setenv("XDG_DATA_HOME", str(folder))
        yield folder


@pytest.fixture(autouse=True)
def own_store(nobodys_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test a store of its own: a cell does not go on where another test's was cut short."""
    monkeypatch.setenv("XDG_DATA_HOME", str(nobodys_data / uuid.uuid4().hex))


@pytest.fixture(autouse=True)
def nothing_left_behind(request: pytest.FixtureRequest):
    """Fail a test after which there are more child processes, threads or open files than before."""
    if wants_dask(request.node):
        request.getfixturevalue("dask_cluster")  # before the count: it stays for the session
    marker = request.node.get_closest_marker("leaves")
    counts_itself = bool(COUNTING_FIXTURES & set(request.fixturenames))
    kinds = () if counts_itself else leftovers.kinds_to_watch(marker.args if marker else None)
    before = leftovers.census(kinds)
    yield
    left = leftovers.wait_until_gone(before, kinds)
    if left:
        pytest.fail("left behind:\n" + "\n".join(f"  {line}" for line in left), pytrace=False)
