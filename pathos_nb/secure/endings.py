"""Which of the connections that an ``ssh`` carries have had all that the service said, as ssh tells on its stderr.

::

    debug2: nchan.c:chan_shutdown_write():381 (pid=4711): channel 3: (i3 o1 sock -1 wfd 10 efd -1 [closed])

By that line (`LogVerbose`) it says that it closes the descriptor that it was handed, to which it has written all that
came. It has a copy of it: its close alone sends the client no end of stream, so this process does.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import select
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator

__all__ = ["TELLS", "Ending", "Endings", "can_tell"]

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


class Ending:
    """The end of one connection: told once, and what is to be done then.

    Parameters
    ----------
    place : int
        Among all connections that were asked for.
    """

    def __init__(self, place: int) -> None:
        self.place = place
        self._lock, self._is_told = threading.Lock(), False
        self._then: Callable[[], None] | None = None

    def then(self, call: Callable[[], None]) -> None:
        """Have something done as soon as all that the service said was written; at once if it is."""
        with self._lock:
            self._then, is_told = call, self._is_told
        if is_told:
            call()

    def tell(self) -> None:
        """Say that it is."""
        with self._lock:
            self._is_told, call = True, self._then
        if call is not None:
            call()


class Endings:
    """What one ssh tells.

    ssh gives its channels' numbers again, and tells of each connection once: who has a number first is meant first. A
    number is known by an answer of ssh's, which may lie there for a while before its reader gets to it, and meanwhile
    ssh may have told of it and given it to another. So nobody is told while there is an answer that was not read.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[Ending]] = {}
        self._told: Counter[int] = Counter()
        self._asking: dict[socket.socket, int] = {}
        self._places = itertools.count()
        self._lock = threading.Lock()
        self._rest = b""

    @contextlib.contextmanager
    def asking(self, line: socket.socket) -> Iterator[None]:
        """Have an answer on its way, by that line, until `answered` or the end of the block."""
        with self._lock:
            self._asking[line] = next(self._places)
        try:
            yield
        finally:
            with self._lock:
                self._asking.pop(line, None)
            self._tell()

    def answered(self, line: socket.socket, channel_in: Callable[[], int]) -> Ending:
        """Read an answer that has come, and give the end of the connection that it is about.

        Parameters
        ----------
        line : socket.socket
            See `asking`.
        channel_in : callable
            Reads it, and gives the number.

        Returns
        -------
        Ending
        """
        with self._lock:  # read and known in one go
            waiting = self._waiting.setdefault(channel_in(), [])
            ending = Ending(self._asking.pop(line))
            waiting.append(ending)
            waiting.sort(key=lambda one: one.place)
        self._tell()
        return ending

    def forget(self, ending: Ending) -> None:
        """Wait for it no longer. What is told of it yet is not for who has its number next."""
        with self._lock:
            for channel, waiting in self._waiting.items():
                if ending in waiting:
                    waiting.remove(ending)
                    self._told[channel] -= 1

    def _tell(self) -> None:
        """Tell those whose ends ssh has told of."""
        due: list[Ending] = []
        with self._lock:
            if not _are_any_ready(self._asking):
                for channel, waiting in self._waiting.items():
                    while waiting and self._told[channel] > 0:
                        due.append(waiting.pop(0))
                        self._told[channel] -= 1
        for ending in due:
            ending.tell()

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
            self._told[channel] += 1
        self._tell()


def _are_any_ready(lines: Collection[socket.socket]) -> bool:
    poll = select.poll()
    for line in lines:
        poll.register(line, select.POLLIN)
    return bool(lines and poll.poll(0))
