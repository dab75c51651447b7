"""The end of a map over unlike workers: a slow one begins no item that all others would then wait for.

A worker leaves what is left to the others if they will have done it before it had done one item of it. That is a
promise of theirs with a date: when the worker could have been done with that item and the promise was not kept, it
takes its part. What an idle worker takes over is as much as lets both end together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection

from pathos_nb.dispatch.chunking import is_better_left, taken_over
from pathos_nb.dispatch.crew import Crew, Seat
from pathos_nb.dispatch.run import Run
from pathos_nb.launchers.contract import Hub

__all__ = ["FEW", "Tail", "guessed_s", "n_taken"]

FEW = 64  # of more seats than this, nobody looks at all for each report


class Tail:
    """Tells which seats leave the last items to others.

    Parameters
    ----------
    crew : Crew
        The workers.
    runs : collection of Run
        The maps under way: if there are several, whoever has no work for one has some for another.
    hub : Hub
        For timers.
    feed : callable
        Sends what can be sent.
    """

    def __init__(self, crew: Crew, runs: Collection[Run], hub: Hub, feed: Callable[[], None]) -> None:
        self._crew, self._runs, self._hub, self._feed = crew, runs, hub, feed

    def leaves(self, run: Run, seat: Seat, left: int, share: float) -> bool:
        """Tell whether a seat leaves what is not sent yet to the others; see `chunking.is_better_left`."""
        own, key = _n_before(seat), id(seat)
        if (1 + own) / share <= left or not self._may_wait(run, own) or not self._is_better(seat, left, share, own):
            if run.leaving:
                run.leaving.pop(key, None)
            return False
        if key not in run.leaving:
            run.leaving[key] = True
            run.timers.append(self._hub.call_later((1 + own) * run.item_s[key], lambda: self._release(run, key)))
        return run.leaving[key]

    def _may_wait(self, run: Run, own: int) -> bool:
        """Whether all seats are there for this run, and are known well enough."""
        is_shared = len(self._runs) > 1 or run.is_choosy or run.options.n_workers is not None
        return not is_shared and (len(self._crew.seats) <= FEW or not own)

    def _is_better(self, seat: Seat, left: int, share: float, own: int) -> bool:
        seats = self._crew.seats
        others = len(seats) - 1 + (sum(map(_n_before, seats)) - own if len(seats) <= FEW else 0)
        return is_better_left(left, share, own, others)

    def _release(self, run: Run, key: int) -> None:
        run.leaving[key] = False
        self._feed()


def n_taken(run: Run, taker: Seat, victim: Seat, n: int) -> int:
    """Give how many of the `n` items that one seat has not begun go to an idle one: half, until both are measured."""
    taker_s, victim_s = run.item_s.get(id(taker)), run.item_s.get(id(victim))
    if taker_s is None or victim_s is None:
        return n - n // 2
    running = victim.slot.running()
    age_s = time.monotonic() - running.since_s if running else victim_s / 2
    rest_s = victim_s - age_s if age_s < victim_s else age_s  # what has lasted long goes on for as long
    head_start_s = rest_s - taker.slot.latency_s - victim.slot.latency_s
    return taken_over(n, max(taker_s, 1e-9), max(victim_s, age_s), head_start_s)


def guessed_s(run: Run, seat: Seat) -> float:
    """Guess how long an item takes on a seat: as long as its last, or as others' do where it has reported none."""
    known = run.item_s.get(id(seat))
    return max(max(run.item_s.values(), default=1.0) if known is None else known, 1e-9)


def _n_before(seat: Seat) -> int:
    """Count the items that a seat has before it."""
    return sum(chunk.limit for chunk in seat.in_flight.values())
