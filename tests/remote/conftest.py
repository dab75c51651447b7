"""Hosts for the tests of this folder, and a home folder that is nobody's."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from pathos_nb.secure.remote import Remote
from tests.rig.bed import Bed, bed, raised_bed

__all__ = ["bed", "connect", "home", "raised_bed"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Give an empty home folder, without an agent."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    for name in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "SSH_ASKPASS"):
        monkeypatch.delenv(name, raising=False)
    return folder


@pytest.fixture
def connect(bed: Bed) -> Iterator[Callable[..., Remote]]:
    """Connect to hosts of the bed by its own configuration; all is closed at the end."""
    made: list[Remote] = []

    def to(name: str, **options: object) -> Remote:
        made.append(Remote(name, **{"config": bed.config, **options}))
        return made[-1]

    yield to
    for remote in made:
        remote.close()
