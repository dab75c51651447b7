"""Memory as the kernel counts it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def forget_peak() -> int:
    """Begin a new high-water mark of this process; give the resident bytes now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak_bytes() -> int:
    """Give the high-water mark since `forget_peak`."""
    return _status("VmHWM")


def _status(field: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise KeyError(field)


def size_of_integers(values: Sequence[Any]) -> int:
    """Give the bytes of a list of distinct integers, the list included."""
    return sys.getsizeof(values) + sum(sys.getsizeof(value) for value in values if value > 256)


def size_of_rows(rows: Sequence[tuple[Any, ...]]) -> int:
    """Give the bytes of a list of points of distinct integers."""
    each = (sys.getsizeof(row) + sum(sys.getsizeof(value) for value in row if value > 256) for row in rows)
    return sys.getsizeof(rows) + sum(each)
