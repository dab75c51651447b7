"""A ppft server on a host that is started again when it is lost, at the same address here.

::

    its stream ends ──► the connection is made anew, if need be ──► another server ──► tunnel and secret lead to it

Pools that used it ask there again after a while, and find the new one; what the old one was at runs again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pathos_nb.errors import CommandFailed, HostError, HostKeyRefused, LoginRefused
from pathos_nb.joined.carried import CarriedServer, serve_there
from pathos_nb.joined.host import Host

__all__ = ["Served"]

_PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_SHORT_S = 30.0
_MAX_SHORT = 4  # servers in a row that lived for less: another would not live longer


class Served:
    """A server, and those that come after it.

    Parameters
    ----------
    host : Host
        Connected; nothing but its Python need be there.
    nodes : int
        How many workers it offers.
    port : int
        Where it listens on the host's loopback; 0 for any that is free.

    Attributes
    ----------
    now : CarriedServer
        The one that runs, or ran last.
    state : str
        Empty while one runs; else what is the matter.
    n_restarts : int
        How often it was started again.

    Raises
    ------
    HostError
        It does not start.
    """

    def __init__(self, host: Host, nodes: int, port: int) -> None:
        self._host, self._nodes = host, nodes
        self.now = self._begun(port)
        self.state, self.n_restarts = "", 0
        self._n_short, self._closing = 0, threading.Event()
        self._thread: threading.Thread | None = None

    def _begun(self, port: int) -> CarriedServer:
        host = self._host
        return serve_there(host.remote, host.python.path, host.name, nodes=self._nodes, port=port)

    def keep(self, on_again: Callable[[CarriedServer], None], on_given_up: Callable[[CarriedServer], None]) -> None:
        """Start it again whenever it is lost, until `close`.

        Parameters
        ----------
        on_again : callable
            Is given each new one, in a thread of its own; must see that what leads to the old one leads there.
        on_given_up : callable
            Is given the last one, when there will be no other.
        """

        def run() -> None:
            self._keep(on_again)
            if not self._closing.is_set():
                on_given_up(self.now)

        self._thread = threading.Thread(target=run, name=f"pathos_nb server on {self._host.name}", daemon=True)
        self._thread.start()

    def _keep(self, on_again: Callable[[CarriedServer], None]) -> None:
        began_s = time.monotonic()
        while self.now.wait_ended() and not self._closing.is_set():
            reason = self.now.carrier.why_ended() or "its stream ended"
            self._n_short = self._n_short + 1 if time.monotonic() - began_s < _SHORT_S else 0
            if self._n_short >= _MAX_SHORT:
                self.state = f"ended: {reason}, {self._n_short} times in a row"
                return
            self.state = f"starting again: {reason}"
            self.now.carrier.close()
            if not self._again():
                return
            began_s = time.monotonic()
            on_again(self.now)
            self.n_restarts, self.state = self.n_restarts + 1, ""

    def _again(self) -> bool:
        """Start another, with pauses that grow; false if it is given up."""
        port = self.now.port
        for attempt in range(1_000_000):
            if self._closing.wait(_PAUSES_S[min(attempt, len(_PAUSES_S) - 1)]):
                return False
            try:
                self._host.stand()
                made = self._begun(port)
            except (HostKeyRefused, LoginRefused) as error:
                self.state = f"ended: {error.what}"
                return False
            except CommandFailed as error:  # the port may be taken by now
                self.state, port = f"starting again: {error.cause or error.what}", 0
            except HostError as error:
                self.state = f"starting again: {error.what}"
            else:
                self.now = made
                if self._closing.is_set():
                    made.carrier.close()
                return not self._closing.is_set()
        return False

    def close(self) -> None:
        """End it; a second call does nothing."""
        self._closing.set()
        self.now.carrier.close()
