"""A sweep that is killed again and again, at random moments, until it is done: what it may cost, and what not."""

from __future__ import annotations

import collections
import contextlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

from tests.source import ROOT
from tests.store import sweeper

_DEADLINE_S = 60.0


def killed_at_random(folder: Path, seed: int, n_kills: int, n: int = 200) -> None:
    """Kill a sweep so many times, let it end, and look at what it has done.

    Raises
    ------
    AssertionError
        The result is not the serial one, or a point that was reported as finished was computed again.
    """
    chance = random.Random(seed)
    reported: set[int] = set()
    launcher = chance.choice(["processes", "threads", "serial"])
    left = n_kills
    while left:
        begun_before = _numbers(folder / "begun")
        _begin_and_kill(folder, n, launcher, chance)
        begun = (_numbers(folder / "begun") - begun_before).keys()
        again = reported & set(begun)
        assert not again, f"seed {seed}: computed again though they were reported as finished: {sorted(again)}"
        reported = set(_numbers(folder / "told"))
        left -= 1
        if len(reported) == n or _is_done(folder):
            _begin_anew(folder)
            reported = set()
    before = _numbers(folder / "begun")
    values = sweeper.sweep(folder, n, launcher)
    assert values == [sweeper.value_of(index) for index in range(n)], f"seed {seed}: not the serial result"
    assert not reported & set(_numbers(folder / "begun") - before), f"seed {seed}: reported, and computed again"


def _is_done(folder: Path) -> bool:
    """Whether the sweep's end is on the disk, told or not: what is asked for again then is all of it."""
    if not (folder / "store.sqlite").exists():
        return False
    with contextlib.closing(sqlite3.connect(folder / "store.sqlite")) as connection:
        try:
            found = connection.execute("SELECT state FROM runs ORDER BY run DESC LIMIT 1").fetchone()
        except sqlite3.OperationalError:  # killed before there was a table
            return False
    return found == ("done",)


def _begin_anew(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _begin_and_kill(folder: Path, n: int, launcher: str, chance: random.Random) -> None:
    """Kill it some time after its first point of this time; the moment is any, in the midst of a write too."""
    size = _size(folder / "begun")
    call = f"sweep(Path({str(folder)!r}), {n}, {launcher!r})"
    command = [sys.executable, "-c", f"from pathlib import Path; from tests.store.sweeper import sweep; {call}"]
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environ, cwd=ROOT, start_new_session=True)
    deadline = time.monotonic() + _DEADLINE_S
    while _size(folder / "begun") == size and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.002)
    time.sleep(chance.choice([0.0, chance.uniform(0, 0.02), chance.uniform(0, 0.2)]))
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    _wait_for_workers(folder, deadline)


def _wait_for_workers(folder: Path, deadline: float) -> None:
    """Its workers read an end of file and go: until they have, they may begin another point."""
    size, quiet_since = _size(folder / "begun"), time.monotonic()
    while time.monotonic() - quiet_since < 0.15 and time.monotonic() < deadline:
        time.sleep(0.01)
        if _size(folder / "begun") != size:
            size, quiet_since = _size(folder / "begun"), time.monotonic()


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _numbers(path: Path) -> collections.Counter[int]:
    """Give the points of a log; its last line may be torn."""
    text = path.read_text() if path.exists() else ""
    return collections.Counter(map(int, text[: text.rfind("\n") + 1].split()))


if __name__ == "__main__":
    import tempfile

    seed, kills = int(sys.argv[1]), int(sys.argv[2])
    for round_ in range(-(-kills // 5)):
        with tempfile.TemporaryDirectory() as made:
            killed_at_random(Path(made), seed + round_, 5)
        print(f"{5 * (round_ + 1)} kills, seed {seed + round_}: whole", flush=True)
