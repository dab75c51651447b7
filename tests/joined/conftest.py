"""The bed of hosts, and a home folder whose configuration reaches it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.rig.bed import Bed, bed, raised_bed

__all__ = ["bed", "home", "raised_bed"]


@pytest.fixture
def home(bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder whose ``~/.ssh/config`` reaches the bed."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(mode=0o700, parents=True)
    (folder / ".ssh" / "config").write_text(Path(bed.config).read_text())
    monkeypatch.setenv("HOME", str(folder))
    for name in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "SSH_ASKPASS"):
        monkeypatch.delenv(name, raising=False)
    return folder
