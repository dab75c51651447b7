"""Items that read what is shared: importable, and light, for each fresh worker imports it."""

from __future__ import annotations

import functools
import random
from typing import Any

import numpy as np

from pathos_nb import Pool, rng


def at(handle: Any, i: int) -> float:
    return float(handle.value[i])


def memory_of_shares() -> int:
    """Count the mappings of shared values in this process."""
    with open("/proc/self/maps") as maps:
        return sum("pathos_nb-share" in line for line in maps)


def nested(handle: Any, i: int) -> list[float]:
    with Pool("processes", nodes=1) as inner:
        return inner.map(functools.partial(at, handle), [i, i + 1])


def draw(_: int) -> tuple[float, float, float]:
    return float(rng().random()), float(np.random.rand()), random.random()
