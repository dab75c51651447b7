"""How far a copy is, in the cell that makes it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from IPython.display import display

from pathos_nb.dispatch.record import duration
from pathos_nb.joined.verdict import size
from pathos_nb.notebook.said import Said
from pathos_nb.secure.transfer import Copied, Progress

__all__ = ["CopyBar"]

_AFTER_S, _INTERVAL_S, _BAR = 0.5, 0.1, 30
_SHOWN = 10  # of what was left out


class CopyBar:
    """Shows a copy that lasts.

    Parameters
    ----------
    show : callable
        Shows a text and gives what can show another in its place, as IPython's `display` with a display id does.
    clock : callable
        Seconds that only go forward.
    """

    def __init__(self, show: Callable[..., Any] = display, clock: Callable[[], float] = time.monotonic) -> None:
        self._show, self._clock = show, clock
        self._begun = clock()
        self._due = self._begun + _AFTER_S
        self._handle: Any = None

    def __call__(self, so_far: Progress) -> None:
        """Take news; at most ten times a second they are shown."""
        now = self._clock()
        if now < self._due:
            return
        self._due = now + _INTERVAL_S
        self._draw(Said(self._line(so_far, now - self._begun)))

    def _line(self, so_far: Progress, seconds: float) -> str:
        part = so_far.done_bytes / so_far.total_bytes if so_far.total_bytes else 1.0
        full = min(_BAR, round(part * _BAR))
        done = f"{size(so_far.done_bytes)} of {size(so_far.total_bytes)}"
        files = f"{so_far.done_files:,}/{so_far.total_files:,} files" if so_far.total_files > 1 else so_far.path
        rate = so_far.done_bytes / seconds
        left = f" · {duration((so_far.total_bytes - so_far.done_bytes) / rate)} left" if rate else ""
        return f"{'█' * full}{'░' * (_BAR - full)} {done} · {files} · {size(rate)}/s{left}"

    def _draw(self, said: Said) -> None:
        if self._handle is None:
            self._handle = self._show(said, display_id=True)
        else:
            self._handle.update(said)

    def end(self, copied: Copied, where: str) -> Said:
        """Give the last word.

        Parameters
        ----------
        copied : Copied
            What came of it.
        where : str
            The destination.

        Returns
        -------
        Said
        """
        files = f"{copied.n_files:,} file" + ("" if copied.n_files == 1 else "s")
        before = f" ({size(copied.resumed_bytes)} of it were there from before)" if copied.resumed_bytes else ""
        took = duration(self._clock() - self._begun)
        return Said(f"copied {files}, {size(copied.n_bytes)}{before}, to {where} in {took}{_left_out(copied)}")


def _left_out(copied: Copied) -> str:
    """Give what was not copied, a line each."""
    n_more = len(copied.left_out) - _SHOWN
    lines = [f"left out: {line}" for line in copied.left_out[:_SHOWN]]
    lines += [f"left out: {n_more:,} more"] if n_more > 0 else []
    return "".join(f"\n{line}" for line in lines)
