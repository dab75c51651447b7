"""The bytes of one connection, copied by this process in both directions, and how many there were.

::

    client ══ carry: two threads ══ Pumped: a channel of paramiko's, or a socket of ssh's
"""

from __future__ import annotations

import contextlib
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

__all__ = ["Counter", "Pumped", "break_off", "can_follow", "carry"]

BLOCK_BYTES = 1 << 18
RESET = struct.pack("ii", 1, 0)  # close with a reset, so that the client sees an error and not an empty answer

# What Linux tells of a TCP connection (linux/tcp.h, struct tcp_info): where in it which number is.
_INFO_BYTES, _STATE, _RECEIVED, _SENT = 216, 0, 128, 200
_ENDED_BY_PEER = (7, 8, 9, 11)  # CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING: its end of stream counts as one byte
_IS_LINUX = sys.platform == "linux"


class Pumped(Protocol):
    """A stream to the service whose bytes go through this process."""

    def send(self, data: memoryview) -> None:
        """Send all of it."""

    def end_input(self) -> None:
        """Say that no more will be sent."""

    def flow_to(self, sink: socket.socket, count: Callable[[int], None]) -> None:
        """Write what comes to a socket, if that can be, and count it; what is not written so, `take` gives."""

    def take(self, n_bytes: int) -> bytes:
        """Give what came; none at the end."""

    def has_broken(self) -> bool:
        """Whether its end was not the service's doing."""


class Counter:
    """Bytes and connections of a tunnel."""

    def __init__(self) -> None:
        self.n_connections = 0
        self._up_bytes = self._down_bytes = 0
        self._followed: set[socket.socket] = set()
        self._lock = threading.Lock()

    @property
    def up_bytes(self) -> int:
        """How many went to the host."""
        with self._lock:
            return self._up_bytes + sum(_carried(client)[0] for client in self._followed)

    @property
    def down_bytes(self) -> int:
        """How many came from the host."""
        with self._lock:
            return self._down_bytes + sum(_carried(client)[1] for client in self._followed)

    def went(self, n_bytes: int) -> None:
        """Count what went to the host."""
        with self._lock:  # connections are many, and each has a thread
            self._up_bytes += n_bytes

    def came(self, n_bytes: int) -> None:
        """Count what came from the host."""
        with self._lock:
            self._down_bytes += n_bytes

    @contextlib.contextmanager
    def following(self, client: socket.socket) -> Iterator[None]:
        """Count what goes over a connection that another process reads and writes, as the system tells it."""
        with self._lock:
            self._followed.add(client)
        try:
            yield
        finally:
            with self._lock:
                self._followed.discard(client)
                up, down = _carried(client)
                self._up_bytes, self._down_bytes = self._up_bytes + up, self._down_bytes + down


def can_follow(client: socket.socket) -> bool:
    """Say whether the system tells what went over a connection."""
    return _IS_LINUX and len(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)) >= _INFO_BYTES


def _carried(client: socket.socket) -> tuple[int, int]:
    """Give how many bytes came in by a TCP connection and how many went out, since it was made."""
    info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    sent, sent_again = struct.unpack_from("=QQ", info, _SENT)
    received: int = struct.unpack_from("=Q", info, _RECEIVED)[0]
    return max(0, received - (info[_STATE] in _ENDED_BY_PEER)), sent - sent_again


def carry(client: socket.socket, way: Pumped, count: Counter) -> bool:
    """Copy both ways until the end; two threads.

    Parameters
    ----------
    client : socket.socket
        Who has connected here.
    way : Pumped
        The stream to the service.
    count : Counter
        Counts the bytes.

    Returns
    -------
    bool
        Whether the client has all that the service had to say. If not, the connection is broken off.
    """
    up = threading.Thread(target=_up, args=(client, way, count), name="pathos-nb tunnel up", daemon=True)
    up.start()
    is_whole = _down(client, way, count)
    if not is_whole:
        break_off(client)  # wakes the other thread
    up.join()
    return is_whole


def _up(client: socket.socket, way: Pumped, count: Counter) -> None:
    block = bytearray(BLOCK_BYTES)
    view = memoryview(block)
    with contextlib.suppress(OSError, EOFError):
        while n := client.recv_into(block):
            way.send(view[:n])
            count.went(n)
        way.end_input()


def _down(client: socket.socket, way: Pumped, count: Counter) -> bool:
    way.flow_to(client, count.came)
    with contextlib.suppress(OSError):
        while block := way.take(BLOCK_BYTES):
            client.sendall(block)
            count.came(len(block))
        if not way.has_broken():
            client.shutdown(socket.SHUT_WR)
            return True
    return False  # the link broke, or the client is gone


def break_off(client: socket.socket) -> None:
    """See to it that the client gets an error: what is cut off must not look like a whole answer."""
    with contextlib.suppress(OSError):
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        client.shutdown(socket.SHUT_RD)  # wakes who reads from it, and sends nothing
