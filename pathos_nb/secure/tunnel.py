"""Tunnels: a local port that leads to a port on a host, by ssh, and that mends itself.

Usage
-----
::

    tunnel = Tunnel()
    port = tunnel.connect("me@node7", 8080)       # connect to 127.0.0.1:port from now on
    tunnel.state, tunnel.latency_s, tunnel.sent_bytes, tunnel.received_bytes
    tunnel.disconnect()
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pathos_nb.errors import HostError, HostKeyRefused, HostUnreachable, LoginRefused, TunnelFailed
from pathos_nb.secure.forward import LOOPBACK, ChannelWay, Forward, Way
from pathos_nb.secure.names import checked_port, parse
from pathos_nb.secure.registered import registered_python, remote_to
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.ssh_forward import SshForward

__all__ = ["Tunnel", "TunnelException", "free_port"]

TunnelException = TunnelFailed  # pathos' name

WATCH_S = 5.0  # between two looks at the link
DEAD_S = 10.0  # a look that is not answered in this time finds the link dead
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
TURN_S = 0.05  # between two attempts of one client
WAIT_S = 30.0  # how long a client that connects while the link is down is kept waiting
PICK = "import socket; s = socket.socket(); s.bind(('127.0.0.1', 0)); print(s.getsockname()[1])"


class Tunnel:
    """A local port that leads to a port on a host.

    Parameters
    ----------
    name : str, optional
        A name for it.
    **kwds : object
        If there are any, they are those of `connect`, which is called.

    Attributes
    ----------
    connected : bool
        `connect` has succeeded, and `disconnect` was not called. The link may be down for a while: see `state`.
    state : str
        ``closed``, ``connected``, ``reconnecting``, or ``broken``: the host's key has changed, or refuses us now.
    latency_s : float
        The last measured round trip.
    last_error : str
        Why the last connection, or the last attempt to mend the link, has failed.
    n_reconnects : int
        How often the link was lost and mended.
    on_change : callable or None
        Is called with the tunnel when its state changes, in a thread of the tunnel's.
    """

    MINPORT = 1024
    MAXPORT = 65535
    verbose = True

    def __init__(self, name: str | None = None, **kwds: Any) -> None:
        self.name = name or f"tunnel-{random.randrange(16**8):08x}"
        self.state, self.latency_s, self.last_error, self.n_reconnects = "closed", 0.0, "", 0
        self.on_change: Callable[[Tunnel], None] | None = kwds.pop("on_change", None)
        self._lport: int | None = None
        self._rport: int | None = None
        self._host: str | None = None
        self._remote: Remote | None = None
        self._owns_remote = True
        self._way: Forward | None = None
        self._ssh: SshForward | None = None
        self._stop, self._is_up = threading.Event(), threading.Event()
        self._watcher: threading.Thread | None = None
        self._targets: tuple[str, ...] = ()
        if kwds:
            self.connect(**kwds)

    def __repr__(self) -> str:
        if not self.connected:
            return f"Tunnel('{self.name}')"
        return f"Tunnel('{self._lport}:{self._host}:{self._rport}')"

    def __enter__(self) -> Tunnel:
        return self

    def __exit__(self, *_: object) -> None:
        self.disconnect()

    @property
    def connected(self) -> bool:
        """Whether it was connected, and not disconnected since."""
        return self._way is not None

    @property
    def port(self) -> int:
        """The local port; 0 if there is none."""
        return self._lport or 0

    @property
    def remote_port(self) -> int:
        """The service's port on its host; 0 if there is none."""
        return self._rport or 0

    @property
    def sent_bytes(self) -> int:
        """Bytes that went to the host."""
        return self._way.count.up_bytes if self._way else 0

    @property
    def received_bytes(self) -> int:
        """Bytes that came from the host."""
        return self._way.count.down_bytes if self._way else 0

    @property
    def n_connections(self) -> int:
        """Connections that are open now."""
        return self._way.n_open if self._way else 0

    def connect(self, host: str, port: int | None = None, through: str | None = None, **options: Any) -> int:
        """Lead a local port to a port on a host.

        Parameters
        ----------
        host : str
            ``[user@]host``: where the service is.
        port : int, optional
            The service's port; without it a free one is picked there, for a service that is yet to begin.
        through : str, optional
            Jump hosts on the way. If the last one reaches no sshd on `host`, it connects to the port itself.
        **options : object
            Of `Remote` (the port of sshd is ``ssh_port``); besides ``local_port``, and ``remote``, a connection to the
            host that is there already.

        Returns
        -------
        int
            The local port, on loopback.

        Raises
        ------
        HostUnreachable, HostKeyRefused, LoginRefused, TunnelFailed, BadOption
            It does not connect, and why; nothing stays open.
        """
        if self.connected:
            raise TunnelFailed(f"{self!r} is connected", cure="disconnect() it before", host=self._host)
        port, local_port = (checked_port(given or 0, host) for given in (port, options.pop("local_port", 0)))
        options["port"], remote = options.pop("ssh_port", 0), options.pop("remote", None)
        self._owns_remote, target = remote is None, parse(host)
        self._targets = (LOOPBACK, target.host)
        self._remote = remote or self._made(host, through, options)
        try:
            self._rport = port or free_port(self._remote, registered_python(host))
            self._way = self._lead(self._remote, local_port)
            self.latency_s = self._look(self._remote)
        except BaseException:
            self.disconnect()
            raise
        self._host, self._lport = host, self._way.port
        self._begin()
        return self._way.port

    def _made(self, host: str, through: str | None, options: dict[str, Any]) -> Remote:
        try:
            return remote_to(host, **({"through": through} if through else {}), **options)
        except HostUnreachable:
            if not through:
                raise
            jumps, _, last = through.rpartition(",")
            remote = remote_to(last, **({"through": jumps} if jumps else {}), **{**options, "port": 0})
            self._targets = (parse(host).host,)
            return remote

    def _lead(self, remote: Remote, local_port: int) -> Forward:
        way = Forward(self._open, local_port)
        try:
            if remote.transport != "paramiko":
                self._ssh = SshForward(remote, self._targets, self._rport or 0)
        except BaseException:
            way.close()
            raise
        return way

    def lead_to(self, port: int) -> None:
        """Lead what connects from now on to another port of the host.

        Parameters
        ----------
        port : int
            There.
        """
        if port != self._rport:
            self._rport = port
            if self._ssh is not None:
                self._ssh.lead_to(port)

    def _begin(self) -> None:
        self._stop.clear()
        self._is_up.set()
        self._watcher = threading.Thread(target=self._watch, name=f"pathos-nb watches {self.name}", daemon=True)
        self._watcher.start()
        self._change("connected")

    def disconnect(self) -> None:
        """Close the port and all that goes over it; a second call does nothing."""
        self._stop.set()
        self._is_up.set()  # who waits for the link is let go
        way, self._way = self._way, None
        remote, self._remote = self._remote, None
        ssh, self._ssh = self._ssh, None
        for each in (way, ssh):
            if each is not None:
                each.close()
        if remote is not None and self._owns_remote:
            remote.close(for_good=True)
        watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher is not threading.current_thread():
            watcher.join(DEAD_S)
        self._lport = self._rport = self._host = None
        if self.state != "closed":
            self._change("closed")

    # ---------------------------------------------------------------------------------------------------- connections

    def _open(self, client: socket.socket) -> Way:
        """Open a stream to the service for a client; while the link is down it is waited for."""
        deadline = time.monotonic() + WAIT_S
        while self._is_up.wait(max(0.0, deadline - time.monotonic())) and not self._stop.is_set():
            try:
                return self._open_now(client)
            except TunnelFailed as error:
                self.last_error = str(error)
                raise
            except HostUnreachable as error:
                self._has_failed(error)
                self._stop.wait(TURN_S)
        raise self._down_for_long()

    def _down_for_long(self) -> HostUnreachable:
        return HostUnreachable(
            f"the link to {self._host} is down", cause=self.last_error, cure="try again later", host=self._host or ""
        )

    def _open_now(self, client: socket.socket) -> Way:
        remote = self._remote
        if remote is None or self._rport is None:
            raise self._down_for_long()
        if self._ssh is not None:
            return self._ssh.open(client)
        link = remote.link
        for target in self._targets[:-1]:
            with contextlib.suppress(TunnelFailed):
                return ChannelWay(link.forward(target, self._rport, remote.timeout), link.trip_s)
        return ChannelWay(link.forward(self._targets[-1], self._rport, remote.timeout), link.trip_s)

    # -------------------------------------------------------------------------------------------------------- the link

    def _has_failed(self, error: HostError) -> None:
        self.last_error = str(error)
        remote = self._ssh or self._remote
        if remote is not None and not remote.is_alive():
            self._is_up.clear()

    def _watch(self) -> None:
        while not self._stop.is_set():
            remote = self._remote
            if remote is None:
                return
            try:
                self.latency_s = self._look(remote)
            except HostError as error:
                self.last_error = str(error)
                if not self._stop.is_set():  # it was not closed under this thread
                    self._mend(remote)
            if self._is_up.is_set():
                self._wait_for_next(remote)

    def _look(self, remote: Remote) -> float:
        """Give the link's round trip; a HostUnreachable if it is dead."""
        return (self._ssh or remote).round_trip(DEAD_S)

    def _wait_for_next(self, remote: Remote) -> None:
        """Wait until the next look is due, or the link has broken visibly."""
        deadline = time.monotonic() + WATCH_S
        ssh = self._ssh
        while not self._stop.wait(0.25) and self._is_up.is_set():
            if not (ssh or remote).is_alive():
                return
            if time.monotonic() > deadline:
                return

    def _mend(self, remote: Remote) -> None:
        """Connect anew, with pauses that grow; give up only if the host refuses us for good."""
        self._is_up.clear()
        self._change("reconnecting")
        if self._way is not None:
            self._way.drop()
        for attempt in range(1_000_000):
            if attempt and self._stop.wait(_pause(attempt - 1)):
                return
            try:
                self._mend_once(remote)
            except (HostKeyRefused, LoginRefused) as error:
                self.last_error = str(error)
                self._stop.set()
                self._is_up.set()
                return self._change("broken")
            except HostError as error:
                self.last_error = str(error)
                continue
            self.n_reconnects += 1
            return self._change("connected")

    def _mend_once(self, remote: Remote) -> None:
        if self._owns_remote:
            remote.reconnect()
        else:
            remote.mend()
        if self._stop.is_set():
            remote.close()
            return
        if self._ssh is not None:
            self._ssh.mended()
        self._is_up.set()

    def _change(self, state: str) -> None:
        self.state = state
        if self.on_change is not None:
            self.on_change(self)


def _pause(attempt: int) -> float:
    longest = BACK_OFF_S[min(attempt, len(BACK_OFF_S) - 1)]
    return longest * random.uniform(0.7, 1.0)


def free_port(remote: Remote, python: str = "") -> int:
    """Pick a port that is free on the host, by its Python.

    Parameters
    ----------
    remote : Remote
        The connection.
    python : str
        The interpreter there, or its minor version (default ``python3``).

    Returns
    -------
    int

    Raises
    ------
    TunnelFailed
        It has none.
    """
    program = f"python{python}" if python[:1].isdigit() else python or "python3"
    done = remote.run([program, "-I", "-S", "-c", PICK])
    if done.status == 0 and done.stdout.strip().isdigit():
        return int(done.stdout)
    raise TunnelFailed(
        f"no free port could be picked on {remote.where}",
        cause=f"there is no {program} there to ask",
        cure="name the port, or the host's python in the registry",
        host=remote.name,
        tail=done.stderr,
    )
