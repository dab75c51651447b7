"""Functions that the contract's maps call: importable, so that each launcher can send them."""

from __future__ import annotations

import os
import random
import threading
import time
from typing import Any

import pathos_nb


def same(x: Any) -> Any:
    return x


def square(x: int) -> int:
    return x * x


def nap(seconds: float) -> float:
    time.sleep(seconds)
    return seconds


def add(a: Any, b: Any = 0, *, scale: int = 1) -> Any:
    return (a + b) * scale


def picky(x: int) -> int:
    if x % 3 == 1:
        raise ValueError(f"no {x}")
    return x


def whoami(_: Any = None) -> tuple[int, int]:
    return os.getpid(), threading.get_ident()


def mark_file(path: str, x: int) -> int:
    """Leave one line for each time it is run."""
    with open(path, "a", encoding="ascii") as file:
        file.write(f"{x}\n")
    return x


def mark_then_fail_at(path: str, last: int, x: int) -> int:
    mark_file(path, x)
    if x == last:
        raise ValueError(f"no {x}")
    return x


def fail_first(path: str, x: int) -> int:
    """Raise for an item's first attempt, and give the item at its second."""
    if x == 2 and not os.path.exists(path):
        mark_file(path, x)
        raise ConnectionError("first attempt")
    return x


def draws(_: Any) -> tuple[float, ...]:
    import numpy as np

    return random.random(), float(np.random.rand()), float(pathos_nb.rng().random())


def own_draw(_: Any) -> float:
    return float(pathos_nb.rng().random())


STATE: dict[str, Any] = {}


def begin(key: str, value: Any) -> None:
    STATE[key] = value


def begun(key: str) -> Any:
    return STATE.get(key)


def wait_for(path: str) -> str:
    """Give the path once the file is there."""
    import time

    deadline = time.monotonic() + 30
    while not os.path.exists(path) and time.monotonic() < deadline:
        time.sleep(0.005)
    return path


def modules(_: Any = None) -> list[str]:
    """Say where the modules come from whose names the package has too."""
    import multiprocessing
    import profile
    import threading

    return [str(m.__file__) for m in (multiprocessing, profile, threading)]


def fail_to_begin() -> None:
    raise RuntimeError("no licence here")
