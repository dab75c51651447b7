"""Tunnels to hosts, and ppft servers on them: each has a name by which it is listed and ended.

::

    ParallelPool ── localhost:40213 ══ tunnel (ssh) ══ node7, loopback ── python -m pathos_nb.server
                                                                              ▲
    Services.serve ── its stdin and stdout, over ssh: a secret goes, the port comes ──┘      closed: it ends
"""

from __future__ import annotations

import json
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

from pathos_nb import known_servers
from pathos_nb.errors import CommandFailed, UnknownPlace
from pathos_nb.joined.host import Host
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.tunnel import Tunnel

__all__ = ["Service", "Services"]

_START_S = 30.0
_LINE_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Service:
    """A tunnel, or a server at its far end.

    Parameters
    ----------
    name : str
        Such as ``tunnel-1`` or ``server-1``.
    host : str
        What cells call the host.
    port, local_port : int
        The port there, and the one here that leads to it.
    tunnel : Tunnel
        The way to it.
    carrier : Carrier or None
        The server's, if it is one.
    nodes : int
        How many workers the server offers.
    """

    name: str
    host: str
    port: int
    local_port: int
    tunnel: Tunnel
    carrier: Carrier | None = None
    nodes: int = 0

    @property
    def address(self) -> str:
        """Where it is reached from here."""
        return f"localhost:{self.local_port}"

    @property
    def state(self) -> str:
        """That of the tunnel; why a server has ended, if it has."""
        ended = self.carrier.why_ended() if self.carrier else ""
        return f"ended: {ended}" if ended else self.tunnel.state

    def close(self) -> None:
        """End it; a second call does nothing."""
        if self.carrier is not None:
            known_servers.forget(self.address)
            self.carrier.close()
        self.tunnel.disconnect()


class Services:
    """The tunnels and servers of a session."""

    def __init__(self) -> None:
        self._services: dict[str, Service] = {}
        self._n_made = {"tunnel": 0, "server": 0}
        self._lock = threading.Lock()

    @property
    def running(self) -> dict[str, Service]:
        """All by name, the oldest first."""
        return dict(self._services)

    def open_tunnel(self, host: Host, port: int, local_port: int = 0) -> Service:
        """Lead a local port to a port on a host.

        Parameters
        ----------
        host : Host
            Connected.
        port : int
            The service's, there.
        local_port : int
            The one here; 0 for any that is free.

        Returns
        -------
        Service

        Raises
        ------
        HostError
            It does not connect.
        """
        tunnel = _tunnel(host, port, local_port)
        return self._keep(Service(self._new_name("tunnel"), host.name, port, tunnel.port, tunnel))

    def serve(self, host: Host, nodes: int | None = None, port: int = 0) -> Service:
        """Start a ppft server on a host, and lead a local port to it.

        Parameters
        ----------
        host : Host
            Connected; its Python has to have pathos_nb.
        nodes : int, optional
            How many workers it offers; as many as the host has cores.
        port : int
            Where it listens on the host's loopback; 0 for any that is free.

        Returns
        -------
        Service
            `ParallelPool` finds it by its address.

        Raises
        ------
        HostError
            It does not start.
        """
        n = nodes or host.plan.nodes or host.facts.cores or 1
        secret = secrets.token_hex(32)
        command = [host.python.path, "-m", "pathos_nb.server", "--port", str(port), "--nodes", str(n)]
        carrier = host.remote.open(command)
        try:
            told = _begun(carrier, secret, host)
            tunnel = _tunnel(host, told["port"], 0)
        except BaseException:
            carrier.close()
            raise
        made = Service(self._new_name("server"), host.name, told["port"], tunnel.port, tunnel, carrier, n)
        try:
            known_servers.remember(made.address, secret, f"{made.name} on {host.name}")
        except BaseException:
            made.close()
            raise
        return self._keep(made)

    def _new_name(self, kind: str) -> str:
        with self._lock:
            self._n_made[kind] += 1
            return f"{kind}-{self._n_made[kind]}"

    def _keep(self, made: Service) -> Service:
        self._services[made.name] = made
        return made

    def kill(self, name: str) -> Service:
        """End one.

        Parameters
        ----------
        name : str
            As `running` has it.

        Returns
        -------
        Service
            What was ended.

        Raises
        ------
        UnknownPlace
            There is none of that name.
        """
        found = self._services.get(name)
        if found is None:
            there = ", ".join(self._services) or "none"
            raise UnknownPlace(f"no tunnel or server is called {name!r}", cure=f"there are: {there}")
        found.close()
        self._services.pop(name, None)
        return found

    def close(self, host: str | None = None) -> None:
        """End all, or all of one host, the youngest first.

        Parameters
        ----------
        host : str, optional
            What cells call it.
        """
        for name, service in reversed(self.running.items()):
            if host in (None, service.host):
                self.kill(name)


def _tunnel(host: Host, port: int, local_port: int) -> Tunnel:
    tunnel = Tunnel()
    tunnel.connect(host.remote.name, port, remote=host.remote, local_port=local_port)
    return tunnel


def _begun(carrier: Carrier, secret: str, host: Host) -> dict[str, Any]:
    """Give the server its secret, and take its answer."""
    carrier.sock.settimeout(_START_S)
    line = b""
    try:
        carrier.sock.sendall(secret.encode() + b"\n")
        deadline = time.monotonic() + _START_S
        while not line.endswith(b"\n") and len(line) < _LINE_BYTES and time.monotonic() < deadline:
            block = carrier.sock.recv(_LINE_BYTES)
            if not block:
                break
            line += block
        told = json.loads(line)
        return {"port": int(told["port"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _not_begun(carrier, host, error) from error


_INSTALL = (
    "install it there, from this project's folder: {} -m pip install .; or %pathos use the host, which needs nothing"
)


def _not_begun(carrier: Carrier, host: Host, error: Exception) -> CommandFailed:
    carrier.wait_ended(1.0)
    tail = carrier.error_text()
    missing = next((name for name in ("pathos_nb", "ppft") if f"No module named '{name}" in tail), "")
    late = "it did not answer in time" if isinstance(error, TimeoutError) else ""
    return CommandFailed(
        f"no server began on {host.name}",
        cause=f"its Python has no {missing}" if missing else late or carrier.why_ended() or "it gave no port",
        cure=_INSTALL.format(host.python.path) if missing else "look at what it wrote",
        host=host.name,
        tail="" if missing else tail[-2000:],
    )
