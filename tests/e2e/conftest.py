"""A Jupyter server and a browser for the tests of this folder; each test has a page and a kernel of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import leftovers
from tests.rig.bed import bed, raised_bed, wait_until
from tests.rig.browser import UI, Tab, browser, play, profile, why_no_browser
from tests.rig.jupyter import Jupyter, why_no_jupyter

__all__ = ["bed", "raised_bed"]

HERE = Path(__file__).parent
LIMIT_S = 240
FAILED = pytest.StashKey[bool]()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a browser time, and let it have processes of its own (what kernels leave is counted here)."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(LIMIT_S), append=False)
            item.add_marker(pytest.mark.leaves())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item):
    """Remember that a test failed, so that its pages are photographed."""
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report


# Of this package, not of the session: Playwright keeps an event loop in the main thread, where others have theirs.
@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """Start JupyterLab and Notebook 7, once for all tests here."""
    if reason := why_no_jupyter() or why_no_browser():
        pytest.skip(reason)
    made = Jupyter(tmp_path_factory.mktemp("jupyter"))
    yield made
    made.close()


@pytest.fixture(scope="package")
def playing(server: Jupyter) -> Iterator[Any]:
    """Give what starts browsers."""
    with play() as made:
        yield made


@pytest.fixture(scope="package")
def context(playing: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Start the browser, once for all tests here: JupyterLab's code is fetched and compiled for the first pages only."""
    with profile(playing, tmp_path_factory.mktemp("profile")) as made:
        yield made


@pytest.fixture
def other(playing: Any) -> Iterator[Any]:
    """Give another browser, that knows nothing of the first."""
    with browser(playing) as made:
        yield made.new_context()


@pytest.fixture
def lab(server: Jupyter) -> Iterator[Jupyter]:
    """Give the server as new; what the test's kernels started must be gone after it."""
    server.clear()
    before = _processes()
    yield server
    wait_until(lambda: _has_ended_all(server, before))
    assert {pid: name for pid, name in _processes().items() if pid not in before} == {}


def _has_ended_all(server: Jupyter, before: dict[object, str]) -> bool:
    """End all kernels, also one that a page asked for before it was closed, and that begins only now."""
    server.end_kernels()
    return _processes().keys() <= before.keys()


def _processes() -> dict[object, str]:
    """Give the processes of the tests, but for the browser's, which come and go."""
    return {pid: name for pid, name in leftovers.children().items() if "chrom" not in name}


@pytest.fixture
def open_notebook(lab: Jupyter, context: Any, request: pytest.FixtureRequest) -> Iterator[Callable[..., Tab]]:
    """Give ``open_notebook(*cells, ui="lab", name="test")``; an error in a page fails the test."""
    tabs: list[Tab] = []

    def make(
        *cells: str, ui: UI = "lab", name: str = "test", width: int = 1280, height: int = 900, of: Any = None
    ) -> Tab:
        page = (of or context).new_page()
        page.set_viewport_size({"width": width, "height": height})
        tabs.append(Tab(page, lab, ui))
        tabs[-1].open(*cells, name=name)
        return tabs[-1]

    yield make
    for number, tab in enumerate(tabs):
        if request.node.stash.get(FAILED, False):
            print(f"picture: {tab.shot(f'failed-{request.node.name}-{number}')}", *tab.said[-20:], sep="\n")
        (tab.page if tab.page.context is context else tab.page.context).close()
    assert [error for tab in tabs for error in tab.errors] == []
    assert [url for tab in tabs for url in tab.strangers] == [], "nothing is fetched from beyond this machine"
