"""What counts what a test left behind finds each kind, wherever it hides."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests import leftovers

SLEEPER = "import time; time.sleep(60)"
# A child that starts another, tells its number once that one runs, and dies of a signal: the other is an orphan.
ORPHAN = "print('runs', flush=True); " + SLEEPER
PARENT_THAT_DIES = f"""
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {ORPHAN!r}], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
os.kill(os.getpid(), 9)
"""


@pytest.fixture
def before(monkeypatch):
    monkeypatch.setattr(leftovers, "PATIENCE_S", 0.1)
    return leftovers.census(leftovers.KINDS)


def left(before):
    return "\n".join(leftovers.wait_until_gone(before, leftovers.KINDS))


def test_nothing_new_is_nothing_left(before):
    assert left(before) == ""


def test_a_child_process_is_named(before):
    child = subprocess.Popen([sys.executable, "-c", SLEEPER])
    try:
        assert f"children: process {child.pid}" in left(before)
        assert "time.sleep(60)" in left(before)
    finally:
        child.kill()
        child.wait(10)
    assert left(before) == ""


@pytest.mark.skipif(not leftovers.HAS_PROC, reason="orphans are found by /proc")
def test_an_orphan_is_still_ours(before):
    done = subprocess.run([sys.executable, "-c", PARENT_THAT_DIES], stdout=subprocess.PIPE, timeout=30, check=False)
    orphan = int(done.stdout)
    try:
        assert f"children: process {orphan}" in left(before)
    finally:
        os.kill(orphan, signal.SIGKILL)


def test_a_thread_is_named(before):
    end = threading.Event()
    thread = threading.Thread(target=end.wait, args=(30,), name="the-forgotten")
    thread.start()
    try:
        assert left(before) == "threads: the-forgotten of threading"
    finally:
        end.set()
        thread.join(10)


def test_an_open_file_is_named(before, tmp_path):
    path = tmp_path / "open.txt"
    with path.open("w"):
        assert Path(path).name in left(before) or not leftovers.HAS_PROC
    assert left(before) == ""


def test_what_ends_by_itself_is_waited_for(before, monkeypatch):
    monkeypatch.setattr(leftovers, "PATIENCE_S", 10.0)
    threading.Timer(0.2, lambda: None).start()
    assert left(before) == ""


@pytest.mark.parametrize(
    ("mark", "kinds"),
    [(None, leftovers.KINDS), ((), ()), (("threads",), ("children", "files"))],
)
def test_a_mark_excuses_what_it_names(mark, kinds):
    assert leftovers.kinds_to_watch(mark) == kinds


def test_a_mark_that_names_nonsense_is_an_error():
    with pytest.raises(ValueError, match="there are only children, threads, files"):
        leftovers.kinds_to_watch(("sockets",))
