"""Local ports that lead to a port on a host: one listener on loopback, and for each connection a stream of ssh.

::

    client ══ 127.0.0.1:lport ══ Stream ══ Way: a channel, a socket of ssh's, or ssh itself ══ sshd ══ the service

The listener outlives the connection to the host: while that is made anew, who connects waits.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from pathos_nb.errors import HostError, TunnelFailed
from pathos_nb.secure.both_ways import Counter, break_off, carry
from pathos_nb.secure.inflow import Inflow

if TYPE_CHECKING:
    import paramiko

__all__ = ["ChannelWay", "Forward", "Opener", "Way"]

LOOPBACK = "127.0.0.1"
JOIN_S = 2.0


class Way(Protocol):
    """A stream to the service, as ssh gives it."""

    def carry(self, client: socket.socket, count: Counter) -> bool:
        """Carry all that a client and the service say to each other; say whether the client has all of it."""

    def close(self) -> None:
        """Close it; who waits for it is let go."""


Opener = Callable[[socket.socket], Way]


class ChannelWay:
    """A channel of paramiko's as a way; its window may grow if the round trip to the host is said."""

    def __init__(self, channel: paramiko.Channel, trip_s: float = 0.0) -> None:
        self._channel, self._inflow = channel, Inflow(channel, trip_s)
        self.flow_to, self.take, self.end_input = self._inflow.flow_to, self._inflow.take, channel.shutdown_write

    def carry(self, client: socket.socket, count: Counter) -> bool:
        """Carry all that a client and the service say to each other; say whether the client has all of it."""
        return carry(client, self, count)

    def send(self, data: memoryview) -> None:
        """Send all of it."""
        self._channel.sendall(data)  # type: ignore[arg-type]

    def has_broken(self) -> bool:
        """Whether its end was not the service's doing."""
        return not (self._channel.transport and self._channel.transport.is_active())

    def close(self) -> None:
        """Close it; who waits for it is let go."""
        with contextlib.suppress(OSError, EOFError):  # its transport may be closed at the same moment
            self._channel.close()


class Forward:
    """A listener on loopback whose connections lead elsewhere.

    Parameters
    ----------
    opener : callable
        Opens a stream to the service for a client; it may wait, and raises a `HostError` if there is none.
    port : int
        The port to listen on; 0 takes a free one.

    Raises
    ------
    TunnelFailed
        The port is taken.
    """

    def __init__(self, opener: Opener, port: int = 0) -> None:
        self._opener, self.count = opener, Counter()
        self._streams: set[Stream] = set()
        self._lock = threading.Lock()
        self._is_closed = False
        self._listener = listen(port)
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name=f"pathos-nb port {self.port}", daemon=True)
        self._thread.start()

    @property
    def n_open(self) -> int:
        """How many connections there are now."""
        return len(self._streams)

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listener.accept()
            except OSError:  # it was closed
                return
            stream = Stream(client, self._opener, self.count, self._forget)
            with self._lock:
                self._streams.add(stream)
                self.count.n_connections += 1
            stream.start()

    def _forget(self, stream: Stream) -> None:
        with self._lock:
            self._streams.discard(stream)

    def drop(self) -> None:
        """Close the connections that there are, within 2 s; the port stays."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        deadline = time.monotonic() + JOIN_S
        for stream in streams:
            stream.join(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Close the port and all connections."""
        self._is_closed = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(JOIN_S)
        self.drop()


def listen(port: int) -> socket.socket:
    """Listen on loopback, and nowhere else.

    Raises
    ------
    TunnelFailed
        The port is taken.
    """
    try:
        return socket.create_server((LOOPBACK, port), backlog=128)
    except OSError as error:
        raise TunnelFailed(
            f"the local port {port} cannot be listened on",
            cause=error.strerror or str(error),
            cure="choose another, or none: a free one is then taken",
            host="localhost",
        ) from error


class Stream:
    """One connection, in a thread of its own."""

    def __init__(self, client: socket.socket, opener: Opener, count: Counter, on_end: Callable[[Stream], None]) -> None:
        self._client, self._opener, self._count, self._on_end = client, opener, count, on_end
        self._way: Way | None = None
        self._lock = threading.Lock()
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="pathos-nb tunnel down", daemon=True)

    def start(self) -> None:
        """Begin to carry."""
        self._client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread.start()

    def _run(self) -> None:
        is_whole = False
        with contextlib.suppress(HostError):  # the opener has told why
            way = self._opener(self._client)
            with self._lock:
                self._way = way
            if self._is_closed:
                way.close()
            is_whole = way.carry(self._client, self._count)
        if not is_whole:
            break_off(self._client)
        self._end()

    def _end(self) -> None:
        self._client.close()
        if self._way is not None:
            self._way.close()
        self._on_end(self)

    def close(self) -> None:
        """End it; `join` waits for that."""
        with self._lock:
            self._is_closed = True
            way = self._way
        break_off(self._client)
        if way is not None:
            way.close()

    def join(self, timeout: float) -> None:
        """Wait for its end."""
        if self._thread is not threading.current_thread():
            self._thread.join(timeout)
