"""A socket that is read in large gulps: who reads a packet's head and then its body asks the system once for many."""

from __future__ import annotations

import socket
from typing import Any

__all__ = ["Gulps"]

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
