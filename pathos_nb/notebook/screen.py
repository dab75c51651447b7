"""Where a run's picture goes. A screen is made in the thread that starts the run and may be used from any other.

In a kernel the messages are built here rather than with `display()`, whose cell is the one that happens to run when a
thread calls it: the request that started the run is taken once and given as the parent of every message, so the picture
lands in its own cell, with ipykernel 6 and 7 alike, also after the cell has ended.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from pathos_nb.notebook.picture import Snapshot, as_bundle, as_line, text

__all__ = ["CellScreen", "LogScreen", "NoScreen", "Screen", "TerminalScreen", "screen_for"]

_LOG_INTERVAL_S = 10.0


class Screen(Protocol):
    """Shows snapshots of one run."""

    interval_s: float
    """The least time between two pictures."""

    def show(self, shot: Snapshot) -> int:
        """Show a run that goes on; gives the characters sent."""

    def finish(self, shot: Snapshot) -> None:
        """Show the last picture of a run, which stays."""


class NoScreen:
    """For runs that nobody should see: output is captured, or the user asked for quiet."""

    interval_s = 3600.0

    def show(self, shot: Snapshot) -> int:
        """Show nothing."""
        return 0

    def finish(self, shot: Snapshot) -> None:
        """Show nothing."""


class _Wire:
    """Sends messages of one request to the front ends of the kernel.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell.
    """

    def __init__(self, shell: Any) -> None:
        self._publisher, self._parent = shell.display_pub, shell.kernel.get_parent("shell")

    def send(self, kind: str, content: Mapping[str, Any], topic: bytes | None = None) -> None:
        publisher = self._publisher
        publisher.session.send(
            publisher.pub_socket, kind, dict(content), parent=self._parent, ident=topic or publisher.topic
        )

    def send_picture(self, shot: Snapshot, display_id: str, *, is_new: bool) -> int:
        bundle = as_bundle(shot)
        content = {"data": bundle, "metadata": {}, "transient": {"display_id": display_id}}
        self.send("display_data" if is_new else "update_display_data", content)
        return sum(map(len, bundle.values()))


class CellScreen:
    """A picture in the cell, drawn again and again under one display id.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell.
    """

    interval_s = 0.1

    def __init__(self, shell: Any) -> None:
        self._wire, self._id, self._is_new = _Wire(shell), uuid.uuid4().hex, True

    def show(self, shot: Snapshot) -> int:
        """Draw the picture, or draw it anew."""
        is_new, self._is_new = self._is_new, False
        return self._wire.send_picture(shot, self._id, is_new=is_new)

    def finish(self, shot: Snapshot) -> None:
        """Leave the last picture, which is static already."""
        self.show(shot)


class LogScreen:
    """A line of text every ten seconds where nobody looks (nbclient, papermill), and the picture at the end.

    Parameters
    ----------
    shell : InteractiveShell
        The kernel's shell.
    """

    interval_s = _LOG_INTERVAL_S

    def __init__(self, shell: Any) -> None:
        self._wire = _Wire(shell)

    def show(self, shot: Snapshot) -> int:
        """Write a line."""
        self._wire.send("stream", {"name": "stderr", "text": as_line(shot) + "\n"}, b"stream")
        return 0

    def finish(self, shot: Snapshot) -> None:
        """Leave the picture in the document."""
        self._wire.send_picture(shot, uuid.uuid4().hex, is_new=True)


class TerminalScreen:
    """Lines on the terminal, while the command that started the run has it.

    Parameters
    ----------
    turn : callable
        Gives a number that changes when a command ends.
    """

    interval_s = _LOG_INTERVAL_S

    def __init__(self, turn: Callable[[], int]) -> None:
        self._turn, self._mine = turn, turn()

    def show(self, shot: Snapshot) -> int:
        """Write a line, unless the user is at the prompt again."""
        if self._turn() == self._mine:
            sys.stderr.write(as_line(shot) + "\n")
        return 0

    def finish(self, shot: Snapshot) -> None:
        """Write the whole text."""
        if self._turn() == self._mine:
            sys.stderr.write(text(shot) + "\n")


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
    if kernel is None or not hasattr(shell.display_pub, "pub_socket"):
        return TerminalScreen(turn)
    return CellScreen(shell) if _is_watched(kernel) else LogScreen(shell)


def _is_watched(kernel: Any) -> bool:
    """Tell whether a person may look: programs that run notebooks say that they cannot answer `input()`."""
    request = kernel.get_parent("shell") or {}
    return bool(request.get("content", {}).get("allow_stdin", True))
