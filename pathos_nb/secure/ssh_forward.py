"""A local port by the system's ``ssh -L``: ssh listens and copies; a command beside it shows that the link stands."""

from __future__ import annotations

import time

from pathos_nb.errors import HostError, HostUnreachable
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.forward import LOOPBACK, listen
from pathos_nb.secure.remote import Remote

__all__ = ["SshForward"]

TRIES = 3


class SshForward:
    """A local port that ``ssh`` leads to a port on a host.

    Parameters
    ----------
    remote : Remote
        The host, over ``openssh``.
    port : int
        The local port; 0 takes a free one.
    target : str
        ``host:port`` as the host sees it.

    Raises
    ------
    TunnelFailed, HostUnreachable, HostKeyRefused, LoginRefused
        The port is taken, or ssh does not connect.
    """

    def __init__(self, remote: Remote, port: int, target: str) -> None:
        self._remote, self._target = remote, target
        self.port = port
        self._carrier = self._start(port) if port else self._start_anywhere()

    def _start_anywhere(self) -> Carrier:
        """Take a free port; ssh cannot be handed one, so it may be gone when ssh comes: then another."""
        for left in reversed(range(TRIES)):
            with listen(0) as free:
                port = free.getsockname()[1]
            try:
                return self._start(port)
            except HostError as error:
                if not left or "forward" not in str(error):
                    raise
        raise AssertionError("the last try returns or raises")

    def _start(self, port: int) -> Carrier:
        listen(port).close()  # says it in our words if it is taken
        self.port = port
        spec = f"{LOOPBACK}:{port}:{self._target}"
        return self._remote.open_beside(["cat"], ("-o", "ExitOnForwardFailure=yes", "-L", spec))

    def round_trip(self, timeout: float) -> float:
        """Give the seconds of one byte there and back.

        Raises
        ------
        HostUnreachable
            ssh has ended, or no answer came in time.
        """
        begun = time.monotonic()
        self._carrier.sock.settimeout(timeout)
        try:
            self._carrier.sock.sendall(b"x")
            answer = self._carrier.sock.recv(1)
        except OSError:
            answer = b""
        if answer:
            return time.monotonic() - begun
        cause = self._carrier.why_ended() or f"no answer within {timeout:g} s"
        what = f"the link to {self._remote.where} was lost"
        raise HostUnreachable(what, cause=cause, cure="connect again", host=self._remote.name)

    def is_alive(self) -> bool:
        """Say whether ssh still runs."""
        return not self._carrier.why_ended()

    def lead_to(self, target: str) -> None:
        """Lead to another place, ``host:port``, as the host sees it."""
        self._target = target
        self.mended()

    def mended(self) -> None:
        """Start ssh anew, with the same port."""
        self._carrier.close()
        self._carrier = self._start(self.port)

    def close(self) -> None:
        """End ssh."""
        self._carrier.close()
