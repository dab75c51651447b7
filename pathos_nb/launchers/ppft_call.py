"""Calling a ppft server: the login waits for the other side, so it has a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from pathos_nb.errors import PoolBroken

__all__ = ["Call", "Server", "answers", "ask", "facts_of", "machine"]

_CLOSE_S = 2.0


class Server(NamedTuple):
    """A server.

    Attributes
    ----------
    name : str
        What it is called in messages.
    find : callable
        Gives its address and secret; may wait until it has begun.
    """

    name: str
    find: Callable[[], tuple[tuple[str, int], bytes]]

    def __str__(self) -> str:
        return self.name


class Call:
    """A connection to a server, from the first packet on.

    Parameters
    ----------
    server : Server
        Whom to call.
    on_over : callable
        Called, in a thread of the call's own, when it is through or has failed.

    Attributes
    ----------
    is_through : bool
        Whether the login is over; then `socket` does not block, and `facts` is what the server says of itself.
    error : Exception or None
        Why there is no connection.
    """

    def __init__(self, server: Server, on_over: Callable[[], None]) -> None:
        self._server, self._on_over = server, on_over
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.is_through = False
        self.error: Exception | None = None
        self.facts: dict[str, Any] = {}
        self.key = b""
        self._lock, self._is_closed = threading.Lock(), False
        self._thread = threading.Thread(target=self._run, name="pathos_nb ppft call", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._log_in()
        except (OSError, PoolBroken, ValueError) as error:
            self.error = error
        with self._lock:
            if self._is_closed:
                self.socket.close()
                return
        self._on_over()

    def _log_in(self) -> None:
        address, secret = self._server.find()
        from pathos_nb.launchers.ppft_line import Line, knock

        line = Line(self.socket)
        self.facts = knock(line, address, secret, "EXEC")
        self.key = line.key
        self.socket.setblocking(False)
        self.is_through = True

    def fileno(self) -> int:
        """Give the socket's descriptor."""
        return self.socket.fileno()

    def close(self) -> None:
        """End it, wherever it is."""
        with self._lock:
            self._is_closed = True
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_S)
        self.socket.close()


def answers(address: tuple[str, int], timeout_s: float = 2.0) -> bool:
    """Whether anybody takes a connection.

    Parameters
    ----------
    address : tuple of str and int
        Where.
    timeout_s : float
        How long to wait.

    Returns
    -------
    bool
    """
    try:
        socket.create_connection(address, timeout=timeout_s).close()
    except OSError:
        return False
    return True


def ask(address: tuple[str, int], secret: bytes) -> dict[str, Any]:
    """Ask a server who it is.

    Parameters
    ----------
    address : tuple of str and int
        Where it is.
    secret : bytes
        Its secret.

    Returns
    -------
    dict
        ``host``, ``machine``, ``minor``, ``pid`` and ``nodes``.

    Raises
    ------
    OSError
        It does not answer, or is none of ours.
    """
    from pathos_nb.launchers.ppft_line import Line, knock

    line = Line(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    try:
        return knock(line, address, secret, "STAT")
    finally:
        line.close()


def facts_of(server: Server) -> dict[str, Any]:
    """Give what a server says of itself; nothing if it does not answer."""
    try:
        return ask(*server.find())
    except OSError:
        return {}


def machine() -> str:
    """Name this machine and account, as a server names its own."""
    from pathos_nb.launchers.ppft_line import facts

    return str(facts()["machine"])
