"""The front end: its own tests pass, and what is committed of its bundles is what its sources give."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pathos_nb import __version__
from tests.source import ROOT

FRONT = ROOT / "labextension"
PACKAGE = ROOT / "pathos_nb"
MAX_BUNDLE = 150_000


def node() -> str:
    """Give the Node that `tools/front.sh` found, or skip with what is missing."""
    paths = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    found = shutil.which("node", path=paths)
    if found is None:
        pytest.skip("there is no Node: tools/front.sh .venv ready")
    if not (FRONT / "node_modules" / "vitest").is_dir():
        pytest.skip("labextension/node_modules is not there: tools/front.sh .venv ready")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    if tuple(map(int, version.strip("v\n").split(".")[:2])) < (20, 19):
        pytest.skip(f"Node is {version.strip()}; 20.19 or later is needed")
    return found


def run(*words: str | Path, cwd: Path) -> None:
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


@pytest.mark.timeout(300)
def test_its_own_tests_pass():
    run(node(), FRONT / "node_modules" / "vitest" / "vitest.mjs", "run", cwd=FRONT)


@pytest.mark.timeout(300)
def test_the_committed_bundles_are_what_the_sources_give(tmp_path):
    """They are built (and their types checked) in a copy, so that what they say of the place they were built in shows."""
    program = node()
    copy = tmp_path / "labextension"
    shutil.copytree(FRONT, copy, ignore=shutil.ignore_patterns("node_modules", "lib"))
    (copy / "node_modules").symlink_to(FRONT / "node_modules", target_is_directory=True)
    (tmp_path / "pathos_nb").mkdir()
    shutil.copy(PACKAGE / "__init__.py", tmp_path / "pathos_nb")  # it says the version
    run(program, "build.mjs", cwd=copy)
    for bundle in ("static", "labextension"):
        assert differences(tmp_path / "pathos_nb" / bundle, PACKAGE / bundle) == [], "run make bundles"


def differences(one: Path, other: Path) -> list[str]:
    """Give the files that two folders do not have in common, byte by byte."""
    names = {str(path.relative_to(top)) for top in (one, other) for path in top.rglob("*") if path.is_file()}
    return sorted(name for name in names if not is_same(one / name, other / name))


def is_same(one: Path, other: Path) -> bool:
    return one.is_file() and other.is_file() and filecmp.cmp(one, other, shallow=False)


def test_bundles_are_small():
    sizes = {path.name: path.stat().st_size for path in (PACKAGE / "static").glob("*.js")}
    assert "run.js" in sizes
    assert max(sizes.values()) < MAX_BUNDLE, sizes


def test_the_extension_has_the_version_of_the_package():
    """It is written in one place; npm writes what is not yet a release in its own way."""
    shown = json.loads((PACKAGE / "labextension" / "package.json").read_text(encoding="utf-8"))["version"]
    assert shown == re.sub(r"\.?(a|b|rc|dev|post)(\d+)$", r"-\1.\2", __version__)


def test_the_lock_file_names_no_registry():
    packages = json.loads((FRONT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]
    assert all("integrity" in package or package.get("link") for name, package in packages.items() if name)
