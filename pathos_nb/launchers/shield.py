"""Exceptions that can wait: while a thread changes a pool's state, what others want to raise in it is held back.

::

    pool ── interrupt ──► Shield.throw ── not held ──► raised in the thread, between any two bytecodes
                                       └─ held ──────► noted; raised where the thread looks: `check`, or at the end

It is for threads that run items what holding signals back is for the main thread. An item may open a pool of its own,
and an interrupt in the midst of that would leave a worker that nobody knows.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from pathos_nb.launchers.inside import here

__all__ = ["Shield", "shielded"]


class Shield:
    """Whether a thread may be interrupted now.

    Parameters
    ----------
    ident : int
        The thread.
    """

    def __init__(self, ident: int) -> None:
        self._ident = ident
        self._lock = threading.Lock()
        self._depth, self._is_noted = 0, False
        self._wakers: list[Callable[[], None]] = []

    # --- for other threads ---

    def throw(self) -> None:
        """Raise KeyboardInterrupt in the thread, now or when it can be."""
        with self._lock:
            if not self._depth:
                _raise_in(self._ident, KeyboardInterrupt)
                return
            self._is_noted = True
            wakers = list(self._wakers)
        for wake in wakers:
            wake()

    def take_back(self) -> None:
        """Have it not raised, if it has not been."""
        with self._lock:
            self._is_noted = False
            _raise_in(self._ident, None)

    # --- for the thread itself ---

    def hold(self, wake: Callable[[], None] | None = None) -> None:
        """Hold exceptions back until `let`, and have what the thread may wait for end when one comes."""
        with self._lock:
            self._depth += 1
        try:
            for _ in range(2):  # what was thrown before is raised here, where nothing has been begun
                pass
        except BaseException:
            with self._lock:
                self._depth -= 1
            raise
        if wake is not None:
            self._wakers.append(wake)

    def let(self, wake: Callable[[], None] | None = None) -> None:
        """Undo `hold`; raises nothing."""
        if wake is not None and wake in self._wakers:
            self._wakers.remove(wake)
        with self._lock:
            self._depth -= 1

    def check(self) -> None:
        """Raise what was held back.

        Raises
        ------
        KeyboardInterrupt
            If there is something.
        """
        with self._lock:
            is_noted, self._is_noted = self._is_noted, False
        if is_noted:
            raise KeyboardInterrupt

    def forget(self) -> None:
        """Forget what was held back: what it was meant for is over."""
        with self._lock:
            self._is_noted = False

    @property
    def is_open(self) -> bool:
        """Whether nothing is held back."""
        return not self._depth

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Let exceptions through inside the block, which runs a user's code."""
        with self._lock:
            depth, self._depth = self._depth, 0
        try:
            self.check()
            yield
        finally:
            with self._lock:
                self._depth = depth


@contextlib.contextmanager
def shielded(*, then_raise: bool = True) -> Iterator[None]:
    """Hold back, inside the block, what others want to raise in this thread; of no effect where nobody may.

    Parameters
    ----------
    then_raise : bool
        Whether to raise it at the end of the block, or else where the thread looks next.
    """
    shield = here.shield
    if shield is None:
        yield
        return
    shield.hold()
    try:
        yield
    finally:
        shield.let()
    if then_raise and shield.is_open:
        shield.check()


def _raise_in(ident: int, what: type[BaseException] | None) -> None:
    import ctypes

    error = None if what is None else ctypes.py_object(what)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), error)
