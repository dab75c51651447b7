"""One at a time for each name: who makes a pool or a connection called so; others go on meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Turns"]


class Turns:
    """Locks by name, each of which is there only while somebody has it or waits for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: dict[str, tuple[threading.RLock, int]] = {}

    @contextmanager
    def of(self, name: str) -> Iterator[None]:
        """Have the turn of a name; who has it may take it again.

        Parameters
        ----------
        name : str
            Anything.
        """
        with self._lock:
            turn, n_wanted = self._taken.get(name) or (threading.RLock(), 0)
            self._taken[name] = (turn, n_wanted + 1)
        try:
            with turn:
                yield
        finally:
            with self._lock:
                turn, n_wanted = self._taken.pop(name)
                if n_wanted > 1:
                    self._taken[name] = (turn, n_wanted - 1)
