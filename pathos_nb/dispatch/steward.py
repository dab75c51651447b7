"""The steward: a thread that attends to what nobody waits for, runs and workers that go; started when first wanted.

::

    steward ── attends ── calls a callback, which waits ──────────────► returns: it is the steward no more, and ends
                                  │ it takes long
    lookout ──────────────────────┴─► another steward ── attends ── …

Callbacks are the user's: one may wait for another result of the same pool, by whatever means. Who attends would wait
there for itself; so another thread takes over from a steward whom a callback keeps.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from pathos_nb.dispatch.attendance import Attendance
from pathos_nb.dispatch.deliveries import Deliveries
from pathos_nb.errors import PoolBroken

__all__ = ["Steward"]

_PATIENCE_S = 0.05


class Steward:
    """Attends while there is something to attend to.

    Parameters
    ----------
    attendance : Attendance
        How.
    is_wanted : callable
        Whether there is anything; asked under the lock.
    break_pool : callable
        Is told under the lock, should the thread itself fail.
    deliveries : Deliveries
        The callbacks, which it calls.
    """

    def __init__(
        self,
        attendance: Attendance,
        is_wanted: Callable[[], bool],
        break_pool: Callable[[PoolBroken], None],
        deliveries: Deliveries,
    ) -> None:
        self._attendance, self._is_wanted, self._break = attendance, is_wanted, break_pool
        self._thread: threading.Thread | None = None
        self._is_ended = False
        self._lookout = _Lookout(deliveries, lambda: self._thread, self._relieve)

    def wake(self) -> None:
        """Have it look; under the lock."""
        if self._thread is None:
            self._begin()
        else:
            self._attendance.changed.notify_all()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._run, name="pathos_nb steward", daemon=True)
        self._thread.start()

    def look_out(self) -> None:
        """Have somebody take over, should the callbacks that are called now keep this thread, if it is the steward."""
        if self._thread is threading.current_thread():
            self._lookout.call()

    def _relieve(self) -> None:
        with self._attendance.changed:
            if not self._is_ended:
                self._begin()

    def end(self) -> None:
        """Have it end; under the lock."""
        self._is_ended = True
        self._lookout.end()
        self._attendance.changed.notify_all()

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended, unless this is its own thread."""
        for thread in (self._lookout.thread, self._thread):
            if thread is not None and thread is not threading.current_thread():
                thread.join(timeout_s)

    def _is_free(self, thread: threading.Thread) -> bool:
        return self._is_ended or self._thread is not thread

    def _run(self) -> None:
        me, changed = threading.current_thread(), self._attendance.changed
        while not self._is_free(me):
            with changed:
                while not (self._is_wanted() or self._is_free(me)):
                    changed.wait()
            try:
                self._attendance.attend(lambda: not self._is_wanted() or self._is_free(me), None, None)
            except Exception as error:  # ours: whoever waits must hear of it
                with changed:
                    told = f"{type(error).__name__}: {error}"
                    self._break(
                        PoolBroken("the pool's own thread failed", cause=told, cure="pool.restart() begins anew")
                    )
                    changed.notify_all()


class _Lookout:
    """A thread that sees whether one and the same callback keeps the steward; it sleeps while there are none."""

    def __init__(
        self, deliveries: Deliveries, steward: Callable[[], threading.Thread | None], relieve: Callable[[], None]
    ) -> None:
        self._deliveries, self._steward, self._relieve = deliveries, steward, relieve
        self._called, self._ended = threading.Event(), threading.Event()
        self.thread: threading.Thread | None = None

    def call(self) -> None:
        """Look out for a while; the steward calls, before it calls back."""
        if self._called.is_set():
            return
        self._called.set()
        if self.thread is None:
            self.thread = threading.Thread(target=self._run, name="pathos_nb lookout", daemon=True)
            self.thread.start()

    def end(self) -> None:
        """Have the thread end."""
        self._ended.set()
        self._called.set()

    def _run(self) -> None:
        while not self._ended.is_set():
            self._called.wait()
            self._called.clear()  # before it is looked: who calls from now on is looked after once more
            n_begun = self._deliveries.n_begun
            if self._ended.wait(_PATIENCE_S):
                return
            if n_begun == self._deliveries.n_begun and self._is_kept():
                self._relieve()
            elif self._is_kept() or self._deliveries.are_waiting:
                self._called.set()

    def _is_kept(self) -> bool:
        steward = self._steward()
        return steward is not None and self._deliveries.keep(steward.ident)
