"""Whoever knows pathos finds each name: our modules against those of the installed pathos."""

from __future__ import annotations

import importlib
import inspect
import json
from importlib import metadata
from pathlib import Path

import pytest

from pathos_nb.compat.names import HOMES, VERSION

ROOT = Path(__file__).parents[2]

# Accidents of pathos' imports, and what is left out on purpose; docs/pathos-names.md says the same.
NOT_OURS = {
    "pathos.connection": {"Selector", "os", "random", "signal", "string", "sys"},
    "pathos.core": {"os", "pathos", "re", "string"},
    "pathos.secure.tunnel": {"Pipe", "os", "random", "signal", "string"},
    "pathos.xmlrpc": {"server"},
    "pathos.xmlrpc.server": {"client", "logger", "os", "print_exc_info", "spawn2"},
    "pathos.multiprocessing": {"OLD312a7", "sys", "warnings"},
    "pathos.parallel": {"builtins", "pp"},
    "pathos.helpers.pp_helper": {"pickle", "threading", "time"},
    "pathos.util": {"os"},
}

ASK = """
import importlib, inspect, json, sys, warnings
warnings.simplefilter("ignore")
told = {}
for name in json.loads(sys.argv[1]):
    module = importlib.import_module(name)
    public = [n for n in dir(module) if not n.startswith("_")] + [n for n in getattr(module, "__all__", [])]
    classes = {n: [m for m in dir(getattr(module, n)) if not m.startswith("_")] for n in public
               if inspect.isclass(getattr(module, n)) and getattr(module, n).__module__.startswith("pathos")}
    told[name] = [sorted(set(public)), classes]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def theirs():
    """Give the names of each module of pathos, and of each class in it, asked of another process."""
    import subprocess
    import sys

    try:
        found = metadata.version("pathos")
    except metadata.PackageNotFoundError:
        pytest.skip("pathos is not installed here")
    if found != VERSION:
        pytest.skip(f"pathos {found} is installed; the contract is that of {VERSION}")
    command = [sys.executable, "-c", ASK, json.dumps(sorted(HOMES))]
    return json.loads(subprocess.run(command, capture_output=True, text=True, timeout=50, check=True).stdout)


@pytest.mark.parametrize("name", sorted(HOMES))
def test_each_public_name_of_a_module_is_here(theirs, name):
    public, _ = theirs[name]
    ours = importlib.import_module(HOMES[name])
    missing = {n for n in public if not hasattr(ours, n)}
    assert missing - NOT_OURS.get(name, set()) == set()


@pytest.mark.parametrize("name", sorted(HOMES))
def test_each_public_name_of_a_class_is_here(theirs, name):
    _, classes = theirs[name]
    ours = importlib.import_module(HOMES[name])
    for kind, members in classes.items():
        if kind in NOT_OURS.get(name, ()):
            continue
        if kind in ("ApplyResult", "MapResult"):
            members = ["get", "ready", "successful", "wait"]  # the rest is how ppft works inside
        missing = {m for m in members if not hasattr(getattr(ours, kind), m)}
        # attributes that ours set for each object
        missing -= {"is_active", "prefix", "suffix", "pid", "sort"}
        assert missing == set(), kind


def test_what_is_left_out_is_left_out():
    for name, left_out in NOT_OURS.items():
        ours = importlib.import_module(HOMES[name])
        assert {n for n in left_out if n != "sys" and inspect.ismodule(getattr(ours, n, None))} <= left_out


def test_star_imports_bring_what_they_bring_in_pathos(theirs):
    for name in ("parallel", "multiprocessing", "threading", "serial"):
        space: dict[str, object] = {}
        exec(f"from pathos_nb.{name} import *", space)
        public, _ = theirs[f"pathos.{name}"]
        assert set(space) - {"__builtins__"} <= set(public) | {"_ThreadPool", "_ProcessPool"}


def test_the_table_for_readers_names_each_module():
    text = (ROOT / "docs" / "pathos-names.md").read_text(encoding="utf-8")
    for name in HOMES:
        last = name.rpartition(".")[2]
        assert f"`{name}`" in text or f"`.{last}`" in text or f"`{last}`" in text, name
