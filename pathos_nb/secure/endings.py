"""Which of the connections that an ``ssh`` carries have had all that the service said, as ssh tells on its stderr.

::

    debug2: nchan.c:chan_shutdown_write():381 (pid=4711): channel 3: (i3 o1 sock -1 wfd 10 efd -1 [closed])

By that line (`LogVerbose`) it says that it closes the descriptor that it was handed, to which it has written all that
came. It has a copy of it: its close alone sends the client no end of stream, so this process does.
"""

from __future__ import annotations

import contextlib
import re
import subprocess
import sys
import threading
from collections.abc import Callable

__all__ = ["TELLS", "Endings", "can_tell"]

TELLS = ("-o", "LogVerbose=nchan.c:chan_shutdown_write():*")
OLDEST = (8, 5)  # the first that has LogVerbose
VERSION_S = 5.0
_BEGINS = b"debug2: nchan.c:"
_SAYS = re.compile(rb"channel (\d+): \(i\d o\d sock -1 wfd -?\d+ efd -1 ")


def can_tell(ssh: str) -> bool:
    """Say whether an ``ssh`` tells of it, and this system hands over descriptors so.

    Parameters
    ----------
    ssh : str
        Its path.

    Returns
    -------
    bool
    """
    if sys.platform != "linux":
        return False
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        said = subprocess.run([ssh, "-V"], capture_output=True, timeout=VERSION_S, check=False).stderr
        if found := re.match(rb"OpenSSH_(\d+)\.(\d+)", said):
            return (int(found[1]), int(found[2])) >= OLDEST
    return False


class Endings:
    """What one ssh tells.

    ssh gives its channels' numbers again, and tells of each connection once: who has a number first is meant first.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[Callable[[], None]]] = {}
        self._early: set[int] = set()
        self._lock = threading.Lock()
        self._rest = b""

    def expect(self, channel: int, ended: Callable[[], None]) -> None:
        """Have something done as soon as all that the service said on a channel was written."""
        with self._lock:
            is_early = channel in self._early
            self._early.discard(channel)
            if not is_early:
                self._waiting.setdefault(channel, []).append(ended)
        if is_early:
            ended()

    def take(self, block: bytes) -> bytes:
        """Take from what ssh says what is of this kind; give the rest.

        Parameters
        ----------
        block : bytes
            As it came.

        Returns
        -------
        bytes
            At once what is no line of this kind, a question without an end for example.
        """
        *lines, last = (self._rest + block).split(b"\n")
        is_ours = _BEGINS.startswith(last[: len(_BEGINS)]) and bool(last)
        self._rest = last if is_ours else b""
        others = [line + b"\n" for line in lines if not self._heard(line)]
        return b"".join(others) + (b"" if is_ours else last)

    def _heard(self, line: bytes) -> bool:
        if not line.startswith(_BEGINS):
            return False
        if found := _SAYS.search(line):
            self._has_ended(int(found[1]))
        return True

    def _has_ended(self, channel: int) -> None:
        with self._lock:
            waiting = self._waiting.get(channel)
            ended = waiting.pop(0) if waiting else None
            if not waiting:
                self._waiting.pop(channel, None)
            if ended is None:
                self._early.add(channel)
        if ended is not None:
            ended()
