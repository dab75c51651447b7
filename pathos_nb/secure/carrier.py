"""A byte stream to one command on a host: what `Remote.open` gives.

::

    user of the carrier          pumps (daemon threads)             the host
      sock  ◄══ socket pair ══►  up:   sock -> channel        ──►   stdin
                                 down: channel -> sock        ◄──   stdout, after the marker
                                 said: kept, capped           ◄──   stderr, and what came before the marker

With ``ssh`` itself as the transport the same pumps stand between the process's pipes and the socket pair.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Protocol

from pathos_nb.errors import CommandFailed, HostUnreachable, PathosNbError
from pathos_nb.secure.shell import Marker

__all__ = ["Carrier", "Far", "SAID_BYTES"]

BLOCK_BYTES = 1 << 18
SAID_BYTES = 1 << 16
NOISE_BYTES = 1 << 20  # more than this before the marker is no banner
BUFFER_BYTES = 1 << 20
GRACE_S = 1.0
LAST_WORDS_S = 0.2


class Far(Protocol):
    """The far end, as ssh gives it: blocking reads and writes, and what has become of the command."""

    where: str

    def read(self) -> bytes:
        """Give the next bytes of stdout; none at its end."""

    def flow_to(self, sink: socket.socket) -> None:
        """Write stdout to a socket as it comes, if that can be; what is not written so, `read` gives."""

    def read_error(self) -> bytes:
        """Give the next bytes of stderr; none at its end."""

    def write(self, data: memoryview) -> None:
        """Send all of it to stdin."""

    def end_input(self) -> None:
        """Close stdin."""

    def status(self, timeout: float) -> int | None:
        """Give the exit status; None if it is not known in time or the command was ended by a signal."""

    def signal(self, name: str, pid: int) -> None:
        """Send a signal (``TERM``, ``KILL``) to the command and its children."""

    def lost(self) -> str:
        """Say why the link is lost; nothing while it stands."""

    def close(self) -> None:
        """Close it; what reads or writes then comes back."""


class Carrier:
    """A connected socket whose other end is a command on a host.

    Parameters
    ----------
    far : Far
        The far end.
    marker : Marker, optional
        What comes before the command's own output; without one all of it is the command's.
    said_bytes : int
        How much of stderr is kept.

    Attributes
    ----------
    where : str
        ``me@node7``, for messages.
    sock : socket.socket
        Reads stdout and writes stdin; ``shutdown(SHUT_WR)`` ends stdin.
    is_closed : bool
        `close` was called.
    pid : int
        The command's process id on the host; 0 until `wait_begun`.
    """

    def __init__(self, far: Far, marker: Marker | None, said_bytes: int = SAID_BYTES) -> None:
        self.where, self.pid = far.where, 0
        self._far, self._marker, self._said_bytes = far, marker, said_bytes
        self._said = bytearray()
        self._begun, self._ended, self._lock = threading.Event(), threading.Event(), threading.Lock()
        self._ended_by, self.is_closed = "", False
        self.exit_status: int | None = None
        self.sock, self._inner = _pair()
        self._pumps = [
            threading.Thread(target=pump, name=f"pathos-nb {name} {self.where}", daemon=True)
            for name, pump in (("said", self._hear), ("up", self._up), ("down", self._down))  # one joins the first
        ]
        for pump in self._pumps:
            pump.start()

    def __repr__(self) -> str:
        return f"<Carrier to {self.where}: {self.why_ended() or 'running'}>"

    def fileno(self) -> int:
        """Give the descriptor of `sock`."""
        return self.sock.fileno()

    def error_text(self) -> str:
        """Give what the command wrote to stderr so far, and what the login shell said before it.

        Returns
        -------
        str
            As it came, escape sequences and all; the end of it where it was long.
        """
        with self._lock:
            return bytes(self._said).decode("utf-8", "replace")

    def why_ended(self) -> str:
        """Say in words how the command ended; nothing while it runs."""
        return self._ended_by if self._ended.is_set() else ""

    def wait_begun(self, timeout: float) -> None:
        """Wait until the command has begun, after profile and set-up lines.

        Parameters
        ----------
        timeout : float
            Seconds.

        Raises
        ------
        CommandFailed
            It did not begin: the login shell is none, a set-up line failed, or it took too long.
        HostUnreachable
            The link was lost.
        """
        if self._begun.wait(timeout) and self.pid:
            return
        self._ended.wait(0.2 if self._begun.is_set() else 0)
        raise self._not_begun(timeout)

    def _not_begun(self, timeout: float) -> PathosNbError:
        host, tail = self.where.rpartition("@")[2], self.error_text()
        if lost := self._far.lost():
            what = f"the link to {self.where} was lost"
            return HostUnreachable(what, cause=lost, cure="connect again", host=host, tail=tail)
        what, cause = f"{self.where} did not run the command", self.why_ended() or "its login shell runs no commands"
        if not self._begun.is_set():
            what, cause = f"{what} within {timeout:g} s", "its profile or a set-up line waits for something"
        return CommandFailed(what, cause=cause, cure=f"try it by hand: ssh {host} true", host=host, tail=tail)

    def wait_ended(self, timeout: float) -> bool:
        """Wait until the command has ended; say whether it has."""
        return self._ended.wait(timeout)

    def kill(self, name: str = "TERM") -> None:
        """Send the command and its children a signal.

        Parameters
        ----------
        name : str
            ``TERM``, ``INT``, ``KILL`` or another name without ``SIG``.
        """
        if not self._ended.is_set():
            self._far.signal(name, self.pid)

    def close(self) -> None:
        """End the command and the channel, within 5 s; a second call does nothing."""
        with self._lock:
            if self.is_closed:
                return
            self.is_closed = True
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        if not self._ended.wait(LAST_WORDS_S) and not self._far.lost():  # most commands end with their stdin
            for name in ("TERM", "KILL"):
                self._far.signal(name, self.pid)
                if self._ended.wait(GRACE_S):
                    break
        self._far.close()
        for pump in self._pumps:
            if pump is not threading.current_thread():
                pump.join(GRACE_S)
        self.sock.close()
        self._inner.close()

    # -------------------------------------------------------------------------------------------------------- the pumps

    def _up(self) -> None:
        block = bytearray(BLOCK_BYTES)
        view = memoryview(block)
        try:
            while n := self._inner.recv_into(block):
                self._far.write(view[:n])
        except OSError:  # one of the two ends is closed: the other pump says why
            pass
        finally:
            with contextlib.suppress(OSError):
                self._inner.shutdown(socket.SHUT_RD)  # who still writes hears of it; the bytes have nowhere to go
            with contextlib.suppress(OSError, EOFError):
                self._far.end_input()

    def _down(self) -> None:
        try:
            rest = self._skip_to_marker()
            self._far.flow_to(self._inner)
            while rest:
                self._inner.sendall(rest)
                rest = self._far.read()
        except OSError:  # the user of the carrier has closed his end
            pass
        finally:
            self._begun.set()
            self._end()

    def _skip_to_marker(self) -> bytes:
        """Give the first bytes of the command itself."""
        if self._marker is None:
            self._begun.set()
            return self._far.read()
        data = b""
        while (found := self._marker.found_in(data)) is None:
            block = self._far.read()
            data += block
            if not block or len(data) > NOISE_BYTES:
                self._keep(data)
                return b""
        before, self.pid, rest = found
        self._keep(before)
        self._begun.set()
        return rest or self._far.read()

    def _hear(self) -> None:
        with contextlib.suppress(OSError):
            while block := self._far.read_error():
                self._keep(block)

    def _keep(self, block: bytes) -> None:
        with self._lock:
            self._said += block
            del self._said[: max(0, len(self._said) - self._said_bytes)]

    def _end(self) -> None:
        self.exit_status = self._far.status(GRACE_S)
        self._pumps[0].join(GRACE_S)  # what it said last belongs to the reason
        self._ended_by = self._reason()
        self._ended.set()
        with contextlib.suppress(OSError):
            self._inner.shutdown(socket.SHUT_WR)

    def _reason(self) -> str:
        if self.exit_status is not None:
            return f"exit status {self.exit_status}"
        lost = self._far.lost()
        return f"the link was lost: {lost}" if lost else "it was ended by a signal, or closed its output"


def _pair() -> tuple[socket.socket, socket.socket]:
    ours, inner = socket.socketpair()
    for end in (ours, inner):
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            end.setsockopt(socket.SOL_SOCKET, option, BUFFER_BYTES)
    return ours, inner
