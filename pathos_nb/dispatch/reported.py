"""What a report carries beside values: what was printed and shown, a profile, the maps inside of items, times."""

from __future__ import annotations

import functools
import time
from array import array
from collections.abc import Sequence

from pathos_nb.dispatch.crew import Chunk, Seat
from pathos_nb.dispatch.run import Run, Task
from pathos_nb.dispatch.shown import MAX_BYTES, part
from pathos_nb.events import InnerTold
from pathos_nb.typed import Any
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import InnerNews, Report

__all__ = ["said_and_shown", "seconds_of", "take_inner", "take_profile"]


def said_and_shown(
    run: Run, task: Task, report: Report
) -> tuple[tuple[tuple[int, str], ...], tuple[tuple[int, str, str], ...]]:
    """Give what items printed, and as many of the pictures that they showed as a run keeps."""
    output, pictures = [], []
    for at, said in report.output:
        text, shown = part(said.decode("utf-8", "replace"))
        output.append((task.indices[at], text))
        for picture in shown:
            run.n_pictures += 1
            run.picture_bytes += len(picture.data)
            if run.picture_bytes <= MAX_BYTES:
                pictures.append((task.indices[at], *picture))
    return tuple(output), tuple(pictures)


def take_profile(seat: Seat, chunk: Chunk, report: Report, frame: Frame) -> None:
    """Take in what was measured of a chunk; where it was is known even if none of its values can be read."""
    ends = array("d", [report.started])
    ends.frombytes(report.ends)
    size = 0 if seat.launcher.shares_memory else len(frame.body) + sum(map(len, frame.buffers))
    name = functools.partial(chunk.run.argument_of, chunk.task)
    ran = chunk.task.indices[: report.n_run], ends, report.block, name
    who, traffic = (seat.name, seat.slot.host, seat.slot.pid), (chunk.size_bytes, size, time.time())
    chunk.run.profile.hear_chunk(who, report.profile or (), ran, traffic)  # type: ignore[union-attr]


def take_inner(run: Run, seat: Seat, rows: Sequence[Sequence[Any]]) -> None:
    """Take in what maps inside of items tell."""
    where = seat.slot.host, seat.called_host
    for raw in rows:
        news = InnerNews(*raw)
        run.inner.take(news)
        run.tell_now(InnerTold(run.run_id, seat.name, news, *where))


def seconds_of(report: Report, offset: int) -> float:
    """Give how long the item at the offset took; the mean of its block where only blocks were stamped."""
    ends = array("d", [report.started])
    ends.frombytes(report.ends)
    at = min(offset // report.block + 1, len(ends) - 1)
    return max(0.0, (ends[at] - ends[at - 1]) / report.block) if at else 0.0
