"""Tunnels to hosts, and ppft servers on them: each has a name by which it is listed and ended.

::

    ParallelPool ── localhost:40213 ══ tunnel (ssh) ══ node7, loopback ── ppft server
                                                                              ▲
    Services.serve ── its stdin and stdout, over ssh: archive and secret go, the port comes ──┘      closed: it ends
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from pathos_nb import known_servers
from pathos_nb.errors import UnknownPlace
from pathos_nb.joined.carried import serve_there
from pathos_nb.joined.host import Host
from pathos_nb.secure.carrier import Carrier
from pathos_nb.secure.tunnel import Tunnel

__all__ = ["Service", "Services"]


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
    pid : int
        The server's process there.
    """

    name: str
    host: str
    port: int
    local_port: int
    tunnel: Tunnel
    carrier: Carrier | None = None
    nodes: int = 0
    pid: int = 0

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
            Connected; nothing but its Python need be there.
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
        begun = serve_there(host.remote, host.python.path, host.name, nodes=n, port=port)
        try:
            tunnel = _tunnel(host, begun.port, 0)
        except BaseException:
            begun.carrier.close()
            raise
        made = Service(
            self._new_name("server"), host.name, begun.port, tunnel.port, tunnel, begun.carrier, begun.nodes, begun.pid
        )
        try:
            known_servers.remember(made.address, begun.secret, f"{made.name} on {host.name}")
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
