"""Ways to a port by the system's ``ssh``: it is handed each connection, or it listens on a socket of its own.

::

    client ══ Stream: its descriptor is handed over ──► ssh ══ sshd ══ the service           no byte comes by here
    client ══ Stream ══ folder (0700)/way ══ ssh ══ sshd ══ the service                      where that cannot be

A command beside it shows that the link stands.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathos_nb.errors import HostUnreachable, TunnelFailed
from pathos_nb.secure.both_ways import Counter, can_follow, carry
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.endings import TELLS, Endings
from pathos_nb.secure.forward import Way
from pathos_nb.secure.moving import pour
from pathos_nb.secure.mux import Handed, Refused, hand_over
from pathos_nb.secure.remote import Remote

__all__ = ["SshForward"]

ENDS_S = 0.02  # a stream that ends because ssh does is there first
TOLD_S = 1.0  # what ssh tells of a connection may be read a moment after its end


@dataclass(frozen=True, slots=True)
class Door:
    """Where an ssh takes connections, and what it tells of them."""

    control: str
    endings: Endings


class SshForward:
    """An ``ssh`` that leads to a port on a host.

    Parameters
    ----------
    remote : Remote
        The host, over ``openssh``.
    addresses : sequence of str
        Where the port is, as the host sees it; the first that answers. One that listens itself knows the first alone.
    port : int
        The port.

    Raises
    ------
    TunnelFailed, HostUnreachable, HostKeyRefused, LoginRefused
        ssh does not connect.
    """

    def __init__(self, remote: Remote, addresses: Sequence[str], port: int) -> None:
        self._remote, self._addresses, self._port = remote, addresses, port
        self._changing = threading.Lock()
        self._folder = Path(tempfile.mkdtemp(prefix="pathos-nb-"))
        self._door: Door | None = None
        try:
            self._carrier = self._start()
        except BaseException:
            shutil.rmtree(self._folder, ignore_errors=True)
            raise

    @property
    def _place(self) -> Path:
        return self._folder / "way"

    @property
    def _listener(self) -> str:
        return f"{self._place}:{self._addresses[0]}:{self._port}"

    def _start(self) -> Carrier:
        self._door = self._found_door()
        if self._door is None:
            options = ("-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes", "-L", self._listener)
            return self._remote.open_beside(["cat"], options)
        if self._remote.master is not None:
            return self._remote.open_beside(["cat"], ())
        options = ("-o", "ControlMaster=yes", "-o", f"ControlPath={self._door.control}", "-o", "ControlPersist=no")
        return self._remote.open_beside(["cat"], (*options, *TELLS), self._door.endings)

    def _found_door(self) -> Door | None:
        """Give where connections may be handed over; None where ssh has to listen itself."""
        master, ssh = self._remote.master, self._remote.ssh
        if master is not None:
            return Door(master.ssh.control, master.endings) if master.endings is not None else None
        if not ssh.tells_of_endings() or ssh.goes_over_another():  # which would not let us in, perhaps
            return None
        return Door(str(self._folder / "ssh"), Endings())

    def open(self, client: socket.socket) -> Way:
        """Open a stream to the service.

        Parameters
        ----------
        client : socket.socket
            For whom.

        Raises
        ------
        HostUnreachable
            ssh has ended.
        TunnelFailed
            The service cannot be reached.
        """
        if self._door is not None and can_follow(client):
            return self._handed(self._door, client)
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.connect(str(self._place))
        except OSError as error:
            stream.close()
            raise self._lost(str(error)) from error
        return SocketWay(stream, self._has_ended)

    def _handed(self, door: Door, client: socket.socket) -> HandedWay:
        refused: Exception | None = None
        for address in self._addresses:
            try:
                handed = hand_over(door.control, client, address, self._port, door.endings)
                return HandedWay(handed, door.endings, self._has_ended)
            except Refused as error:
                refused = error
            except OSError as error:
                raise self._lost(str(error)) from error
        raise TunnelFailed(
            f"{self._remote.where} does not connect to {self._addresses[-1]}:{self._port}",
            cause=str(refused),
            cure="check that something listens there, and that sshd allows forwarding",
            host=self._remote.name,
        )

    def _has_ended(self) -> bool:
        return self._carrier.wait_ended(ENDS_S)

    def round_trip(self, timeout: float) -> float:
        """Give the seconds of one byte there and back.

        Raises
        ------
        HostUnreachable
            ssh has ended, or no answer came in time.
        """
        while True:
            carrier, begun = self._carrier, time.monotonic()
            try:
                carrier.sock.settimeout(timeout)
                carrier.sock.sendall(b"x")
                answer = carrier.sock.recv(1)
            except OSError:  # also of one that was closed under this thread
                answer = b""
            if answer:
                return time.monotonic() - begun
            with self._changing:
                if self._carrier is carrier:
                    raise self._lost(f"no answer within {timeout:g} s")

    def _lost(self, cause: str) -> HostUnreachable:
        what, cause = f"the link to {self._remote.where} was lost", self._carrier.why_ended() or cause
        return HostUnreachable(what, cause=cause, cure="connect again", host=self._remote.name)

    def is_alive(self) -> bool:
        """Say whether ssh still runs."""
        return not self._carrier.why_ended()

    def lead_to(self, port: int) -> None:
        """Lead to another port of the host."""
        if self._door is not None:
            self._port = port
        else:
            self._anew(port)

    def mended(self) -> None:
        """Start ssh anew."""
        self._anew(self._port)

    def _anew(self, port: int) -> None:
        with self._changing:  # who asks meanwhile asks the new one
            self._end()
            self._port = port
            self._carrier = self._start()

    def _end(self) -> None:
        self._carrier.close()
        master = self._remote.master
        if self._door is None and master is not None and master.is_alive():
            master.ssh.forget(self._listener)

    def close(self) -> None:
        """End ssh."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)


class HandedWay:
    """A connection that ssh itself reads and writes.

    Parameters
    ----------
    handed : Handed
        The connection.
    endings : Endings
        What its ssh tells.
    has_ended : callable
        Says whether that ssh has.
    """

    def __init__(self, handed: Handed, endings: Endings, has_ended: Callable[[], bool]) -> None:
        self._handed, self._endings, self._has_ended = handed, endings, has_ended
        self._is_closed = False

    def carry(self, client: socket.socket, count: Counter) -> bool:
        """Carry all that a client and the service say to each other; say whether the client has all of it."""
        is_whole = threading.Event()

        def end() -> None:
            if not self._is_closed:
                with contextlib.suppress(OSError):  # the client is gone
                    client.shutdown(socket.SHUT_WR)
                is_whole.set()

        with count.following(client):
            self._handed.ending.then(end)
            self._handed.wait()
            deadline = time.monotonic() + TOLD_S
            while not is_whole.is_set() and not self._has_ended() and time.monotonic() < deadline:
                is_whole.wait(ENDS_S)
        self._endings.forget(self._handed.ending)
        self._handed.forget()
        return is_whole.is_set()

    def close(self) -> None:
        """Close it; who waits for it is let go."""
        self._is_closed = True
        self._handed.close()


class SocketWay:
    """A connection to ssh's own socket.

    Parameters
    ----------
    stream : socket.socket
        Connected.
    has_ended : callable
        Says whether ssh has.
    """

    def __init__(self, stream: socket.socket, has_ended: Callable[[], bool]) -> None:
        self._stream, self.send, self.has_broken = stream, stream.sendall, has_ended
        self._sink: tuple[socket.socket, Callable[[int], None]] | None = None

    def carry(self, client: socket.socket, count: Counter) -> bool:
        """Carry all that a client and the service say to each other; say whether the client has all of it."""
        return carry(client, self, count)

    def end_input(self) -> None:
        """Say that no more will be sent."""
        self._stream.shutdown(socket.SHUT_WR)

    def flow_to(self, sink: socket.socket, count: Callable[[int], None]) -> None:
        """Have all that comes copied to a socket, and counted, by the next `take`."""
        self._sink = sink, count

    def take(self, n_bytes: int) -> bytes:
        """Give what came; none at the end."""
        sink, self._sink = self._sink, None
        if sink is not None:
            pour(self._stream, *sink)
        return self._stream.recv(n_bytes)

    def close(self) -> None:
        """Close it; who waits for it is let go."""
        with contextlib.suppress(OSError):
            self._stream.shutdown(socket.SHUT_RDWR)
        self._stream.close()
