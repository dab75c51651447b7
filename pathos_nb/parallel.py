"""Maps and pipes over processes of this machine and over ppft servers, here or at the end of a tunnel.

A server is one that pathos_nb has started for this user (`pathos_nb.server`, or ``serve`` on a host), named by where it
is reached from here, ``localhost:port``; its secret is looked up by that. One that does not answer is left out with a
warning, as pathos leaves it out in silence. ``print(pool.stats())`` tells how much each worker has
done, here and on servers.

Examples
--------
>>> from pathos_nb.parallel import ParallelPool
>>> with ParallelPool(2) as pool:  # doctest: +SKIP
...     pool.map(pow, [1, 2, 3], [5, 6, 7])
[1, 64, 2187]
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, ClassVar

from pathos_nb.abstract_launcher import AbstractWorkerPool  # noqa: F401 - a name of pathos
from pathos_nb.dispatch.options import is_count
from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import BadOption, LauncherUnavailable, plain
from pathos_nb.found_servers import await_servers, find_servers
from pathos_nb.launchers.cores import usable_cores as cpu_count
from pathos_nb.pending import PendingResult
from pathos_nb.pending import PendingResult as ApplyResult  # noqa: F401 - a name of pathos
from pathos_nb.pending import PendingResult as MapResult  # noqa: F401 - a name of pathos
from pathos_nb.served_pool import ServedPool, ask_nodes
from pathos_nb.shared_pools import SharedPool

__all__ = ["ParallelPool", "stats"]


def _local_nodes(nodes: Any) -> Any:
    """Give the number of local processes; None for as many as there are cores, a BadOption if it is none."""
    if nodes is None or (isinstance(nodes, str) and nodes in ("*", "autodetect")):
        return None
    if not is_count(nodes) or nodes < 0:
        cure = "it must be a whole number of local processes: 0 (servers do all of it) or more"
        raise BadOption(f"nodes is {nodes!r}", cure=cure)
    return nodes


def _named_servers(servers: Any) -> tuple[str, ...]:
    """Give the servers as they are kept: sorted, none as (), any that can be found as ("*",)."""
    if servers is None:
        return ()
    if isinstance(servers, str):
        return ("*",) if servers in ("*", "autodetect") else (servers,)
    return tuple(sorted(servers))


def _places(nodes: int, servers: Sequence[str]) -> dict[str, int]:
    """Give the places to work at and how many workers each has; of each server that is left out, warn why.

    Parameters
    ----------
    nodes : int
        Processes of this machine.
    servers : sequence of str
        ``host:port``, or ``*``.

    Returns
    -------
    dict

    Raises
    ------
    LauncherUnavailable
        There is none.
    BadOption
        There cannot be any.
    """
    if nodes == 0 and not servers:
        cure = 'name them, as in ParallelPool(0, servers=("localhost:40213",)), or ask for 1 or more local processes'
        raise BadOption("with 0 local processes a ParallelPool works on servers alone, and none is named", cure=cure)
    places = {} if nodes == 0 else {"processes": nodes}
    for found in find_servers(servers) if servers else ():
        if found.nodes:
            places[found.place] = found.nodes
        else:
            warnings.warn(found.reason, stacklevel=7)
    if not places:
        told = " and ".join(servers)
        what = f"there is nobody to work: no local processes were asked for, and {told} cannot be used"
        cure = "ask for local processes, or start a server: %pathos serve HOST, or pathos_nb.server.LocalServer(nodes)"
        raise LauncherUnavailable(what, cure=cure)
    return places


class ParallelPool(SharedPool):
    """A pool of processes here and of workers on servers, that all handles of the same name share.

    Parameters
    ----------
    *args : int
        The number of local processes; without it, or with ``"*"``, the cores this process may use. With 0 all work
        is done by the servers.
    **kwds : object
        ``ncpus`` (or ``nodes``, ``processes``): that number by name. ``servers``: addresses ``localhost:port``, of
        each of which all workers are used. ``id``: the name the pool is shared by, made of both by default.
        ``initializer``, ``initargs`` and ``maxtasksperchild`` as for ProcessPool.

    Raises
    ------
    TypeError
        If the number of processes is given twice, or a name is not known.
    BadOption
        If it is no number of processes, or a server is no address.
    LauncherUnavailable
        If there are neither local processes nor servers to work.
    """

    _place = "processes"
    _count_name = "ncpus"
    _settings = frozenset({"initializer", "initargs", "maxtasksperchild", "servers"})
    __state__: ClassVar[dict[Any, ServedPool]] = {}

    @plain
    def __init__(self, *args: Any, **kwds: Any) -> None:
        self._nodes = _local_nodes(ask_nodes(self._count_name, args, kwds))
        name, servers = kwds.pop("id", None), _named_servers(kwds.pop("servers", None))
        count = self._nodes if isinstance(self._nodes, Integral) else "*"
        self._id = f"{count}@{'+'.join(servers)}" if name is None else name
        self._kwds = self._checked({**kwds, "servers": servers})
        self._serve()

    def _start(self, nodes: Any) -> ServedPool:
        settings = {name: value for name, value in self._kwds.items() if name != "servers"}
        places = _places(nodes, self._kwds["servers"])
        return ServedPool(Pool(*places, nodes=places, **settings), nodes, self._kwds)

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
            if not (entry.nodes and n_workers):
                return self._serve_elsewhere(entry, nodes, n_workers)
            entry.resize(n_workers)
        self._nodes = nodes
        if not n_workers:
            self._await_servers()
        return super()._serve(n_workers)

    def _await_servers(self) -> None:
        """Wait for servers that are being started again, if there is nobody else; without the lock of all pools."""
        if self._kwds["servers"] and not self._stands(self._entry(), 0):
            await_servers(self._kwds["servers"], lambda text: warnings.warn(text, stacklevel=7))

    def _serve_elsewhere(self, entry: ServedPool, nodes: Any, n_workers: int) -> ServedPool:
        """Begin, or cease, to work on this machine: with other places, open or closed as it was."""
        was_open = entry.is_open
        fresh = super()._serve(n_workers)
        self._nodes = nodes
        if not was_open:
            fresh.close()
        return fresh

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

    @plain
    def map(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> list[Any]:
        """Do what the map of the other pools does; it is counted for `stats`."""
        values: list[Any] = self.amap(f, *args, **kwds).get()
        return values

    @plain
    def pipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Do what the pipe of the other pools does; it is counted for `stats`."""
        return self.apipe(f, *args, **kwds).get()

    def amap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> PendingResult:
        """Do what the amap of the other pools does; ``size``, pathos' hint for its chunks, is taken and not needed."""
        kwds.pop("size", None)
        return super().amap(f, *args, **kwds)

    def stats(self) -> str:
        """Tell what each worker has done in the runs that are over, here and on servers.

        Returns
        -------
        str
            A table: calls, their share, seconds in all and a call, and the worker.
        """
        return stats(self)

    ncpus = nodes
    _ParallelPool__nodes = nodes  # the name by which pathos' own tests look


def stats(pool: ParallelPool | None = None) -> str:
    """Tell what the workers have done, here and on servers.

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
