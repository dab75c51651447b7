"""The items: what a worker is asked to do. Importable by every peer's workers."""

from __future__ import annotations

import os
import time
from typing import Any

SLOW_S = 4.0
ROUNDS_VARIABLE = "PATHOS_NB_BENCH_ROUNDS_PER_US"


def noop(item: Any) -> Any:
    """Give the item back."""
    return item


def spin(rounds: int) -> int:
    """Keep a core busy in pure Python for `rounds` rounds; the value depends on each of them."""
    value = rounds
    for _ in range(rounds):
        value = (value * 1103515245 + 12345) & 0x7FFFFFFF
    return value


def sleep(seconds: float) -> float:
    """Wait as input and output do."""
    time.sleep(seconds)
    return seconds


def plus_one(array: Any) -> Any:
    """Give a new array of the same size."""
    return array + 1.0


def look(big: Any, index: int) -> float:
    """Give one number of a big array."""
    return float(big[index])


def slow_first(number: int) -> bytes:
    """Give a kilobyte, the first one late."""
    if number == 0:
        time.sleep(SLOW_S)
    return bytes(1000)


def measure_rounds_per_us(seconds: float = 0.2) -> float:
    """Calibrate `spin` on this machine: the best of the short runs that fit into `seconds`."""
    rounds, best = 20_000, 0.0
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begin = time.perf_counter()
        spin(rounds)
        best = max(best, rounds / (time.perf_counter() - begin) / 1e6)
    return best


def rounds_for(microseconds: float) -> int:
    """Give the rounds that last so long, by the calibration that the run began with."""
    return max(1, round(microseconds * float(os.environ[ROUNDS_VARIABLE])))
