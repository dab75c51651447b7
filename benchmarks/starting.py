"""From a fresh interpreter to the first result: the clock runs from the process's start to its first line."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from benchmarks import snippets
from benchmarks.figures import Goal, Outcome, at_most, ratio, row_of
from benchmarks.peers import EVERY
from benchmarks.process import environment, marked
from benchmarks.scene import Scene

EXPECTED = "[1, 2, 3, 4]"
DEADLINE_S = 40.0
BARE = "bare interpreter"
PICKLER = "import cloudpickle"
SLOW = ("ipyparallel", "dask")


@dataclass(frozen=True)
class StartCase:
    """One kind of function, every peer.

    Parameters
    ----------
    name, title : str
        As on the command line, and in words.
    is_own : bool
        Whether the function is the script's own.
    """

    name: str
    title: str
    is_own: bool

    def run(self, scene: Scene) -> Outcome:
        """Start every peer in turns."""
        names = [BARE, PICKLER, *scene.peers(EVERY)]
        times: dict[str, list[float]] = {name: [] for name in names}
        notes: dict[str, str] = {}
        with tempfile.TemporaryDirectory() as folder:
            self._write(Path(folder), names)
            for number in range(scene.n_reps + 1):
                self._turn(Path(folder), number, names, times, notes)
        rows = [
            row_of(n, "first result", times[n], "ms", notes.get(n, ""), is_bound=n in (BARE, PICKLER)) for n in names
        ]
        outcome = Outcome(self.name, self.title, rows)
        outcome.goals = self._judge(outcome)
        return outcome

    def _write(self, folder: Path, names: list[str]) -> None:
        (folder / "work_of_script.py").write_text(snippets.MODULE)
        for name in names:
            text = f"import cloudpickle\nprint({EXPECTED!r}, flush=True)\n"
            if name != PICKLER:
                text = snippets.script(name, is_own=self.is_own)
            script_of(folder, name).write_text(text)

    def _turn(
        self, folder: Path, number: int, names: list[str], times: dict[str, list[float]], notes: dict[str, str]
    ) -> None:
        for name in names:
            if name in notes or (name in SLOW and number > 2):
                continue
            seconds, line = first_line(script_of(folder, name))
            if line.strip() != EXPECTED:
                notes[name] = f"gave {line.strip()[:40]!r}" if line else f"no result in {DEADLINE_S:.0f} s, or died"
            elif number > 0:  # the first turn fills the disk's cache
                times[name].append(seconds * 1000)

    def _judge(self, outcome: Outcome) -> list[Goal]:
        ours, futures = outcome.value("pathos_nb"), outcome.value("futures")
        bare, pickler = outcome.value(BARE), outcome.value(PICKLER)
        if not self.is_own:
            return [at_most("÷ concurrent.futures", ratio(ours, futures), 1.1)]
        limit = 1.1 * futures + pickler - bare if futures and pickler and bare else None
        return [
            at_most("first result; limit is 1.1 of concurrent.futures and one import of cloudpickle", ours, limit, "ms")
        ]


def script_of(folder: Path, name: str) -> Path:
    """Give the place of a peer's script; its name must hide no module."""
    return folder / f"run_{name.replace(' ', '_')}.py"


def first_line(script: Path) -> tuple[float, str]:
    """Run a script; give the seconds to its first line, and the line (empty if none came in time)."""
    mark = uuid.uuid4().hex
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(mark),
        start_new_session=True,
        text=True,
    )
    guard = threading.Timer(DEADLINE_S, end_marked, (mark,))
    guard.start()
    assert process.stdout is not None
    line = process.stdout.readline()
    seconds = time.perf_counter() - begin
    _finish(process, mark)
    guard.cancel()
    return seconds, line


def _finish(process: subprocess.Popen[str], mark: str) -> None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
    end_marked(mark)
    process.wait(10)
    assert process.stdout is not None
    process.stdout.close()


def end_marked(mark: str) -> None:
    """Kill every process that carries the mark."""
    for pid in marked(mark):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
