"""Reports of another machine, in this one's time."""

from __future__ import annotations

from array import array

from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import Report

__all__ = ["by_our_clock"]

_CLOCKS_AGREE_S = 0.02


def by_our_clock(frame: Frame, ahead_s: float) -> Frame:
    """Give a report with the stamps turned into this machine's time, if the clocks differ.

    Parameters
    ----------
    frame : Frame
        A report.
    ahead_s : float
        How much the clock there is ahead of ours.

    Returns
    -------
    Frame
    """
    if abs(ahead_s) < _CLOCKS_AGREE_S:
        return frame
    report = Report(*frame.meta)
    ends = array("d")
    ends.frombytes(report.ends)
    ends = array("d", [end - ahead_s for end in ends])
    return frame._replace(meta=tuple(report._replace(started=report.started - ahead_s, ends=ends.tobytes())))
