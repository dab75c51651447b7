"""Maps and pipes over processes here and, by name, over servers elsewhere.

In this version the local part works; naming a server that answers is an error that says so. A server on this machine
that does not answer is left out with a warning, as pathos leaves it out in silence.

Examples
--------
>>> from pathos_nb.parallel import ParallelPool
>>> with ParallelPool(2) as pool:  # doctest: +SKIP
...     pool.map(pow, [1, 2, 3], [5, 6, 7])
[1, 64, 2187]
"""

from __future__ import annotations

import socket
import sys
import warnings
from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any, ClassVar

from pathos_nb.abstract_launcher import AbstractWorkerPool  # noqa: F401 - a name of pathos
from pathos_nb.errors import BadOption, LauncherUnavailable
from pathos_nb.launchers.cores import usable_cores as cpu_count
from pathos_nb.pending import PendingResult
from pathos_nb.pending import PendingResult as ApplyResult  # noqa: F401 - a name of pathos
from pathos_nb.pending import PendingResult as MapResult  # noqa: F401 - a name of pathos
from pathos_nb.served_pool import ServedPool, ask_nodes
from pathos_nb.shared_pools import SharedPool

__all__ = ["ParallelPool", "stats"]

_LOOPBACK = ("localhost", "127.0.0.1", "::1", "")


def _local_nodes(nodes: Any) -> Any:
    """Give the number of local processes; None for as many as there are cores."""
    return None if nodes in ("*", "autodetect", None) else nodes


def _named_servers(servers: Any) -> tuple[str, ...]:
    """Give the servers as they are kept: sorted, none as (), any that can be found as ("*",)."""
    if servers is None:
        return ()
    if isinstance(servers, str):
        return ("*",) if servers in ("*", "autodetect") else (servers,)
    return tuple(sorted(servers))


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host or "localhost", port), timeout=0.5):
            return True
    except OSError:
        return False


def _refuse_servers(servers: Iterable[str]) -> None:
    """Say of each server why it does no work: by a warning if nobody is there, else by an error.

    Parameters
    ----------
    servers : iterable of str
        ``host:port``, or ``*``.

    Raises
    ------
    LauncherUnavailable
        If work would have to go to a server.
    BadOption
        If it is no address.
    """
    for server in servers:
        host, _, port = server.rpartition(":") if ":" in server else (server, "", "60000")
        if server == "*":
            text = "servers are not looked for, since anybody could answer: name them; only this machine works now"
        elif not port.isdigit() or int(port) > 65535:
            raise BadOption(f"{server!r} is no server", cure="write it as 'host:port'")
        elif host not in _LOOPBACK or _answers(host, int(port)):
            raise LauncherUnavailable(
                f"ParallelPool cannot use the server {server!r}",
                cause="servers are not supported yet, only the processes of this machine",
                cure="leave out servers=, or use ProcessPool",
            )
        else:
            text = f"no server answers at {server}: it is left out"
        warnings.warn(text, stacklevel=6)


class ParallelPool(SharedPool):
    """A pool of processes here, and one day on servers, that all handles of the same name share.

    Parameters
    ----------
    *args : int
        The number of local processes; without it, or with ``"*"``, the cores this process may use.
    **kwds : object
        ``ncpus`` (or ``nodes``, ``processes``): that number by name. ``servers``: addresses ``host:port``. ``id``: the
        name the pool is shared by, made of both by default. ``initializer``, ``initargs`` and ``maxtasksperchild`` as
        for ProcessPool.

    Raises
    ------
    TypeError
        If the number of processes is given twice, or a name is not known.
    BadOption
        If it is no number of processes, or a server is no address.
    LauncherUnavailable
        If a server would have to be used.
    """

    _place = "processes"
    _count_name = "ncpus"
    _settings = frozenset({"initializer", "initargs", "maxtasksperchild", "servers"})
    __state__: ClassVar[dict[Any, ServedPool]] = {}

    def __init__(self, *args: Any, **kwds: Any) -> None:
        self._nodes = _local_nodes(ask_nodes(self._count_name, args, kwds))
        name, servers = kwds.pop("id", None), _named_servers(kwds.pop("servers", None))
        count = self._nodes if isinstance(self._nodes, Integral) else "*"
        self._id = f"{count}@{'+'.join(servers)}" if name is None else name
        self._kwds = self._checked({**kwds, "servers": servers})
        self._serve()

    def _start(self, nodes: Any) -> ServedPool:
        _refuse_servers(self._kwds["servers"])
        return super()._start(nodes)

    def _fits(self, entry: ServedPool | None, nodes: Any) -> bool:
        return super()._fits(entry, cpu_count() if nodes is None else nodes)

    def _serve(self, nodes: Any = None, servers: Any = None) -> ServedPool:
        """Give the entry of this handle's name; one of another size is resized, open or closed as it is.

        Parameters
        ----------
        nodes : int, optional
            The number of processes, if not the handle's own.
        servers : sequence of str, optional
            The servers, if not the handle's own.

        Returns
        -------
        ServedPool
            The entry.
        """
        if servers is not None:
            self._kwds = {**self._kwds, "servers": _named_servers(servers)}
        nodes = self._nodes if nodes is None else _local_nodes(nodes)
        n_workers, entry = cpu_count() if nodes is None else nodes, self._entry()
        if entry is not None and entry.nodes != n_workers:
            entry.resize(n_workers)
        self._nodes = nodes
        return super()._serve(n_workers)

    def _ending(self) -> ServedPool | None:
        entry = self._entry()
        return entry if self._fits(entry, self._nodes) else None

    def __repr__(self) -> str:
        return f"<pool {type(self).__name__}(ncpus={self.ncpus}, servers={self.servers})>"

    @property
    def nodes(self) -> Any:
        """The number of local processes, ``"*"`` for all cores; setting it resizes the pool."""
        return "*" if self._nodes is None else self._nodes

    @nodes.setter
    def nodes(self, nodes: Any) -> None:
        self._serve("*" if nodes is None else nodes)

    @property
    def servers(self) -> Any:
        """The servers: None, ``"*"``, or a tuple of addresses."""
        servers = self._kwds["servers"]
        return {(): None, ("*",): "*"}.get(servers, servers)

    @servers.setter
    def servers(self, servers: Any) -> None:
        self._serve(servers=() if servers is None else servers)

    def map(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> list[Any]:
        """Do what the map of the other pools does; it is counted for `stats`."""
        values: list[Any] = self.amap(f, *args, **kwds).get()
        return values

    def pipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Do what the pipe of the other pools does; it is counted for `stats`."""
        return self.apipe(f, *args, **kwds).get()

    def amap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> PendingResult:
        """Do what the amap of the other pools does; ``size``, pathos' hint for its chunks, is taken and not needed."""
        kwds.pop("size", None)
        return super().amap(f, *args, **kwds)

    ncpus = nodes
    _ParallelPool__nodes = nodes  # the name by which pathos' own tests look


def stats(pool: ParallelPool | None = None) -> str:
    """Tell what the local processes have done.

    Parameters
    ----------
    pool : ParallelPool, optional
        Of which pool; of all that are shared by default.

    Returns
    -------
    str
        A table for each pool: the calls of each worker, their share, their seconds in all and on average.
    """
    entries = ParallelPool.__state__.items() if pool is None else [(pool._id, ParallelPool.__state__.get(pool._id))]
    told = [f"pool {name}\n{entry.stats()}" for name, entry in entries if entry is not None]
    return "\n".join(told) if told else "No pool is running, so there is nothing to tell.\n"


def __print_stats(servers: Any = None) -> None:
    """Print what `stats` tells."""
    sys.stdout.write(stats(servers))


ParallelPythonPool = ParallelPool
__STATE = _ParallelPool__STATE = ParallelPool.__state__
