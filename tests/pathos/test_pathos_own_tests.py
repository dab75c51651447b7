"""pathos' own test files, as its wheel has them, run unmodified under `pathos_nb.compat`."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest


def wheel_tests() -> list[Path]:
    """Give the test files of an installed pathos, without importing any of it."""
    try:
        files = metadata.files("pathos") or []
    except metadata.PackageNotFoundError:
        return []
    return sorted(Path(file.locate()) for file in files if file.match("pathos/tests/test_*.py"))


@pytest.mark.skipif(not wheel_tests(), reason="pathos is not installed here, so its tests are not either")
@pytest.mark.parametrize("path", wheel_tests(), ids=lambda path: path.stem)
@pytest.mark.filterwarnings("default")
def test_it_passes_unmodified(path, run_python, tmp_path):
    done = run_python("-m", "pathos_nb.compat", str(path), cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr, done.stderr


def test_there_are_as_many_as_ever():
    files = wheel_tests()
    assert not files or len(files) >= 9
