"""What the items of these tests do: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any


def place(_: Any = None) -> tuple[int, int]:
    return os.getpid(), os.getppid()


def fail(x: int) -> int:
    raise KeyError(f"no {x}")


def loud(x: int) -> int:
    os.write(1, b"to the first descriptor\n")
    sys.stdout.write("to stdout\n")
    sys.__stdout__.write("to the other stdout\n")  # type: ignore[union-attr]
    sys.stderr.write("to stderr\n")
    return x


def scaled(x: int, factor: int = 1) -> int:
    return x * factor


def die(x: int) -> int:
    if x == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def spin(x: int) -> None:
    while True:
        pass


def stuck(x: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])  # as code in C that does not come back
    time.sleep(100)


def inner(address: str, x: int) -> list[int]:
    from pathos_nb.parallel import ParallelPool

    with ParallelPool(0, servers=(address,)) as pool:
        return list(pool.map(abs, range(-x, 0)))


def begin(path: str) -> None:
    Path(path).mkdir(exist_ok=True)
    os.environ["PATHOS_NB_BEGUN"] = "yes"


def begun(_: Any) -> str | None:
    return os.environ.get("PATHOS_NB_BEGUN")


def slow(x: int) -> int:
    time.sleep(0.02)
    return x


def end_process(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def kill_the_server(_: int) -> None:
    import psutil

    zygote = psutil.Process(os.getppid())
    end_process(zygote.ppid())
    time.sleep(60)


def nap(_: Any) -> None:
    time.sleep(60)


def environment(_: Any) -> tuple[str | None, list[str]]:
    return os.environ.get("PYTHONPATH"), sys.path
