"""What a process holds: not what is resident, which the C library gives back when it likes."""

from __future__ import annotations

import ctypes
import gc
import sys

import psutil

__all__ = ["held_bytes"]

_BLOCK_BYTES = 64  # about what an object takes


class _Malloc(ctypes.Structure):
    """``struct mallinfo2`` of mallinfo(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "mapped", "usmblks", "fsmblks", "used", "free", "keepcost",
        )
    )  # fmt: skip


def held_bytes() -> int:
    """Give the memory that this process has allocated and not freed; where that is not told, what is resident."""
    gc.collect()
    try:
        tell = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):  # not glibc
        return int(psutil.Process().memory_info().rss)
    tell.restype = _Malloc
    told = tell()
    return int(told.used + told.mapped) + sys.getallocatedblocks() * _BLOCK_BYTES
