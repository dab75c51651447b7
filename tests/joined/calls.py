"""What hosts are asked: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

from pathos_nb.profile import enable_profiling, get_stats, profiled


def where(_: object) -> str:
    return socket.gethostname()


def use(gate: str, x: int) -> tuple[int, str]:
    """Give what a large file is, and where it lies; from the ninth on, when a file is there."""
    time.sleep(0.05)
    while x >= 8 and not Path(gate).exists():
        time.sleep(0.05)
    Path("out.txt").write_text(str(x))
    return Path("large.bin").stat().st_size, os.path.realpath("large.bin")


def compute(seconds: float) -> int:
    n, until_s = 0, time.thread_time() + seconds
    while time.thread_time() < until_s:
        n += sum(range(50))
    return n


def counted(seconds: float) -> int:
    enable_profiling()
    profiled(False)(compute)(seconds)
    return len(get_stats() or ())


def wait_for(gate: str, v: int) -> int:
    """Give the number: the first hundred at once, the others when there is a file."""
    while v >= 100 and not os.path.exists(gate):
        time.sleep(0.02)
    return v
