"""Futures whose callbacks may do anything: submit more, close the pool, wait for other futures.

::

    values of a run ──► set in their futures ──► room for more ──► then the callbacks, one after the other
                                 └─ each callback that is due is put at the end, and not called from within another

So chains of callbacks that submit do not pile up, and one that waits holds nothing that others need.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, TypeVar

from pathos_nb.dispatch.deliveries import complain

__all__ = ["Callbacks", "PoolFuture"]

T = TypeVar("T")

_Due = deque[tuple[Callable[[Any], object], Future[Any]]]


class Callbacks:
    """The callbacks of an executor's futures, in each thread one at a time.

    Parameters
    ----------
    on_end : callable
        Called when a thread has called those that were due.
    """

    def __init__(self, on_end: Callable[[], object]) -> None:
        self._due: dict[int, _Due] = {}
        self._on_end = on_end

    def are_mine(self) -> bool:
        """Whether this thread is in the midst of them."""
        return threading.get_ident() in self._due

    def are_elsewhere(self) -> bool:
        """Whether another thread is."""
        return bool(self._due.keys() - {threading.get_ident()})

    def gather(self) -> bool:
        """Keep those that become due in this thread until `call_all`; False if it is in the midst of them already."""
        me = threading.get_ident()
        if me in self._due:
            return False
        self._due[me] = deque()
        return True

    def call_all(self) -> None:
        """Call those that were kept, and those that become due by it; one that raises does not stop the others."""
        me = threading.get_ident()
        due = self._due[me]
        try:
            while due:
                callback, future = due.popleft()
                try:
                    callback(future)
                except Exception:
                    complain("a callback of a future failed")
        finally:
            del self._due[me]
            self._on_end()

    def call(self, callback: Callable[[Any], object], future: Future[Any]) -> None:
        """Call one when it is its turn, which is at once where no other is under way."""
        is_outermost = self.gather()
        self._due[threading.get_ident()].append((callback, future))
        if is_outermost:
            self.call_all()


class PoolFuture(Future[T]):
    """What `PoolExecutor.submit` gives.

    Parameters
    ----------
    callbacks : Callbacks
        The executor's.
    """

    def __init__(self, callbacks: Callbacks) -> None:
        super().__init__()
        self._callbacks = callbacks

    def add_done_callback(self, fn: Callable[[Future[T]], object]) -> None:
        """Have a callable called with the future when it is over, at once if it is.

        Parameters
        ----------
        fn : callable
            Called in any thread of the pool's or the caller's, not from within another callback.
        """
        super().add_done_callback(partial(self._callbacks.call, fn))
