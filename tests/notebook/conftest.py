"""What many tests here stand on: a session without hosts, its panel, and a real kernel that has loaded pathos_nb."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pathos_nb.notebook.panel import Panel
from pathos_nb.session import Session
from tests.notebook.kernel import Kernel, loaded_kernel


@pytest.fixture
def session(tmp_path, monkeypatch) -> Iterator[Session]:
    """A session on threads; it knows no host of the machine's user."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    made = Session(("threads",))
    yield made
    made.close()


@pytest.fixture
def panel(session: Session) -> Iterator[Panel]:
    """The session's panel."""
    made = Panel(session)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared() -> Iterator[Kernel]:
    """One kernel for the tests of a file."""
    with loaded_kernel() as kernel:
        yield kernel


@pytest.fixture
def kernel(shared: Kernel) -> Kernel:
    """The file's kernel as new: no runs left over, default settings."""
    shared.run("%reload_ext pathos_nb")
    return shared
