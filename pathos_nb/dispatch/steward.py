"""The steward: a thread that attends to what nobody waits for, runs and workers that go; started when first wanted."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pathos_nb.dispatch.attendance import Attendance
from pathos_nb.errors import PoolBroken

__all__ = ["Steward"]


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
    """

    def __init__(
        self, attendance: Attendance, is_wanted: Callable[[], bool], break_pool: Callable[[PoolBroken], None]
    ) -> None:
        self._attendance, self._is_wanted, self._break = attendance, is_wanted, break_pool
        self._thread: threading.Thread | None = None
        self._is_ended = False

    def wake(self) -> None:
        """Have it look; under the lock."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="pathos_nb steward", daemon=True)
            self._thread.start()
        else:
            self._attendance.changed.notify_all()

    def end(self) -> None:
        """Have it end; under the lock."""
        self._is_ended = True
        self._attendance.changed.notify_all()

    def join(self, timeout_s: float) -> None:
        """Wait until it has ended, unless this is its own thread."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout_s)

    def _is_idle(self) -> bool:
        return not self._is_wanted() and not self._is_ended

    def _run(self) -> None:
        changed = self._attendance.changed
        while not self._is_ended:
            with changed:
                while self._is_idle():
                    changed.wait()
            try:
                self._attendance.attend(lambda: not self._is_wanted() or self._is_ended, None, None)
            except Exception as error:  # ours: whoever waits must hear of it
                with changed:
                    told = f"{type(error).__name__}: {error}"
                    self._break(
                        PoolBroken("the pool's own thread failed", cause=told, cure="pool.restart() begins anew")
                    )
                    changed.notify_all()
