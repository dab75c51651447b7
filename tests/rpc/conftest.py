"""Servers of this machine, and a data folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pathos_nb.pools import _clear
from pathos_nb.server import LocalServer
from tests.rig.census import Census


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture(autouse=True)
def nothing_stays(data_folder: Path) -> Iterator[None]:
    import ppft  # noqa: F401 - what it opens when it is first imported is not the test's

    before = Census.take()
    yield
    _clear()
    before.check()


@pytest.fixture(scope="module")
def kept_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def kept_server(kept_folder: Path) -> Iterator[LocalServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(kept_folder))
        with LocalServer(nodes=2) as running:
            yield running


@pytest.fixture
def kept(
    kept_server: LocalServer, kept_folder: Path, data_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalServer:
    """One server for the tests of a file that do it no harm."""
    monkeypatch.setenv("XDG_DATA_HOME", str(kept_folder))
    return kept_server


@pytest.fixture
def grow_impatient(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Give what makes five seconds of the fifteen, and of the ten, for which a server may say nothing."""

    def grow() -> None:
        monkeypatch.setattr("pathos_nb.launchers.ppft_slot._SILENT_BEATS", 20)
        monkeypatch.setattr("pathos_nb.launchers.ppft_line.Line.__init__.__defaults__", (5.0,))

    return grow


@pytest.fixture
def server(nothing_stays: None) -> Iterator[LocalServer]:
    with LocalServer(nodes=2) as running:
        yield running
