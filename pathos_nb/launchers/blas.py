"""The threads of BLAS and OpenMP, kept to a worker's share where workers are threads of one process.

A worker process has its share in its environment before it loads any such library. Threads share libraries that are
loaded already: while any of them is at work, these have no more threads than one worker's share; then what they had.
Most libraries have one number for the whole process, OpenMP has one for each thread that calls it.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import Any

__all__ = ["BlasShare"]


class BlasShare:
    """Holds the libraries of this process to the smallest share of those that are at work in it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_work: list[int] = []
        self._had: list[tuple[Any, int]] = []
        self._libraries: list[Any] = []
        self._n_modules = 0

    def begin(self, share: int) -> bool:
        """Hold them to a share, in this thread and where they know no threads in all; `end` lets go.

        Parameters
        ----------
        share : int
            Threads.

        Returns
        -------
        bool
            Whether there is anything to hold, and so to let go.
        """
        if "numpy" not in sys.modules:
            return False
        with self._lock:
            self._find()
            if not self._libraries:
                return False
            if not self._at_work:
                self._had = [(each, each.num_threads) for each in self._libraries if each.user_api != "openmp"]
            self._at_work.append(share)
            self._hold(min(self._at_work))
        return True

    def end(self, share: int) -> None:
        """Let go; with the last they have again what they had."""
        with self._lock:
            self._at_work.remove(share)
            if not self._at_work:
                for library, n in self._had:
                    _set(library, n)
                self._had = []

    def _hold(self, share: int) -> None:
        for library in self._libraries:
            n = library.num_threads
            if n is not None and n > share:
                _set(library, share)

    def _find(self) -> None:
        """Look which libraries are loaded, if anything has been loaded since."""
        if len(sys.modules) == self._n_modules:
            return
        with contextlib.suppress(ImportError):
            import threadpoolctl

            self._libraries = list(threadpoolctl.ThreadpoolController().lib_controllers)
        self._n_modules = len(sys.modules)


def _set(library: Any, n: int) -> None:
    # Lately threadpoolctl lets only the first thread that asks change what holds for all. Here one lock orders them.
    getattr(library, "_real_set_num_threads", library.set_num_threads)(n)
