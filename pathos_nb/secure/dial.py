"""A byte stream to a port, with an end to every wait: the name is looked up, and the port knocked at, in time."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pathos_nb.errors import HostUnreachable

__all__ = ["dial"]

KEEPALIVE = {"TCP_KEEPIDLE": 15, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 6}
GIVE_UP_MS = 60_000  # sent bytes that nobody acknowledges for so long mean that the link is lost


def dial(
    name: str, address: str, port: int, timeout: float, on_dialing: Callable[[socket.socket], None] | None = None
) -> socket.socket:
    """Connect to a port.

    Parameters
    ----------
    name : str
        The host as the user calls it.
    address, port : str, int
        Where.
    timeout : float
        Seconds for all of it.
    on_dialing : callable, optional
        Is given each socket before it connects, so that somebody else can shut it down.

    Returns
    -------
    socket.socket
        Without delay for small packets; it finds a dead link by itself within about a minute.

    Raises
    ------
    HostUnreachable
        With the reason in words: unknown name, refused, no route, or no answer in time.
    """
    deadline = time.monotonic() + timeout
    places = _look_up(name, address, port, timeout)
    error: OSError | None = None
    for family, kind, protocol, _, place in places:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        found = socket.socket(family, kind, protocol)
        try:
            found.settimeout(left)
            if on_dialing is not None:
                on_dialing(found)
            found.connect(place)
            return _tuned(found)
        except OSError as refusal:
            found.close()
            error = refusal
    raise _unreachable(name, f"{address}:{port}", error or TimeoutError(), timeout)


def _tuned(found: socket.socket) -> socket.socket:
    found.settimeout(None)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in {**KEEPALIVE, "TCP_USER_TIMEOUT": GIVE_UP_MS}.items():
        if hasattr(socket, option):  # not on every platform
            found.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
    return found


def _look_up(name: str, address: str, port: int, timeout: float) -> list[Any]:
    """Give the addresses of a name; the resolver has no deadline of its own, so it works in a thread."""
    found = in_time(lambda: socket.getaddrinfo(address, port, type=socket.SOCK_STREAM), timeout)
    if isinstance(found, list):
        return found
    if isinstance(found, OSError | UnicodeError):
        raise HostUnreachable(
            f"nobody knows the host {address}",
            cause=getattr(found, "strerror", None) or str(found),
            cure="check the name, or give it a HostName in ~/.ssh/config",
            host=name,
        ) from found
    raise _unreachable(name, address, TimeoutError(), timeout)


def in_time(action: Callable[[], Any], timeout: float) -> Any:
    """Give what an action without a deadline gives or raises; None if it is not there in time."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(action())
        except Exception as error:  # it is the outcome
            outcome.append(error)

    thread = threading.Thread(target=run, name="pathos-nb look-up", daemon=True)
    thread.start()
    thread.join(timeout)
    return outcome[0] if outcome else None


def _unreachable(name: str, place: str, error: OSError, timeout: float) -> HostUnreachable:
    if isinstance(error, ConnectionRefusedError):
        said, cause = "refuses the connection", "no ssh server runs on that port"
        cure = "check the port, or start sshd there"
    elif isinstance(error, TimeoutError):
        said, cause = f"did not answer within {timeout:g} s", "it is off, or a firewall swallows the packets"
        cure = "check the name and the network, or go through another host (--through)"
    else:
        said, cause = "cannot be reached", error.strerror or str(error)
        cure = "check the network, or go through another host (--through)"
    return HostUnreachable(f"{name} ({place}) {said}", cause=cause, cure=cure, host=name)
