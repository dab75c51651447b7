"""What the items of these tests do: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

from tests.contract.calls import mark_file, wait_for
from tests.faults.acts import BAD


def says_and_dies(x: int) -> int:
    os.write(1, f"words of {x}\n".encode())
    if x == BAD:
        os._exit(7)
    return x


def die_once(path: str, x: int) -> int:
    """Kill the worker at the item's first attempt only."""
    mark_file(path, x)
    if x == BAD and Path(path).read_text().split().count(str(x)) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return x


def always_dies(path: str, x: int) -> None:
    mark_file(path, x)
    os._exit(9)


def odd_ones_die(x: int) -> int:
    return os._exit(1) if x % 2 else x  # type: ignore[return-value]


def tell_and_wait(path: str, gate: str) -> str:
    mark_file(path, os.getpid())
    return wait_for(gate)


def x_of(thing: Any) -> int:
    return int(thing.x)


def sleep_for(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def rings_in_its_own_way() -> None:
    def ring(number: int, at: object) -> None:
        raise RuntimeError("an alarm of somebody else's")

    signal.signal(signal.SIGALRM, ring)
    signal.alarm(0)


def rings_and_sleeps(alarm_s: float, seconds: float) -> str:
    signal.setitimer(signal.ITIMER_REAL, alarm_s)
    time.sleep(seconds)
    return "slept"


def mark_and_sleep(path: str, x: int) -> None:
    mark_file(path, x)
    time.sleep(1)


def big_result(n_bytes: int) -> bytes:
    return b"ab" * (n_bytes // 2)
