"""Threads that do what a panel asks, so that neither a cell that blocks nor a slow host keeps the panel waiting."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

__all__ = ["Desk"]

_JOIN_S = 2.0


class Desk:
    """Work in the order in which it comes; a thread is there only while it has some.

    Parameters
    ----------
    n_threads : int
        How much is done at the same time.
    n_waiting : int
        How much may wait; more is refused.
    """

    def __init__(self, n_threads: int, n_waiting: int) -> None:
        self._n_threads, self._n_waiting = n_threads, n_waiting
        self._waiting: deque[tuple[str, Callable[[], None]]] = deque()
        self._at_work: set[str] = set()
        self._threads: set[threading.Thread] = set()
        self._lock, self._is_closed = threading.Lock(), False

    def put(self, order: str, work: Callable[[], None]) -> bool:
        """Have something done.

        Parameters
        ----------
        order : str
            Works of the same order are done one after the other; if it is empty it waits for none.
        work : callable
            Raises nothing.

        Returns
        -------
        bool
            False if there is too much to do already.
        """
        with self._lock:
            if self._is_closed or len(self._waiting) >= self._n_waiting:
                return False
            self._waiting.append((order, work))
            if len(self._threads) < self._n_threads and order not in self._at_work:
                thread = threading.Thread(target=self._run, name="pathos-nb panel", daemon=True)
                self._threads.add(thread)
                thread.start()
        return True

    def _run(self) -> None:
        while (found := self._next()) is not None:
            order, work = found
            try:
                work()
            finally:
                with self._lock:
                    self._at_work.discard(order)

    def _next(self) -> tuple[str, Callable[[], None]] | None:
        with self._lock:
            found = next((each for each in self._waiting if each[0] not in self._at_work), None)
            if found is None:
                self._threads.discard(threading.current_thread())
                return None
            self._waiting.remove(found)
            if found[0]:
                self._at_work.add(found[0])
            return found

    def close(self) -> None:
        """Begin nothing more, and wait a moment for what is being done."""
        with self._lock:
            self._is_closed = True
            self._waiting.clear()
            threads = list(self._threads)
        deadline = time.monotonic() + _JOIN_S
        for thread in threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))
