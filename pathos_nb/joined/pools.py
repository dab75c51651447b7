"""The pools of a session, by name.

A pool is made outside of the lock, one at a time for each name: workers of a host may take their time, and meanwhile
others begin runs, look at the pools and make more of them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import PoolClosed, UnknownPlace
from pathos_nb.joined.turns import Turns

__all__ = ["Pools"]


class Pools:
    """Open pools, each under a name.

    Attributes
    ----------
    unnamed : set of str
        Pools that were asked for by their places, and so may end when nobody needs them.
    """

    def __init__(self) -> None:
        self._pools: OrderedDict[str, Pool] = OrderedDict()
        self.unnamed: set[str] = set()
        self._lock, self._turns, self._is_closed = threading.Lock(), Turns(), False

    @property
    def open(self) -> dict[str, Pool]:
        """The pools by name, the oldest first; those that were closed are forgotten."""
        with self._lock:
            for name in [name for name, pool in self._pools.items() if pool.state == "closed"]:
                del self._pools[name]
            return dict(self._pools)

    def get(self, name: str) -> Pool:
        """Give a pool.

        Parameters
        ----------
        name : str
            As `open` has it.

        Returns
        -------
        Pool

        Raises
        ------
        UnknownPlace
            If there is none of that name.
        """
        there = self.open
        if name not in there:
            cure = f"open pools: {', '.join(there) or 'none'}; %pathos pool {name} processes makes it"
            raise UnknownPlace(f"no open pool is called {name!r}", cure=cure)
        return there[name]

    def make(self, name: str, maker: Callable[[], Pool]) -> Pool:
        """Give the pool of a name, made if there is none.

        Parameters
        ----------
        name : str
            What it is or will be called.
        maker : callable
            Makes it; what it raises is raised here.

        Returns
        -------
        Pool

        Raises
        ------
        PoolClosed
            The session ended meanwhile.
        """
        with self._turns.of(name):
            return self.open.get(name) or self._keep(name, maker())

    def _keep(self, name: str, pool: Pool) -> Pool:
        with self._lock:
            if not self._is_closed:
                self._pools[name] = pool
                return pool
        pool.terminate()
        raise PoolClosed("the session has ended", cure="%reload_ext pathos_nb begins a new one")

    def restart(self, name: str) -> Pool:
        """Begin a pool again, with fresh workers; what runs on it is cancelled.

        Parameters
        ----------
        name : str
            As `open` has it.

        Returns
        -------
        Pool
            The same one.

        Raises
        ------
        UnknownPlace
            If there is none of that name.
        PoolBroken
            Its workers cannot be started; it is closed then.
        """
        with self._turns.of(name):
            pool = self.get(name)
            pool.restart()
            return self._keep(name, pool)

    def take(self, name: str) -> Pool:
        """Give a pool, and know it no longer.

        Parameters
        ----------
        name : str
            As `open` has it.

        Returns
        -------
        Pool
            Not closed yet.

        Raises
        ------
        UnknownPlace
            If there is none of that name.
        """
        pool = self.get(name)
        with self._lock:
            self._pools.pop(name, None)
        return pool

    def leave(self, name: str, place: str) -> None:
        """Have a pool do without a place; if it is called after its places, it is called after the others now.

        Parameters
        ----------
        name : str
            As `open` has it.
        place : str
            One of its places, and not the only one.
        """
        self.get(name).drop_place(place)
        parts, colon, size = name.partition(":")
        rest = ",".join(part for part in parts.split(",") if part != place) + colon + size
        self.rename(name, rest)

    def rename(self, name: str, new: str) -> None:
        """Call a pool something else, unless that is what another one is called.

        Parameters
        ----------
        name, new : str
            What it is called, and what it shall be called.
        """
        with self._lock:
            if name in self._pools and new not in self._pools:
                self._pools[new] = self._pools.pop(name)
                if name in self.unnamed:
                    self.unnamed.add(new)

    def end(self) -> None:
        """Keep no pool from now on: one that is being made is closed when it is there."""
        with self._lock:
            self._is_closed = True
