"""What comes from an agent, read by whichever thread is there: the one that waits for the pool, or else the link's own.

A reply that had to go through the link's thread first would wait for two threads to wake up. So while somebody attends
to the pool, his hub reads the stream by itself, and the link's thread leaves it alone; a quarter of a second after that
has last happened, it looks again. Whoever reads puts what he read in one queue: the order is that of the stream.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.wire.envelopes import Envelope, EnvelopeReader
from pathos_nb.wire.framing import FrameError

__all__ = ["Inbox"]

_ATTENDED_S = 0.25
_READS = 64
_MUCH_BYTES = 1 << 18


class Inbox:
    """The stream from one agent.

    Parameters
    ----------
    fd : int
        The carrier's descriptor; the inbox has one of its own.
    reader : EnvelopeReader
        Puts envelopes together.
    rest : bytes
        What has come already.
    on_echo : callable
        Takes the fields of each echo.

    Attributes
    ----------
    fd : int
        The descriptor that a hub may watch, good until `close`.
    why : str
        Why nothing more will come; empty while something may.
    heard_s, moved_s : float
        When something came last, and when it last came to anything, on the monotonic clock.
    """

    def __init__(self, fd: int, reader: EnvelopeReader, rest: bytes, on_echo: Callable[..., None]) -> None:
        self.fd, self.why, self.heard_s = os.dup(fd), "", time.monotonic()
        self._reader, self._on_echo = reader, on_echo
        self.moved_s, self._n_moves = self.heard_s, 0
        self._lock = threading.Lock()
        self._came: deque[Envelope] = deque()
        self._attended_until_s = 0.0
        if rest:
            self._guarded(lambda: reader.feed(rest))

    @property
    def attended_until_s(self) -> float:
        """Until when somebody else can be expected to read, on the monotonic clock."""
        return self._attended_until_s

    def attend(self) -> None:
        """Say that there is somebody who reads, besides the link's thread."""
        self._attended_until_s = time.monotonic() + _ATTENDED_S

    def read(self) -> bool:
        """Read what there is, if nobody else does just now; tell whether there is something to take."""
        if self._lock.acquire(blocking=False):
            try:
                if not self.why and self.fd >= 0:
                    self._guarded(self._pull)
            finally:
                self._lock.release()
        return bool(self._came)

    @property
    def is_amid(self) -> bool:
        """Whether much is still to come of what has begun: to look each time that a little has come takes longer."""
        return not self._came and self._reader.missing_bytes > _MUCH_BYTES

    def take(self) -> list[Envelope]:
        """Give what was read and not taken yet."""
        taken = []
        while self._came:
            taken.append(self._came.popleft())
        return taken

    def _pull(self) -> list[Envelope]:
        found: list[Envelope] = []
        for _ in range(_READS):
            try:
                envelopes = self._reader.pull(self._receive, self._receive_into)
            except BlockingIOError:
                break
            if envelopes is None:
                self.why = "the agent's stream closed"
                break
            self.heard_s = time.monotonic()
            if self._reader.n_moves != self._n_moves:
                self.moved_s, self._n_moves = self.heard_s, self._reader.n_moves
            found += envelopes
        return found

    def _receive(self, n: int) -> bytes:
        return os.read(self.fd, n)

    def _receive_into(self, view: memoryview) -> int:
        return os.readv(self.fd, [view])

    def _guarded(self, read: Callable[[], list[Envelope]]) -> None:
        try:
            for envelope in read():
                if envelope.kind == messages.ECHO:
                    self._on_echo(*envelope.frame.meta)
                else:
                    self._came.append(envelope)
        except ConnectionError:
            self.why = "the agent's stream closed"
        except (FrameError, OSError, ValueError) as error:
            self.why = f"what came over it cannot be read: {error}"

    def close(self, unwatch: Callable[[int], Any]) -> None:
        """Close its descriptor, when no hub watches it any more."""
        with self._lock:
            fd, self.fd = self.fd, -1
            if fd >= 0:
                unwatch(fd)
                os.close(fd)
