"""What the items of these tests do: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time


def add(x, y=10, *, times=1):
    return (x + y) * times


def refuse(x):
    if x == 2:
        raise LookupError(f"no {x}")
    return x


def square(x):
    return x * x


def here(_):
    return os.getpid(), threading.get_ident()


def waits_for(file: str) -> bool:
    deadline = time.monotonic() + 40
    while not os.path.exists(file) and time.monotonic() < deadline:
        time.sleep(0.01)
    return os.path.exists(file)


class OddError(Exception):
    def __init__(self, code, *, reason):
        super().__init__(f"{code}: {reason}")


def fail_oddly(x):
    if x == 1:
        raise OddError(x, reason="odd")
    return x


def die(x):
    if x == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def leave(x):
    if x == 1:
        sys.exit(3)
    return x


def end_early(x):
    if x == 1:
        raise StopIteration
    return x


def talk(x):
    print("item", x)
    return x * x


def own_pid(_: int) -> int:
    return os.getpid()
