"""The other Pythons of this machine, and what they need of ours to run the engine: packages without compiled parts."""

from __future__ import annotations

import functools
import importlib.util
import os
import subprocess
import sys
from pathlib import Path

__all__ = ["MINORS", "other_pythons", "pure_packages"]

MINORS = (10, 11, 12, 13)
_NEEDED = ("cloudpickle", "dill", "ppft")


@functools.cache
def other_pythons() -> dict[int, str]:
    """Give an interpreter of each other minor version: of those on the path, and those that pyenv keeps beside it."""
    found = {}
    for minor in (m for m in MINORS if m != sys.version_info[1]):
        for path in _places_of(f"python3.{minor}"):
            if minor not in found and _minor_of(path) == (3, minor):
                found[minor] = str(path)
    return found


def _places_of(name: str) -> list[Path]:
    kept = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv", "versions")
    places = [Path(folder) / name for folder in os.get_exec_path()]
    places += sorted(kept.glob(f"3.*/bin/{name}"), reverse=True)
    return [place for place in places if place.exists()]


def _minor_of(python: Path) -> tuple[int, ...]:
    """Ask it; pyenv has a name also for those that are switched off, and these answer nothing."""
    code = "import sys; print(*sys.version_info[:2])"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    return tuple(map(int, told.stdout.split()))


def pure_packages(folder: Path) -> Path:
    """Make a folder that another Python may have on its path: what the engine stands on, and nothing else of ours."""
    for name in _NEEDED:
        spec = importlib.util.find_spec(name)
        assert spec is not None and spec.submodule_search_locations, name
        (folder / name).symlink_to(spec.submodule_search_locations[0])
    return folder
