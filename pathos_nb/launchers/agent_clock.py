"""Reports of another machine, in this one's time."""

from __future__ import annotations

from array import array

from pathos_nb.launchers import inner_clock
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import INNER, Report

__all__ = ["by_our_clock"]

_CLOCKS_AGREE_S = 0.02


def by_our_clock(frame: Frame, ahead_s: float) -> Frame:
    """Give a report with the stamps turned into this machine's time, if the clocks differ.

    Parameters
    ----------
    frame : Frame
        A report, or news of maps inside of items.
    ahead_s : float
        How much the clock there is ahead of ours.

    Returns
    -------
    Frame
        As it came if it is no report, which whoever reads it will say.
    """
    if abs(ahead_s) < _CLOCKS_AGREE_S:
        return frame
    try:
        return _turned(frame, ahead_s)
    except (TypeError, ValueError, AttributeError):  # an item wrote it to its worker's channel
        return frame


def _turned(frame: Frame, ahead_s: float) -> Frame:
    if frame.kind == INNER:
        chunk, news = frame.meta
        return frame._replace(meta=(chunk, [inner_clock.by_our_clock(raw, ahead_s) for raw in news]))
    report = Report(*frame.meta)
    ends = array("d")
    ends.frombytes(report.ends)
    ends = array("d", [end - ahead_s for end in ends])
    inner = [inner_clock.by_our_clock(raw, ahead_s) for raw in report.inner]
    told = report._replace(started=report.started - ahead_s, ends=ends.tobytes(), inner=inner)
    return frame._replace(meta=tuple(told))
