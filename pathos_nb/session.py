"""The session: one per kernel; it owns pools and runs, and closes them in reverse order when the kernel ends.

::

    %pathos use processes ──► Session.use          the places where cells run from now on
    %%pmap -p big         ──► Session.pool         a pool by name, made on first use and kept warm
    every run of any pool ──► registry.observers ──► Session.note ──► views (the notebook's progress)

Nothing here knows IPython: a script can have a session as well.
"""

from __future__ import annotations

import atexit
import contextlib
import difflib
import weakref
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pathos_nb.detached.sweeps import Detached
from pathos_nb.dispatch.kept import RunLog
from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.store.store import Stores
from pathos_nb.errors import BadOption, UnknownPlace
from pathos_nb.joined.host import Host, Plan
from pathos_nb.joined.hosts import Hosts
from pathos_nb.joined.pools import Pools
from pathos_nb.joined.services import Services
from pathos_nb.launchers.contract import Launcher
from pathos_nb.launchers.registry import registry

__all__ = ["Session", "close_session", "current_session", "resolve"]

_N_RUNS = 100
_NONE: Mapping[str, Any] = MappingProxyType({})


class Session(RunLog):
    """Pools by name, the places in use, and the runs that were.

    Parameters
    ----------
    places : sequence of str
        Where cells run unless they say otherwise.
    n_runs : int
        How many ended runs are remembered.
    """

    def __init__(self, places: Sequence[str] = ("processes",), n_runs: int = _N_RUNS) -> None:
        super().__init__(n_runs)
        self.places: tuple[str, ...] = tuple(places)
        self.nodes: int | None = None
        self.home: tuple[str, ...] = self.places  # where cells run when the pool in use is closed
        self._pools = Pools()
        self._unnamed: weakref.WeakSet[Pool] = weakref.WeakSet()  # pools that were asked for by their places
        registry.observers.append(self.note)
        self.hosts, self.services = Hosts(), Services()
        self.stores = Stores()
        self.detached = Detached()
        self.sweeps: Any = None  # the notebook's: it keeps what cells compute
        self._resolve = registry.resolver = self.hosts.resolve
        self._offer = registry.offers = self.hosts.offers

    # pools

    @property
    def pools(self) -> dict[str, Pool]:
        """The open pools by name, the oldest first."""
        return self._pools.open

    @property
    def default_name(self) -> str:
        """What the pool in use is called, whether it is open or not."""
        return _pool_name(self.places, None if _is_serial(self.places) else self.nodes)

    def use(self, *places: str, nodes: int | None = None) -> Pool:
        """Run cells there from now on.

        Parameters
        ----------
        *places : str
            Launchers, or the name of a pool.
        nodes : int, optional
            Workers in each place; all cores if None.

        Returns
        -------
        Pool
            The pool, with its workers.

        Raises
        ------
        UnknownPlace
            If there is no such place; what was in use stays in use.
        """
        pool = self.pool(places, nodes)
        self.places, self.nodes = self._named(places), nodes
        self._end_unused(pool)
        return pool

    def pool(self, places: Sequence[str] = (), nodes: int | None = None) -> Pool:
        """Give the pool for these places, made when it is first asked for.

        Parameters
        ----------
        places : sequence of str
            Launchers, or the name of one pool; none: what is in use.
        nodes : int, optional
            Workers in each place.

        Returns
        -------
        Pool
            The same one for the same question; the session closes it. One with workers on a host, which nobody has
            named, ends when another one with workers there has been asked for, unless cells run on it or it is at work.

        Raises
        ------
        UnknownPlace
            If there is no such place.
        """
        if not places:
            places, nodes = self.places, nodes or (None if _is_serial(self.places) else self.nodes)
        _check_serial(places, nodes)
        places = self._named(places)
        named = self.pools.get(places[0]) if len(places) == 1 and nodes is None else None
        if named is None:
            named = self._make(_pool_name(places, nodes), places, nodes)
            self._unnamed.add(named)
            self._end_unused(named)
        return named

    def _end_unused(self, asked: Pool) -> None:
        """End pools whose workers on a host would idle beside those of the pool that is asked for."""
        hosts = set(asked.places) & set(self.hosts.connected)
        for name, pool in self.pools.items():
            is_kept = pool is asked or name == self.default_name or pool not in self._unnamed
            if not is_kept and hosts & set(pool.places) and not pool.n_runs:
                with contextlib.suppress(UnknownPlace):  # another thread was quicker
                    self.close_pool(name)

    def workers_at(self, host: str) -> dict[str, int]:
        """Tell how many workers each open pool has on a host now; pools without any are left out."""
        counted = {name: sum(w.place == host for w in pool.workers()) for name, pool in self.pools.items()}
        return {name: n for name, n in counted.items() if n}

    def _named(self, places: Iterable[str]) -> tuple[str, ...]:
        """Give the names of places; a host that is given as ``user@host`` is connected for that."""
        return tuple(self.hosts.reach(place).name if "@" in place else place for place in places)

    def make(self, name: str, places: Sequence[str], nodes: int | None = None, **settings: Any) -> Pool:
        """Make a pool under a name of one's own.

        Parameters
        ----------
        name : str
            What ``-p`` will call it.
        places : sequence of str
            Launchers.
        nodes : int, optional
            Workers in each place.
        **settings
            What the kinds of the places take besides.

        Returns
        -------
        Pool
            A new one.

        Raises
        ------
        BadOption
            If the name is taken.
        UnknownPlace
            If there is no such place.
        """
        if name in self.pools or (name in registry.names() and (name,) != tuple(places)):
            raise BadOption(f"the name {name!r} is taken", cure=f"close it first: %pathos close {name}")
        return self._make(name, places, nodes, settings)

    def _make(self, name: str, places: Sequence[str], nodes: int | None, settings: Mapping[str, Any] = _NONE) -> Pool:
        return self._pools.make(name, lambda: self._made(places, nodes, settings))

    def _made(self, places: Sequence[str], nodes: int | None, settings: Mapping[str, Any]) -> Pool:
        self._check(places)
        return Pool(*self._named(places), nodes=nodes, **settings)

    def restart(self, name: str) -> Pool:
        """Begin a pool again, with fresh workers; see `Pools.restart`."""
        return self._pools.restart(name)

    def resize(self, name: str, nodes: int) -> Pool:
        """Have that many workers in a pool, at its first place; one that is called after its size is called anew."""
        pool, is_in_use = self.named(name), name == self.default_name
        _check_serial(pool.places, nodes)
        pool.resize(nodes)
        before, size = name.removeprefix(_pool_name(pool.places, None)), f":{nodes}"
        if before[:1] == ":" and before[1:].isdecimal():
            self._pools.rename(name, name.removesuffix(before) + size)
            self.nodes = nodes if is_in_use else self.nodes
        return pool

    def named(self, name: str) -> Pool:
        """Give an open pool by its name; an UnknownPlace if there is none."""
        return self._pools.get(name)

    def check(self, places: Sequence[str]) -> None:
        """See that cells could run there, and start nothing.

        Parameters
        ----------
        places : sequence of str
            Launchers, or the name of one pool.

        Raises
        ------
        UnknownPlace
            If there is no such place.
        """
        if len(places) != 1 or places[0] not in self.pools:
            self._check(places)

    def _check(self, places: Iterable[str]) -> None:
        known = registry.names()
        for place in places:
            if place in known or place.partition(":")[0] in known or self.hosts.knows(place):
                continue
            near = difflib.get_close_matches(place, [*known, *self.hosts.names()], n=1)
            cure = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}."
            raise UnknownPlace(f"no place is called {place!r}", cure=f"{cure} %pathos connect reaches a host")

    def close_pool(self, name: str) -> None:
        """End one pool and its workers; if it is the one in use, and has a name of its own, cells run at home again.

        Parameters
        ----------
        name : str
            As `pools` has it.

        Raises
        ------
        UnknownPlace
            If there is none of that name.
        """
        pool = self._pools.take(name)
        with self._lock:
            if self.places == (name,) and name not in registry.names():
                self.places, self.nodes = self.home, None
        pool.terminate()

    # hosts

    def connect(self, plan: Plan) -> Host:
        """Connect to a host, and have its workers ready; to one that is connected in this very way, again if need be.

        Parameters
        ----------
        plan : Plan
            How.

        Returns
        -------
        Host
            Cells run there by its name.

        Raises
        ------
        BadOption
            The name is taken.
        HostError, PoolBroken
            It did not connect, or cannot be used; nothing stays open.
        """
        found = self.hosts.connected.get(plan.name)
        if found is not None and found.plan.is_like(plan):
            return self._connect_again(found)
        if plan.name in registry.names() or plan.name in self.pools:
            cure = f"give another one by --name, or first %pathos disconnect {plan.name}"
            raise BadOption(f"the name {plan.name!r} is taken", cure=cure)
        host = self.hosts.connect(plan)
        try:
            self.pool((plan.name,))
        except BaseException:
            self.hosts.disconnect(plan.name)
            raise
        return host

    def _connect_again(self, host: Host) -> Host:
        host.stand()
        if host.has_given_up and host.name in self.pools:
            self.close_pool(host.name)  # its agent was given up
        if not self.workers_at(host.name):
            self.pool((host.name,))
        return host

    def disconnect(self, name: str) -> None:
        """End the connection to a host; pools that have other places too do without it, and what runs there goes on.

        Parameters
        ----------
        name : str
            What cells call it.

        Raises
        ------
        UnknownPlace
            There is none of that name.
        """
        self.hosts.get(name).leave()
        self.services.close(name)
        for pool_name, pool in reversed(self.pools.items()):
            if pool.places == (name,):
                self.close_pool(pool_name)
            elif name in pool.places:
                self._pools.leave(pool_name, name)
        self.places = tuple(place for place in self.places if place != name) or self.home
        self.hosts.disconnect(name)

    def close(self) -> None:
        """Cancel what runs and end every pool, the youngest first; calling it again does nothing."""
        if self.note in registry.observers:
            registry.observers.remove(self.note)
        self._pools.end()
        self.detached.leave()  # else their jobs would be cancelled, as runs of this kernel are
        self.cancel()
        for host in self.hosts.connected.values():
            host.leave()
        for name in reversed(self.pools):
            self.close_pool(name)
        self.services.close()
        self.hosts.close()
        self.stores.close()
        if registry.resolver == self._resolve:
            registry.resolver = None
        if registry.offers == self._offer:
            registry.offers = None


def _is_serial(places: Sequence[str]) -> bool:
    return tuple(places) == ("serial",)


def _check_serial(places: Sequence[str], nodes: int | None) -> None:
    if _is_serial(places) and nodes not in (None, 1):
        cure = "leave -n out, or use threads or processes"
        raise BadOption(f"serial is one worker, this notebook's own thread, and cannot be {nodes}", cure=cure)


def _pool_name(places: Sequence[str], nodes: int | None) -> str:
    return ",".join(places) + (f":{nodes}" if nodes else "")


_current: list[Session] = []  # the one piece of state of this module: the kernel's session, if it has one


def current_session(**settings: Any) -> Session:
    """Give the kernel's session, made on the first call.

    Parameters
    ----------
    **settings : object
        For `Session`, if it has to be made.

    Returns
    -------
    Session
        One and the same until `close_session`.
    """
    if not _current:
        _current.append(Session(**settings))
    return _current[0]


def resolve(place: str) -> type[Launcher] | None:
    """Give the launcher of a host, for scripts: the first host makes a session, which closes the connection at exit.

    Parameters
    ----------
    place : str
        A name, or ``user@host``.

    Returns
    -------
    type or None
        None if that is no host.

    Raises
    ------
    HostError
        It did not connect.
    """
    if not _current and not Hosts().knows(place):
        return None
    return current_session().hosts.resolve(place)


@atexit.register
def close_session() -> None:
    """End the kernel's session, if there is one."""
    while _current:
        _current.pop().close()
