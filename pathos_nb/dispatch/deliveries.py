"""Values handed over as they come, to a callback that may do anything, even use the pool again.

The callback is the user's, so it is never called under the dispatcher's lock: deliveries queue up and are made by
whoever held the lock, after it is released.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

from pathos_nb.typed import Any

Deliver = Callable[[Sequence[int], list[Any]], object]


def complain(what: str) -> None:
    """Log the exception that is being handled: it is another's, and must not become a run's."""
    import logging

    logging.getLogger("pathos_nb").exception(what)


class Deliveries:
    """Calls that wait for the lock to be free.

    Attributes
    ----------
    n_begun : int
        How many calls have begun, more or less: whether it has changed is what it tells.
    """

    def __init__(self) -> None:
        self._queue: deque[Callable[[], object]] = deque()
        self._makers: set[int] = set()
        self.n_begun = 0

    def put(self, call: Callable[[], object]) -> None:
        """Queue a call."""
        self._queue.append(call)

    @property
    def are_waiting(self) -> bool:
        """Whether there are calls to make."""
        return bool(self._queue)

    def is_mine(self) -> bool:
        """Whether this thread is in the midst of a call."""
        return self.keep(threading.get_ident())

    def keep(self, thread: int | None) -> bool:
        """Whether a thread is in the midst of a call."""
        return thread in self._makers

    def make(self) -> None:
        """Make all calls, in order; one that raises does not stop the others.

        Called from within a call it leaves the rest to the outer one, so that calls that begin runs do not pile up.
        """
        me = threading.get_ident()
        if me in self._makers:
            return
        self._makers.add(me)
        try:
            self._make()
        finally:
            self._makers.discard(me)

    def _make(self) -> None:
        while self._queue:
            self.n_begun += 1
            try:
                call = self._queue.popleft()
            except IndexError:  # another thread was quicker
                return
            try:
                call()
            except Exception:
                complain("a callback of a run failed")


class CallbackKeeper:
    """Hands every value to a callback, each index once.

    Parameters
    ----------
    deliver : callable
        Takes (indices, values), of one length.
    deliveries : Deliveries
        Where its calls wait.
    """

    def __init__(self, deliver: Deliver, deliveries: Deliveries) -> None:
        self.deliver, self.deliveries = deliver, deliveries
        self._given: set[int] = set()
        self._waiting: deque[tuple[Sequence[int], list[Any]]] = deque()

    def place(self, indices: Sequence[int], values: list[Any], contested: bool = False) -> None:
        """Hand values over."""
        self._given.update(indices)
        self._waiting.append((indices, values))
        self.deliveries.put(self._hand_over_next)

    def _hand_over_next(self) -> None:
        try:
            indices, values = self._waiting.popleft()
        except IndexError:  # it was handed over before its turn
            return
        self.deliver(indices, values)

    def hand_over(self) -> None:
        """Hand over now what waits, even in the midst of another callback."""
        while self._waiting:
            self._hand_over_next()

    def has(self, index: int) -> bool:
        """Whether that value has been handed over."""
        return index in self._given

    def lacks(self, indices: Sequence[int]) -> bool:
        """Whether none of these values has been handed over."""
        return self._given.isdisjoint(indices)
