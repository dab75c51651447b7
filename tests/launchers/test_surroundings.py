"""What a worker that lives on makes of modules that are edited between its runs."""

from __future__ import annotations

import importlib
import os
import sys
import time
from pathlib import Path

import pytest

from pathos_nb.launchers.surroundings import LocalModules


@pytest.fixture
def write(tmp_path: Path, monkeypatch):
    """Give what writes a module, as if it were so many seconds old."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    known = set(sys.modules)

    def write(name: str, text: str, age_s: float = 0.0) -> None:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        written = time.time() - age_s
        os.utime(path, (written, written))
        importlib.invalidate_caches()

    yield write
    for name in set(sys.modules) - known:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


class Mine(LocalModules):
    """Of this process, which has many modules of its own, only those that the test has written."""

    def _scan(self) -> list[str]:
        self._stamps.update({name: ("", 0) for name in sys.modules if not name.startswith("far_")})
        found = super()._scan()
        self._stamps = {name: stamp for name, stamp in self._stamps.items() if name.startswith("far_")}
        return found


def test_a_module_that_is_edited_between_its_import_and_the_next_look_is_imported_anew(write):
    modules = Mine()
    write("far_edited.py", "K = 1\n", age_s=60)
    write("far_still.py", "K = 1\n", age_s=60)
    edited, still = map(importlib.import_module, ("far_edited", "far_still"))
    write("far_edited.py", "K = 22\n", age_s=-1)
    modules.drop_changed()
    assert importlib.import_module("far_edited").K == 22 != edited.K
    assert importlib.import_module("far_still") is still


def test_what_holds_something_of_an_edited_module_goes_with_it_and_so_does_its_name_in_its_package(write):
    modules = Mine()
    write("far_package/__init__.py", "", age_s=60)
    write("far_package/below.py", "def g(): return 1\n", age_s=60)
    write("far_above.py", "from far_package.below import g\ndef f(): return g()\n", age_s=60)
    assert importlib.import_module("far_above").f() == 1
    modules.drop_changed()
    assert importlib.import_module("far_above").f() == 1
    write("far_package/below.py", "def g(): return 22\n", age_s=30)
    modules.drop_changed()
    space: dict = {}
    exec("from far_package import below", space)
    assert space["below"].g() == 22 == importlib.import_module("far_above").f()
