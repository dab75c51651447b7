"""What comes on a channel of paramiko's, handed on by the thread that has decrypted it, while nobody need wait.

::

    transport's thread ── feed ──► socket                        it takes all of it: no other thread wakes up
                             └───► kept ──► take ──► pump ──►    it is full: the pump's thread writes, as ever

What was kept goes before what comes after it: the pump says by its next `take` that it has written the last block.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING

from pathos_nb.secure.credit import FIRST_BYTES, Credit

if TYPE_CHECKING:
    import paramiko

__all__ = ["Inflow"]

_AT_ONCE = getattr(socket, "MSG_DONTWAIT", None)
_OWED_BYTES = FIRST_BYTES // 4  # so much handed on, and the pump is woken to make room in the window


class Inflow:
    """The end of a channel's stdout.

    Parameters
    ----------
    channel : paramiko.Channel
        Its data are read here from now on, and by nobody else.
    trip_s : float
        The round trip to its host, if its window may grow.
    """

    def __init__(self, channel: paramiko.Channel, trip_s: float = 0.0) -> None:
        self._channel, self._pipe, self._credit = channel, channel.in_buffer, Credit(trip_s)
        self._sink: socket.socket | None = None
        self._count: Callable[[int], None] = _nobody
        self._is_straight, self._owed_bytes = False, 0

    def flow_to(self, sink: socket.socket, count: Callable[[int], None] | None = None) -> None:
        """Hand on to a socket what nobody has to see, from the next `take` on.

        Parameters
        ----------
        sink : socket.socket
            Blocking; who calls `take` writes to it as well, and nobody else does.
        count : callable, optional
            Is told how many bytes it took.
        """
        if _AT_ONCE is not None and self._sink is None:
            self._sink, self._count = sink, count or _nobody
            with self._pipe._lock:  # type: ignore[attr-defined]
                self._pipe.feed = self._feed  # type: ignore[method-assign]

    def _feed(self, data: bytes) -> None:
        """Take data in the transport's thread, in place of paramiko's own buffer."""
        pipe = self._pipe
        with pipe._lock:  # type: ignore[attr-defined]
            if self._is_straight and not pipe._buffer:  # type: ignore[attr-defined]
                data = data[self._hand_on(data) :]
            if data:
                self._is_straight = False
                pipe._buffer.frombytes(data)  # type: ignore[attr-defined]
            if data or self._owed_bytes >= _OWED_BYTES:
                pipe._cv.notify_all()  # type: ignore[attr-defined]

    def _hand_on(self, data: bytes) -> int:
        n = 0
        if self._sink is not None and _AT_ONCE is not None:
            with contextlib.suppress(OSError):  # it is full; or closed, which the pump finds out
                n = self._sink.send(data, _AT_ONCE)
        self._owed_bytes += n
        self._count(n)
        return n

    def take(self, n_bytes: int) -> bytes:
        """Give what came and was not handed on.

        Parameters
        ----------
        n_bytes : int
            At most so much.

        Returns
        -------
        bytes
            None of them at the end.
        """
        pipe = self._pipe
        while True:
            with pipe._lock:  # type: ignore[attr-defined]
                while not (pipe._buffer or pipe._closed or self._owed_bytes >= _OWED_BYTES):  # type: ignore[attr-defined]
                    self._is_straight = self._sink is not None
                    pipe._cv.wait()  # type: ignore[attr-defined]
                block: bytes = pipe._buffer[:n_bytes].tobytes()  # type: ignore[attr-defined]
                del pipe._buffer[:n_bytes]  # type: ignore[attr-defined]
                self._is_straight = self._is_straight and not block
                owed, self._owed_bytes = self._owed_bytes + len(block), 0
                is_over = pipe._closed  # type: ignore[attr-defined]
            self._make_room(owed)
            if block or is_over:
                return block

    def _make_room(self, n_bytes: int) -> None:
        """Let the host send as much again, now and then."""
        import paramiko

        besides = self._credit.more(n_bytes)
        n_bytes = self._channel._check_add_window(n_bytes) + besides  # type: ignore[attr-defined]
        if n_bytes > 0:
            message = paramiko.Message()
            message.add_byte(paramiko.common.cMSG_CHANNEL_WINDOW_ADJUST)
            message.add_int(self._channel.remote_chanid)
            message.add_int(n_bytes)
            self._channel.transport._send_user_message(message)  # type: ignore[union-attr]


def _nobody(_: int) -> None:
    """Count nothing."""
