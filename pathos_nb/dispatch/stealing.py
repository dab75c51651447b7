"""Work stealing: what a worker has not begun is taken over by one that has nothing to do.

Where a board shows what a worker is at, its limit is lowered without its help; a worker elsewhere is asked, and its
answer comes as news.
"""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable

from pathos_nb.dispatch.crew import Chunk, Crew, Seat
from pathos_nb.dispatch.run import Run, Task
from pathos_nb.dispatch.tail import FEW, guessed_s, n_taken
from pathos_nb.launchers.contract import Hub
from pathos_nb.typed import Any

__all__ = ["Stealing"]

_LOOK_AGAIN_S = 2e-3
_WORTH_TAKING_S = 1e-3
_PAUSES = 10


class Stealing:
    """Takes work back from those who have too much.

    Parameters
    ----------
    crew : Crew
        The workers.
    hub : Hub
        For timers.
    may_serve : callable
        Takes (run, seat): whether that worker may run it.
    send : callable
        Takes (seat, run, task).
    feed : callable
        Sends what can be sent, and looks here again.
    """

    def __init__(
        self,
        crew: Crew,
        hub: Hub,
        may_serve: Callable[[Run, Seat], bool],
        send: Callable[[Seat, Run, Task], None],
        feed: Callable[[], None],
    ) -> None:
        self._crew, self._hub = crew, hub
        self._may_serve, self._send, self._feed = may_serve, send, feed
        self._look_again: Any = None
        self._not_before_s = 0.0

    def take_back(self) -> None:
        """Have seats without work take over what others have not begun, if it is worth the trip."""
        now_s = time.monotonic()
        if now_s < self._not_before_s:
            self._look_later()
            return
        if any(map(_holds_more_than_one, self._crew.loads.busy)):
            idle = [s for s in self._crew.seats if not s.in_flight and not s.retiring and not s.slot.inline]
            if idle:
                self._share_out(idle)
        if len(self._crew.seats) > FEW:  # however many there are, this is a small part of the work
            self._not_before_s = (after_s := time.monotonic()) + _PAUSES * (after_s - now_s)

    def _share_out(self, idle: list[Seat]) -> None:
        """Have each idle seat take over from whoever has most that is not begun."""
        order = itertools.count()
        victims = [(-worth, next(order), seat) for seat in self._crew.loads.busy if (worth := self._unbegun_s(seat))]
        heapq.heapify(victims)
        for seat in idle:
            if not victims:
                return
            worth, _, victim = victims[0]
            trips_s = seat.slot.latency_s + victim.slot.latency_s
            if -worth < _WORTH_TAKING_S + trips_s and not self._is_stuck(victim):
                self._look_later()
                return
            self._take_over(seat, victim)
            left = self._unbegun_s(victim)
            heapq.heapreplace(victims, (-left, next(order), victim)) if left else heapq.heappop(victims)

    def _unbegun_s(self, seat: Seat) -> float:
        """Estimate how long what a seat has not begun will take; 0 if it cannot be taken."""
        return sum(n * guessed_s(c.run, seat) for c, _, n in self._unbegun(seat))

    def _unbegun(self, seat: Seat) -> list[tuple[Chunk, int, int]]:
        """Give (chunk, first offset, number of items) of what a seat has not begun."""
        running, found = seat.slot.running(), []
        at = running.chunk if running else 0
        for number, chunk in seat.in_flight.items():
            if chunk.asked_back:
                continue
            first = 0
            if running and at == number:
                first = running.offset + running.width
            elif not at:
                first, at = 1, -1  # on its way to a worker that waits: its first item is as good as begun
            n = chunk.limit - first
            is_whole = not first or not chunk.run.options.chunksize  # a size that was given is not cut
            if n > 0 and number >= at and is_whole and not (chunk.run.stopping or chunk.run.held_for or chunk.run.pins):
                found.append((chunk, first, n))
        return found

    def _is_stuck(self, seat: Seat) -> bool:
        running = seat.slot.running()
        return running is not None and time.monotonic() - running.since_s > _WORTH_TAKING_S

    def _take_over(self, seat: Seat, victim: Seat) -> None:
        left = self._unbegun(victim)
        if not left:  # it has begun the last of it meanwhile
            return
        chunk, first, n = left[-1]
        start = first if chunk.run.options.chunksize else chunk.limit - n_taken(chunk.run, seat, victim, n)
        if start == chunk.limit:
            return self._look_later()
        if victim.slot.answers_later:
            self._ask_back(seat, victim, chunk, start)
            return
        if not victim.slot.set_limit(chunk.number, start):
            return
        running = victim.slot.running()
        if running and running.chunk == chunk.number and running.offset + running.width > start:
            victim.slot.set_limit(chunk.number, chunk.limit)  # it has just begun it
            return
        if not self._may_serve(chunk.run, seat):
            victim.slot.set_limit(chunk.number, chunk.limit)
            return
        task = chunk.task.part(start, chunk.limit, chunk.run.source.star, alone=True, contested=True)
        chunk.limit = start
        chunk.task = chunk.task._replace(contested=True)
        self._send(seat, chunk.run, task)

    def _ask_back(self, seat: Seat, victim: Seat, chunk: Chunk, start: int) -> None:
        """Have a worker elsewhere give back what it has not begun; its answer comes as news."""
        if self._may_serve(chunk.run, seat):
            chunk.asked_back = True
            victim.slot.take_back(chunk.number, start)

    def _look_later(self) -> None:
        if self._look_again is None or self._look_again.callback is None:
            self._look_again = self._hub.call_later(_LOOK_AGAIN_S, self._look)

    def _look(self) -> None:
        self._look_again = None
        self._feed()


def _holds_more_than_one(seat: Seat) -> bool:
    """Whether there is anything that could be taken back."""
    chunks = seat.in_flight
    return len(chunks) > 1 or any(chunk.limit > 1 for chunk in chunks.values())
