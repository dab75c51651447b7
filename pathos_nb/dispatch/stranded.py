"""Items that wait for maps of their own pool: once all its workers do, none is left to run these, and it is said.

One such item is enough where there is one worker; on the serial launcher, where who waits is the worker, it is one that
takes a value of an iterator from outside. It can be seen where items are threads of this process: a handle or an
iterator does not travel to others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from pathos_nb.dispatch.attendance import Attendance
from pathos_nb.dispatch.crew import Crew, Seat
from pathos_nb.errors import EndlessWait
from pathos_nb.typed import Any

__all__ = ["Stranded"]


class Stranded:
    """Items of a pool that wait, in threads of this process, for maps of the same pool.

    Parameters
    ----------
    crew : Crew
        The workers.
    attendance : Attendance
        How they wait.
    lock : object
        The dispatcher's.
    """

    def __init__(self, crew: Crew, attendance: Attendance, lock: Any) -> None:
        self._crew, self._attendance, self._lock = crew, attendance, lock
        self._waiting: dict[int, Any] = {}  # thread → run

    def attend(self, is_done: Callable[[], bool], run: Any) -> bool:
        """Wait in an item, as long as there is a worker that may bring it about.

        Parameters
        ----------
        is_done : callable
            Asked after each change.
        run : Run
            What is waited for.

        Returns
        -------
        bool
            See `Attendance.attend`.

        Raises
        ------
        EndlessWait
            All workers wait like this.
        """
        me = threading.get_ident()
        outer = self._waiting.get(me)  # an item may run another one in its own thread, which waits too
        self._waiting[me] = run
        try:
            while self._attendance.attend(lambda: self._is_done(me, is_done) or self._are_all(), None, run):
                if is_done():
                    return True
                if self._are_all():  # and not only until another one was told so
                    raise self._told(run)
            return is_done()
        finally:
            self._waiting.pop(me, None)
            if outer is not None:
                self._waiting[me] = outer

    def _is_done(self, me: int, is_done: Callable[[], bool]) -> bool:
        with self._lock:  # nobody sees this thread wait once it has what it waits for
            if is_done():
                self._waiting.pop(me, None)
                return True
            return False

    def _told(self, run: Any) -> EndlessWait:
        n = len(self._crew.seats)
        who = "the only worker of the pool waits" if n == 1 else f"all {n} workers of the pool wait"
        cure = "wait outside of items, give the pool more workers, or give the wait a timeout"
        return EndlessWait(f"{who} for maps of this very pool: none is left for {run.label}", cure=cure, run=run.run_id)

    def _are_all(self) -> bool:
        with self._lock:
            crew = self._crew
            return bool(crew.seats) and not crew.vacant and all(map(self._is_stranded, crew.seats))

    def _is_stranded(self, seat: Seat) -> bool:
        """Whether the seat's worker is at an item that waits in vain, and has reported all that it did before."""
        run, chunk = self._waiting.get(seat.slot.thread_id), seat.doing()
        if run is None or chunk is None or chunk.run.options.timeout is not None:  # that item will be stopped
            return False
        return next(iter(seat.in_flight)) == chunk.number and not _comes(run)


def _comes(run: Any) -> bool:
    """Whether who waits for a run will hear of it without any worker: all is there, or on its way to the disk."""
    return bool(run.is_over or run.is_settling or (run.is_stream and run.keeper.has_next))
