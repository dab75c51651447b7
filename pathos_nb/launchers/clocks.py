"""Clocks of threads, and the memory of this process: what the system counts, read without asking the thread.

Where the system does not tell (outside Linux), processor time is that of the whole process, nobody is known to wait
for a core, and the memory is the most that the process ever had.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

__all__ = ["Memory", "ThreadClock", "ThreadState", "cpu_clock"]

_READ_BYTES = 128
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def cpu_clock(ident: int) -> Callable[[], float]:
    """Give the clock of a thread's processor time.

    Parameters
    ----------
    ident : int
        The calling thread, or one that outlives the clock.

    Returns
    -------
    callable
        Seconds.
    """
    named = getattr(time, "pthread_getcpuclockid", None)
    if named is None:
        return time.process_time
    clock = named(ident)
    return lambda: time.clock_gettime(clock)


class _SystemFile:
    """A file in which the system says something new at each look, kept open.

    Parameters
    ----------
    path : str
        Which.
    """

    def __init__(self, path: str) -> None:
        self._fd = -1
        with contextlib.suppress(OSError):
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)

    def _text(self) -> bytes:
        """Give what it says now; nothing where nobody knows."""
        if self._fd >= 0:
            with contextlib.suppress(OSError):
                return os.pread(self._fd, _READ_BYTES, 0)
        return b""

    def close(self) -> None:
        """Close it."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


class ThreadClock(_SystemFile):
    """How long a thread has run, and how long it could have but for want of a free core.

    Parameters
    ----------
    native_id : int
        The system's number of a thread of this process.
    """

    def __init__(self, native_id: int) -> None:
        super().__init__(f"/proc/self/task/{native_id}/schedstat")

    def read(self) -> tuple[float, float]:
        """Give seconds at work and seconds waited for a core; zeros where nobody knows."""
        with contextlib.suppress(ValueError):
            run, delay, _ = self._text().split()
            return int(run) / 1e9, int(delay) / 1e9
        return 0.0, 0.0


class ThreadState(_SystemFile):
    """Whether a thread could go on if it had a core.

    Parameters
    ----------
    native_id : int
        The system's number of a thread of this process.
    """

    def __init__(self, native_id: int) -> None:
        super().__init__(f"/proc/self/task/{native_id}/stat")

    def is_ready(self) -> bool:
        """Give whether it is ready to run; no where nobody knows."""
        return self._text().rpartition(b") ")[2][:1] == b"R"


class Memory(_SystemFile):
    """What this process holds in memory."""

    def __init__(self) -> None:
        super().__init__("/proc/self/statm")

    def read(self) -> int:
        """Give bytes; where only the most is known, that."""
        with contextlib.suppress(ValueError, IndexError):
            return int(self._text().split()[1]) * _PAGE
        with contextlib.suppress(ImportError, AttributeError):
            import resource

            most: int = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            return most if os.uname().sysname == "Darwin" else most * 1024
        return 0
