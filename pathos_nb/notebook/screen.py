"""Where a run's picture goes. A screen is made in the thread that starts the run and may be used from any other."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, Protocol

from pathos_nb.notebook.live import Controls, LiveView, can_answer
from pathos_nb.notebook.outlet import Outlet
from pathos_nb.notebook.picture import Snapshot, as_bundle, as_line, text
from pathos_nb.notebook.saved import saved_bundle
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import RUN_MIME, Left, RunRecord

__all__ = ["CellScreen", "LogScreen", "NoScreen", "Screen", "TerminalScreen", "screen_for"]

_LOG_INTERVAL_S = 10.0


class Screen(Protocol):
    """Shows snapshots of one run."""

    interval_s: float
    """The least time between two pictures."""

    is_there: bool
    """Whether what items print is shown here, and nowhere else."""

    def show(self, shot: Snapshot, live: LiveView | None = None) -> int:
        """Show a run that goes on; gives the characters sent."""

    def place(self, shot: Snapshot, live: LiveView | None = None) -> bool:
        """Take the place in a cell that ends before its run does; False if there is none."""

    def finish(self, shot: Snapshot, record: RunRecord) -> bool:
        """Show the last picture of a run, which stays; False if that is not possible any more."""

    def liven(self, watch: Watch, controls: Controls, now: float, *, is_behind: bool) -> LiveView | None:
        """Give a view that is fed while the run goes on, if there can be one; `show` then shows it."""


class _Still:
    """A screen of pictures only."""

    def liven(self, watch: Watch, controls: Controls, now: float, *, is_behind: bool) -> LiveView | None:
        """Give none."""
        return None


class NoScreen(_Still):
    """For runs that nobody should see: output is captured, or the user asked for quiet."""

    interval_s, is_there = 3600.0, False

    def show(self, shot: Snapshot, live: LiveView | None = None) -> int:
        """Show nothing."""
        return 0

    def place(self, shot: Snapshot, live: LiveView | None = None) -> bool:
        """Show nothing."""
        return False

    def finish(self, shot: Snapshot, record: RunRecord) -> bool:
        """Show nothing."""
        return False


class CellScreen:
    """A picture in the cell, drawn again and again under one display id; or a live view in its place.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell.
    """

    interval_s, is_there = 0.1, True

    left: Left | None = None
    """What stays in the cell."""

    def __init__(self, shell: Any) -> None:
        self._outlet, self._is_new = Outlet(shell), True
        self._hears_always = can_answer(shell.kernel)

    def liven(self, watch: Watch, controls: Controls, now: float, *, is_behind: bool) -> LiveView | None:
        """Give a widget, if there are any, and if the kernel will hear what it says."""
        if not (self._hears_always or is_behind):
            return None
        try:
            return LiveView(self._outlet, watch, controls, now, is_behind=is_behind)
        except RuntimeError:
            return None

    def show(self, shot: Snapshot, live: LiveView | None = None) -> int:
        """Draw the picture, or draw it anew; where there is a live view, that is seen instead."""
        return self._draw({**(live.bundle if live else {}), **as_bundle(shot)})

    def place(self, shot: Snapshot, live: LiveView | None = None) -> bool:
        """Draw the first picture."""
        self.show(shot, live)
        return True

    def finish(self, shot: Snapshot, record: RunRecord) -> bool:
        """Leave what stays."""
        bundle = saved_bundle(shot, record)
        self._draw(bundle)
        self.left = {
            "type": "left", "place": self._outlet.about, "began_at": record["head"]["started_at"],
            "html": bundle["text/html"], "text": bundle["text/plain"], "record": bundle.get(RUN_MIME),
        }  # fmt: skip
        return True

    def again(self) -> CellScreen:
        """Give a screen at the same place, for a run that stands in for this one's."""
        screen = object.__new__(CellScreen)
        screen._outlet, screen._is_new = self._outlet, False
        screen._hears_always = self._hears_always
        return screen

    def _draw(self, bundle: dict[str, Any]) -> int:
        is_new, self._is_new = self._is_new, False
        return self._outlet.show(bundle, is_new=is_new)


class LogScreen(_Still):
    """A line of text every ten seconds where nobody looks (nbclient, papermill), and the picture at the end.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell.
    """

    interval_s, is_there = _LOG_INTERVAL_S, True

    def __init__(self, shell: Any) -> None:
        self._outlet, self._is_new = Outlet(shell), True

    def show(self, shot: Snapshot, live: LiveView | None = None) -> int:
        """Write a line."""
        self._outlet.send("stream", {"name": "stdout", "text": as_line(shot) + "\n"}, b"stream")
        return 0

    def place(self, shot: Snapshot, live: LiveView | None = None) -> bool:
        """Put the picture into the document, to be replaced at the end."""
        return self._draw(as_bundle(shot))

    def finish(self, shot: Snapshot, record: RunRecord) -> bool:
        """Leave the picture in the document."""
        return self._draw(saved_bundle(shot, record))

    def _draw(self, bundle: dict[str, Any]) -> bool:
        is_new, self._is_new = self._is_new, False
        self._outlet.show(bundle, is_new=is_new)
        return True


class TerminalScreen(_Still):
    """Lines on the terminal, while the command that started the run has it.

    Parameters
    ----------
    turn : callable
        Gives a number that changes when a command ends.
    """

    interval_s, is_there = _LOG_INTERVAL_S, True

    def __init__(self, turn: Callable[[], int]) -> None:
        self._turn, self._mine = turn, turn()

    def show(self, shot: Snapshot, live: LiveView | None = None) -> int:
        """Write a line, unless the user is at the prompt again."""
        if self._turn() == self._mine:
            sys.stderr.write(as_line(shot) + "\n")
        return 0

    def place(self, shot: Snapshot, live: LiveView | None = None) -> bool:
        """Show nothing: the prompt comes back, and lines from behind would be in its way."""
        return False

    def finish(self, shot: Snapshot, record: RunRecord) -> bool:
        """Write the whole text, unless the user is at the prompt again."""
        is_mine = self._turn() == self._mine
        if is_mine:
            sys.stderr.write(text(shot) + "\n")
        return is_mine


def screen_for(shell: Any, turn: Callable[[], int]) -> Screen:
    """Choose the screen for a run that the running cell starts.

    Parameters
    ----------
    shell : InteractiveShell
        The shell.
    turn : callable
        Gives a number that changes when a command ends.

    Returns
    -------
    Screen
        None is shown inside ``%%capture``.
    """
    kernel = getattr(shell, "kernel", None)
    if type(shell.display_pub).__name__ == "CapturingDisplayPublisher":
        return NoScreen()
    if not hasattr(kernel, "get_parent") or not hasattr(shell.display_pub, "pub_socket"):
        return TerminalScreen(turn)
    return CellScreen(shell) if _is_watched(kernel) else LogScreen(shell)


def _is_watched(kernel: Any) -> bool:
    """Tell whether a person may look: programs that run notebooks say that they cannot answer `input()`."""
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin", True))
