"""One input, tried inside of bounds: what comes is a value or a named error; all else is a finding.

Time is the processor's, so that a busy machine makes no finding; memory is what the process may add to what it has.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

__all__ = ["Endless", "Target", "probe"]

CPU_S = 20.0
MORE_BYTES = 600_000_000


class Endless(BaseException):
    """It computes for ever, or for far too long."""


@dataclass(frozen=True)
class Target:
    """Something that reads what others have written.

    Parameters
    ----------
    name : str
        What it is called.
    inputs : strategy
        What it is given.
    attempt : callable
        Reads one; raises AssertionError where what came makes no sense.
    errors : tuple of type
        What it may raise.
    n_examples : int
        How many inputs are enough for every day.
    """

    name: str
    inputs: st.SearchStrategy[Any]
    attempt: Callable[[Any], None]
    errors: tuple[type[BaseException], ...]
    n_examples: int = 100


def probe(target: Target, given: Any, cpu_s: float = CPU_S, more_bytes: int = MORE_BYTES) -> None:
    """Try one input.

    Raises
    ------
    BaseException
        Whatever is not among the target's errors; `Endless` and MemoryError if it goes beyond its bounds.
    """
    with _memory(more_bytes), _processor(cpu_s), contextlib.suppress(*target.errors):
        target.attempt(given)


@contextlib.contextmanager
def _processor(seconds: float) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's
        yield
        return

    def stop(*_: object) -> None:
        raise Endless(f"{seconds:.0f} seconds of the processor were not enough")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


@contextlib.contextmanager
def _memory(n_bytes: int) -> Iterator[None]:
    """Let the process have so much more address space, where the system can tell and hold it."""
    told = Path("/proc/self/statm")
    if not told.exists():
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    now = int(told.read_text().split()[0]) * resource.getpagesize()
    most = now + n_bytes if before[1] == resource.RLIM_INFINITY else min(now + n_bytes, before[1])
    resource.setrlimit(resource.RLIMIT_AS, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
