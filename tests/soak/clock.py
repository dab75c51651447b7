"""What ends a soak that hangs: it says where all threads are, takes down what was raised, and leaves."""

from __future__ import annotations

import faulthandler
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Clock"]

_LOOK_S = 0.5


class Clock:
    """A thread that looks at the time of what is under way.

    Parameters
    ----------
    take_down : callable
        Ends what would outlive this process.
    """

    def __init__(self, take_down: Callable[[], object]) -> None:
        self._take_down = take_down
        self._until_s, self._what = float("inf"), ""
        threading.Thread(target=self._run, name="soak clock", daemon=True).start()

    @contextmanager
    def running(self, most_s: float, what: str) -> Iterator[None]:
        """End the process with a word, if the block takes longer."""
        self._what, self._until_s = what, time.monotonic() + most_s
        faulthandler.dump_traceback_later(2 * most_s, exit=True)  # where not even this thread comes to its turn
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            self._until_s = float("inf")

    def _run(self) -> None:
        while time.monotonic() < self._until_s:
            time.sleep(_LOOK_S)
        sys.stdout.write(f"{self._what}\n")
        sys.stdout.flush()
        faulthandler.dump_traceback()
        self._take_down()
        os._exit(1)
