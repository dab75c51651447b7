"""A way to a port by the system's ``ssh -L``: ssh listens on a socket of its own, in a folder that nobody else enters.

::

    Stream ══ folder (0700)/way ══ ssh ══ sshd ══ the service          a command beside it shows that the link stands
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pathos_nb.errors import HostUnreachable
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.moving import pour
from pathos_nb.secure.remote import Remote

__all__ = ["SshForward"]

ENDS_S = 0.02  # a stream that ends because ssh does is there first


class SshForward:
    """An ``ssh`` that leads to a port on a host.

    Parameters
    ----------
    remote : Remote
        The host, over ``openssh``.
    target : str
        ``host:port`` as the host sees it.

    Raises
    ------
    TunnelFailed, HostUnreachable, HostKeyRefused, LoginRefused
        ssh does not connect.
    """

    def __init__(self, remote: Remote, target: str) -> None:
        self._remote, self._target = remote, target
        self._changing = threading.Lock()
        self._folder = Path(tempfile.mkdtemp(prefix="pathos-nb-"))
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
        return f"{self._place}:{self._target}"

    def _start(self) -> Carrier:
        options = ("-o", "ExitOnForwardFailure=yes", "-o", "StreamLocalBindUnlink=yes")
        return self._remote.open_beside(["cat"], (*options, "-L", self._listener))

    def open(self) -> SocketWay:
        """Open a stream to the service.

        Raises
        ------
        HostUnreachable
            ssh has ended.
        """
        stream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            stream.connect(str(self._place))
        except OSError as error:
            stream.close()
            raise self._lost(str(error)) from error
        return SocketWay(stream, self._has_ended)

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

    def lead_to(self, target: str) -> None:
        """Lead to another place, ``host:port``, as the host sees it."""
        self._anew(target)

    def mended(self) -> None:
        """Start ssh anew."""
        self._anew(self._target)

    def _anew(self, target: str) -> None:
        with self._changing:  # who asks meanwhile asks the new one
            self._end()
            self._target = target
            self._carrier = self._start()

    def _end(self) -> None:
        self._carrier.close()
        self._remote.forget_listener(self._listener)

    def close(self) -> None:
        """End ssh."""
        self._end()
        shutil.rmtree(self._folder, ignore_errors=True)


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
