"""A run of one item on a pool that has nothing else to do: its function and its item go in one frame.

What the feeder finds out step by step is known here: it is the run's first chunk and its last, and whoever is idle may
have it. Whatever is out of the ordinary is left to the feeder, which also says what is wrong with what cannot be sent.
"""

from __future__ import annotations

from collections.abc import Callable

from pathos_nb.dispatch.crew import Chunk, Crew, Seat
from pathos_nb.dispatch.run import Run, Task
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import CALL, Report
from pathos_nb.wire.quick import loads
from pathos_nb.wire.serialization import MINOR, Payload, dump

__all__ = ["place_alone", "send_alone"]

_MAX_BYTES = 1 << 16


def send_alone(run: Run, crew: Crew, note: Callable[[Seat, Run, Chunk], None]) -> bool:
    """Send a run that is one small item to an idle worker, if it is one.

    Parameters
    ----------
    run : Run
        Just begun.
    crew : Crew
        The workers.
    note : callable
        Takes (seat, run, chunk) of what is sent.

    Returns
    -------
    bool
        Whether it was sent; if not, the feeder does as for any other.
    """
    source = run.source
    if source.total != 1 or not source.ready or run.is_choosy or run.profile is not None or run.pins:
        return False
    seat = _idle(crew)
    if seat is None:
        return False
    task = Task(*source.take(1))
    payload = _payload(run, task)
    if payload is None or payload.buffers or len(payload.body) > _MAX_BYTES:
        run.requeue(task)
        return False
    number = seat.next_number()
    chunk = Chunk(run, task, number, len(payload.body))
    chunk.is_call = True
    frame = Frame(CALL, (number, run.drawn(task.indices)[0], _spec(run, seat)), payload.body)
    if run.options.timeout is not None:  # who watches over it hears of it first
        note(seat, run, chunk)
        seat.send([frame])
    else:
        seat.send([frame])
        note(seat, run, chunk)  # while it is on its way: what comes back waits for the lock that is held here
    return True


def place_alone(chunk: Chunk, report: Report, frame: Frame) -> bool:
    """Place the value of a run that was sent by `send_alone`, if there is nothing more to its report.

    Parameters
    ----------
    chunk : Chunk
        What was sent; it is in flight no more.
    report : Report
        What its worker says of it.
    frame : Frame
        With the value.

    Returns
    -------
    bool
        Whether it was placed; if not, the receiver does as for any other.
    """
    run = chunk.run
    if report.n_run != 1 or report.failures or report.undecodable or report.inner:
        return False
    if run.n_in_flight or run.again or run.files is not None:
        return False
    try:
        values = loads(frame.body, buffers=frame.buffers)
    except BaseException:  # the receiver meets it again, and says what cannot be loaded
        return False
    run.keeper.place(chunk.task.indices, values)
    run.n_done = 1
    return True


def _idle(crew: Crew) -> Seat | None:
    """Give the idle worker that is nearest."""
    nearest = None
    for seat in crew.seats:
        slot = seat.slot
        if (
            seat.in_flight
            or seat.retiring
            or seat.most_items is not None
            or not slot.takes_calls
            or slot.minor != MINOR
        ):
            continue
        if not slot.latency_s:
            return seat
        if nearest is None or slot.latency_s < nearest.slot.latency_s:
            nearest = seat
    return nearest


def _payload(run: Run, task: Task) -> Payload | None:
    try:
        return dump(((run.function, run.options.kwargs), task.items))
    except BaseException:  # the feeder meets it again, and says which of the two cannot be sent
        return None


def _spec(run: Run, seat: Seat) -> tuple[object, ...]:
    context = seat.launcher.context()
    changed = context is not None and context != seat.context
    seat.context = context
    known = context if changed else None
    return run.source.star, run.options.seed, run.options.timeout, None, known, None, None, run.above
