"""Tunnels to hosts, and ppft servers on them: each has a name by which it is listed and ended.

::

    ParallelPool ── localhost:40213 ══ tunnel (ssh) ══ node7, loopback ── ppft server
                                                                              ▲
    Services.serve ── its stdin and stdout, over ssh: archive and secret go, the port comes ──┘      closed: it ends

A tunnel mends itself; a server that is lost is started again (`served`), and is found at the same address.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from pathos_nb import known_servers
from pathos_nb.dispatch.staffing import checked_offer
from pathos_nb.errors import UnknownPlace
from pathos_nb.joined.carried import CarriedServer
from pathos_nb.joined.host import Host
from pathos_nb.joined.served import Served
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
    to_port, local_port : int
        The port there when it was made, and the one here that leads to it.
    tunnel : Tunnel
        The way to it.
    served : Served or None
        The server, if it is one.
    """

    name: str
    host: str
    to_port: int
    local_port: int
    tunnel: Tunnel
    served: Served | None = None

    @property
    def address(self) -> str:
        """Where it is reached from here."""
        return f"localhost:{self.local_port}"

    @property
    def port(self) -> int:
        """The port there."""
        return self.served.now.port if self.served else self.to_port

    @property
    def carrier(self) -> Carrier | None:
        """The server's stream, if it is one."""
        return self.served.now.carrier if self.served else None

    @property
    def nodes(self) -> int:
        """How many workers the server offers."""
        return self.served.now.nodes if self.served else 0

    @property
    def pid(self) -> int:
        """The server's process there."""
        return self.served.now.pid if self.served else 0

    @property
    def n_mended(self) -> int:
        """How often the tunnel was opened again, or the server started again."""
        return self.tunnel.n_reconnects + (self.served.n_restarts if self.served else 0)

    @property
    def state(self) -> str:
        """That of the tunnel; of a server that is lost, why, and what is done."""
        return (self.served.state if self.served else "") or self.tunnel.state

    def begun_again(self, server: CarriedServer) -> None:
        """Lead to another server."""
        self.tunnel.lead_to(server.port)
        self.remember(server)

    def remember(self, server: CarriedServer, *, is_kept: bool = True) -> None:
        """Let `ParallelPool` know the secret, and that the server is started again when it is lost."""
        known_servers.remember(self.address, server.secret, f"{self.name} on {self.host}", is_kept=is_kept)

    def given_up(self, server: CarriedServer) -> None:
        """Let nobody wait for a server that is not started again any more."""
        if known_servers.recall(self.address):
            self.remember(server, is_kept=False)

    def close(self) -> None:
        """End it; a second call does nothing."""
        if self.served is not None:
            known_servers.forget(self.address)
            self.served.close()
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
        BadOption
            It is no number of workers, or too many by far.
        HostError
            It does not start.
        """
        wanted = host.plan.nodes or host.facts.cores or 1
        if nodes is not None:
            wanted = checked_offer(nodes, host.facts.cores, host.name)
        served = Served(host, wanted, port)
        try:
            tunnel = _tunnel(host, served.now.port, 0)
        except BaseException:
            served.close()
            raise
        made = Service(self._new_name("server"), host.name, served.now.port, tunnel.port, tunnel, served)
        try:
            made.remember(served.now)
        except BaseException:
            made.close()
            raise
        served.keep(made.begun_again, made.given_up)
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
