"""Attending: one thread at a time waits for all events of a pool and handles them for everybody.

A caller that waits for its own map attends by itself, so a plain map needs no thread and no hand-over; the others
follow, until it leaves. The main thread, where signals are handled, never follows: a signal that comes just before a
thread begins to wait for a lock does not end that wait, while a leader's wait is ended by the signal itself.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pathos_nb.dispatch.interrupts import Interrupts
from pathos_nb.dispatch.run import Run
from pathos_nb.launchers.hub import EventHub, Ready
from pathos_nb.launchers.spin import Spin
from pathos_nb.typed import Any, Protocol

_HAND_OVER_S = 0.05
_SPIN_S = 3e-4  # of who waits for a call: so long may it take a worker that sleeps to be woken and to answer


class Work(Protocol):
    """What there is to do for those who wait."""

    lock: Any
    hub: EventHub

    def handle(self, ready: Ready) -> None:
        """Handle events, under the lock."""

    def is_brief(self) -> bool:
        """Whether news is likely to come within less time than it takes to fall asleep and wake."""

    def has_deliveries(self) -> bool:
        """Whether there is something to hand over that wants a thread that does not lead."""

    def deliver(self) -> None:
        """Hand it over."""

    def has_own_work(self, run: Run) -> bool:
        """Whether there is something to do that only who waits for the run may do."""

    def do_own_work(self, run: Run) -> None:
        """Do it."""


class Attendance:
    """Who waits for a pool's events, and for whom.

    Parameters
    ----------
    work : Work
        The dispatcher.

    Attributes
    ----------
    changed : Condition
        Notified, under the lock, when something may be done that somebody waits for.
    leader : int
        The thread that attends; 0 if none does.
    """

    def __init__(self, work: Work) -> None:
        self._work, self._hub = work, work.hub
        self.changed = threading.Condition(work.lock)
        self._leading = threading.Lock()
        self._n_following, self.leader, self._main_waits = 0, 0, False
        self._spin = Spin(_SPIN_S)

    @property
    def is_led(self) -> bool:
        """Whether some thread attends."""
        return self._leading.locked()

    def attend(self, is_done: Callable[[], bool], timeout_s: float | None, owner: Run | None) -> bool:
        """Keep things going until something is done.

        Parameters
        ----------
        is_done : callable
            Asked after each change.
        timeout_s : float or None
            At most so long.
        owner : Run or None
            The run whose input this thread may pull.

        Returns
        -------
        bool
            Whether it is done; False also where the pool was closed before it was.

        Raises
        ------
        KeyboardInterrupt
            If the main thread is interrupted; the state is whole.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not is_done():
            if deadline is not None and time.monotonic() >= deadline:
                return False
            if owner is not None:
                self._work.do_own_work(owner)
                if is_done():
                    break
            if self._lead(is_done, deadline, owner):
                self._work.deliver()
                if self._hub.is_closed:  # by another thread, which has ended all there was: nothing will come
                    return is_done()
            elif not _is_main():
                self._follow(is_done, deadline, owner)
        return True

    def _lead(self, is_done: Callable[[], bool], deadline: float | None, owner: Run | None) -> bool:
        """Lead, if this thread may; tell whether it did."""
        with Interrupts(self._hub) as interrupts:
            return self._take_the_lead() and self._led(is_done, deadline, owner, interrupts)

    def lead_for(self, run: Run, interrupts: Interrupts) -> None:
        """Lead for a run that has just begun, as far as it goes without anything else to do; signals are held."""
        if self._leading.acquire(blocking=False):
            self._led(lambda: run.is_over, None, run, interrupts)

    def _led(
        self, is_done: Callable[[], bool], deadline: float | None, owner: Run | None, interrupts: Interrupts
    ) -> bool:
        self.leader = threading.get_ident()
        try:
            self._handle_events(is_done, deadline, owner, interrupts)
        finally:
            self.leader = 0
            self.leave()
        return True

    def _take_the_lead(self) -> bool:
        if not _is_main():
            return not self._main_waits and self._leading.acquire(blocking=False)
        if self._leading.acquire(blocking=False):
            return True
        self._main_waits = True
        self._hub.wake()
        is_leader = self._leading.acquire(timeout=_HAND_OVER_S)
        self._main_waits = False
        if not is_leader:
            self._tell_all()
        return is_leader

    def take_the_lead(self, timeout_s: float) -> bool:
        """Keep everybody else from attending, if that can be had in time; `leave` ends it."""
        return self.leader != threading.get_ident() and self._leading.acquire(timeout=timeout_s)

    def leave(self) -> None:
        """Let another lead."""
        self._leading.release()
        if self._n_following:
            self._tell_all()

    def tell(self) -> None:
        """Have those who follow look whether what they wait for is done; under the lock."""
        if self._n_following:
            self.changed.notify_all()

    def stir(self) -> None:
        """Have the leader look too, for whom there may be something to do by now; under the lock."""
        self.tell()
        if self.leader not in (0, threading.get_ident()):
            self._hub.wake()

    def _tell_all(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _handle_events(
        self, is_done: Callable[[], bool], deadline: float | None, owner: Run | None, interrupts: Interrupts
    ) -> None:
        """Wait and handle until it is done, or until there is something to do that must be done without leading."""
        work, hub = self._work, self._hub
        while not is_done():
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                return
            if work.has_deliveries() or (owner is not None and work.has_own_work(owner)):
                return
            if self._main_waits and not _is_main():
                return
            ready = self._spin(hub.look) if self._spin.is_due() and work.is_brief() else None
            if not ready:
                interrupts.arm()
                ready = hub.wait(left)
                if hub.is_closed:
                    return
            with work.lock:
                work.handle(ready)
                self.tell()
            interrupts.check()

    def _follow(self, is_done: Callable[[], bool], deadline: float | None, owner: Run | None) -> None:
        with self.changed:
            if is_done() or (owner is not None and self._work.has_own_work(owner)):
                return
            self._n_following += 1  # before it is looked whether anybody leads: who leaves looks at it after leaving
            try:
                if self._leading.locked() or self._main_waits:
                    self.changed.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))
            finally:
                self._n_following -= 1


def _is_main() -> bool:
    return threading.current_thread() is threading.main_thread()
