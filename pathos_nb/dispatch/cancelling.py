"""Cancelling: workers begin nothing more of a run, items are interrupted, and workers that do not listen are killed."""

from __future__ import annotations

from pathos_nb.dispatch.crew import Crew, Seat
from pathos_nb.dispatch.run import Run
from pathos_nb.launchers.contract import Hub

__all__ = ["Cancelling"]

_GRACE_S = 0.2


class Cancelling:
    """Stops what workers do for a run.

    Parameters
    ----------
    crew : Crew
        The workers.
    hub : Hub
        For timers.
    """

    def __init__(self, crew: Crew, hub: Hub) -> None:
        self._crew, self._hub = crew, hub

    def hold_all(self, run: Run, interrupt: bool) -> None:
        """Have no worker begin anything more of a run, and end what runs if that is wanted: by force after a grace."""
        for seat in self._crew.seats:
            self._hold(seat, run, interrupt)
        if interrupt:
            self._kill_later(run, patient=True)

    def _hold(self, seat: Seat, run: Run, interrupt: bool) -> None:
        running = seat.slot.running()
        for number, chunk in seat.in_flight.items():
            if chunk.run is not run:
                continue
            is_at_work = running is not None and running.chunk == number
            seat.slot.set_limit(number, running.offset + 1 if running and is_at_work and not interrupt else 0)
            if interrupt:
                seat.slot.interrupt(number)

    def _kill_later(self, run: Run, patient: bool) -> None:
        grace_s = _GRACE_S + 2 * max((seat.slot.latency_s for seat in self._crew.seats), default=0.0)
        run.timers.append(self._hub.call_later(grace_s, lambda: self.kill_those_at(run, patient)))

    def kill_those_at(self, run: Run, patient: bool) -> None:
        """Kill workers that are still at the run; those that only have it before them get one more round."""
        for seat in self._crew.seats:
            if not any(chunk.run is run for chunk in seat.in_flight.values()):
                continue
            doing = seat.doing()
            if not patient or (doing is not None and doing.run is run):
                seat.kill("its run was cancelled")
        if patient and not run.is_over:
            self._kill_later(run, patient=False)
