"""One trial: a process of its own with a deadline, so that what hangs is a row of the table.

::

    main ──► python -m pathos_nb.tests --try PLACE ──► a pool, its workers
         ◄── a line for each part that begins, one for how it ended
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

__all__ = ["FAILED", "NOT_HERE", "NOT_TRIED", "PASSED", "Row", "run", "run_place"]

PASSED, FAILED, NOT_HERE, NOT_TRIED = "passed", "FAILED", "not here", "not tried"
_TAIL_LINES = 8


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    name : str
        What was tried.
    verdict : str
        One of those above.
    told : str
        What passed; or why it was not tried; or what went wrong.
    seconds : float
        How long it took.
    tail : str
        The end of what it wrote, if it failed.
    """

    name: str
    verdict: str
    told: str
    seconds: float = 0.0
    tail: str = ""


def run_place(place: str, settings: Mapping[str, str], timeout_s: float) -> Row:
    """Try a place that is said to be available.

    Parameters
    ----------
    place : str
        A launcher, or a host.
    settings : mapping
        Of its pool; for dask without an address a cluster is started.
    timeout_s : float
        After so long it has failed.

    Returns
    -------
    Row
    """
    command = [sys.executable, "-m", "pathos_nb.tests", "--try", place]
    if place != "dask" or "address" in settings:
        return run(place, [*command, *_words(settings)], timeout_s)
    with _dask_cluster(timeout_s) as address:
        if not address:
            return Row(place, FAILED, "dask's own cluster did not start on this machine")
        return run(place, [*command, *_words({**settings, "address": address})], timeout_s)


def run(name: str, command: Sequence[str], timeout_s: float, environ: Mapping[str, str] | None = None) -> Row:
    """Run one trial, and tell how it went.

    Parameters
    ----------
    name : str
        What the row is called.
    command : sequence of str
        It says what it begins and how it ends, in lines of JSON; other lines are shown if it fails.
    timeout_s : float
        Then it is killed, and everything that it has started.
    environ : mapping, optional
        The environment, if not this one.

    Returns
    -------
    Row
    """
    began = time.monotonic()
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    process = subprocess.Popen(command, text=True, errors="replace", env=environ, start_new_session=True, **pipes)
    try:
        text, in_time = process.communicate(timeout=timeout_s)[0], True
    except subprocess.TimeoutExpired:
        _kill(process)
        text, in_time = process.communicate()[0], False
    except BaseException:  # an interrupt is for us alone: the trial has a session of its own
        _kill(process)
        process.wait()
        raise
    return _row(name, text, in_time, time.monotonic() - began)


def _kill(process: subprocess.Popen[str]) -> None:
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)  # it leads a group of its own, and has not been waited for
    else:
        process.kill()


def _row(name: str, text: str, in_time: bool, seconds: float) -> Row:
    parts, ended, other = list[str](), None, list[str]()
    for line in text.splitlines():
        said = _said(line)
        if "begins" in said:
            parts.append(str(said["begins"]))
        elif "ended" in said:
            ended = str(said["ended"])
        else:
            other.append(line)
    if ended == "" and in_time:
        return Row(name, PASSED, ", ".join(p for p in parts if p not in ("start", "end")), seconds)
    at = f"at {parts[-1]!r}: " if parts else ""
    why = ended if in_time else f"no end after {seconds:.0f} s"
    return Row(name, FAILED, f"{at}{why or 'it ended without a word'}", seconds, "\n".join(other[-_TAIL_LINES:]))


def _said(line: str) -> dict[str, Any]:
    try:
        said = json.loads(line)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _words(settings: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" for key, value in settings.items()]


@contextmanager
def _dask_cluster(timeout_s: float) -> Iterator[str]:
    """Have a cluster on this machine while it is tried; gives its address, or nothing."""
    with tempfile.TemporaryDirectory(prefix="pathos-nb-") as folder:
        command = [sys.executable, "-m", "pathos_nb.tests.dask_cluster", folder]
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
        try:
            yield _first_line(process, timeout_s)
        finally:
            _end(process)


def _first_line(process: subprocess.Popen[str], timeout_s: float) -> str:
    """Give what it says first, and kill it if that takes too long."""
    timer = threading.Timer(timeout_s, _kill, [process])
    timer.start()
    try:
        return process.stdout.readline().strip() if process.stdout else ""
    finally:
        timer.cancel()
        timer.join()


def _end(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe:
            pipe.close()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        _kill(process)
        process.wait()
