"""A socket that is read in large gulps: who reads a packet's head and then its body asks the system once for many."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import paramiko

__all__ = ["Gulps", "Through"]

_GULP_BYTES = 1 << 18


class Gulps:
    """A socket for one reader.

    Every question to the system lets another thread of the interpreter have its turn, and to get it back may take
    milliseconds; paramiko asks twice for each packet of at most 32 kB.

    Parameters
    ----------
    sock : socket.socket
        Connected; all but `recv` is its own.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._block = sock, memoryview(bytearray(_GULP_BYTES))
        self._rest = self._block[:0]
        self.send = sock.send

    def recv(self, n_bytes: int) -> bytes:
        """Give the next bytes, as `socket.socket.recv` does."""
        if not self._rest:
            if n_bytes >= _GULP_BYTES:
                return self._sock.recv(n_bytes)
            self._rest = self._block[: self._sock.recv_into(self._block)]
        data = bytes(self._rest[:n_bytes])
        self._rest = self._rest[n_bytes:]
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class Through:
    """A stream through a jump host, for the transport to the next one.

    It is closed in that transport's thread when this ends, at which moment the way to the jump host may end as well.

    Parameters
    ----------
    channel : paramiko.Channel
        All but `close` is its own.
    """

    def __init__(self, channel: paramiko.Channel) -> None:
        self._channel = channel
        self.send, self.recv = channel.send, channel.recv

    def close(self) -> None:
        """Close it, and do not mind that it cannot be said any more."""
        with contextlib.suppress(OSError, EOFError):
            self._channel.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)
