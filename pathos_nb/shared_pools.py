"""The rules by which pathos shares its pools.

::

    ProcessPool(4) ──┐ _id = 4                          __state__ (one dict a class)
    ProcessPool(4) ──┼──────────────► 4       ─► ServedPool(nodes=4, open)   ─► dispatch.Pool ─► workers
    ProcessPool(id="big") ──────────► "big"   ─► ServedPool(nodes=8, closed) ─► ended

A handle (what the user holds) owns nothing but a name and the settings it wants; the workers belong to the entry of
that name, which handles with equal settings share. So a pool that one handle closes is closed for all, until one of
them calls ``restart()`` or ``clear()``; a handle with other settings under the same name replaces the entry. A handle
can be pickled: in a worker it finds, or starts, the entry of that process.
"""

from __future__ import annotations

import os
import threading
from typing import Any, ClassVar

from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import PoolRunning, plain
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.pool_maps import PoolMaps
from pathos_nb.served_pool import ServedPool, ask_nodes

__all__ = ["SharedPool"]


class SharedPool(PoolMaps):
    """A handle to the pool of workers that all handles of its name share.

    Parameters
    ----------
    *args : int
        The number of workers, if it is not given by name.
    **kwds : object
        The number of workers by one of its names, ``id``, and the settings of the workers.

    Raises
    ------
    TypeError
        If the number of workers is given twice, or a name is not known.
    BadOption
        If it is no number of workers.
    """

    _place: ClassVar[str] = "processes"
    _restarts_open: ClassVar[bool] = False
    _count_name: ClassVar[str] = "ncpus"
    _settings: ClassVar[frozenset[str]] = frozenset({"initializer", "initargs", "maxtasksperchild", "context"})
    _lock: ClassVar[threading.RLock] = threading.RLock()
    _of_parent: ClassVar[list[ServedPool]] = []
    __state__: ClassVar[dict[Any, ServedPool]] = {}

    @plain
    def __init__(self, *args: Any, **kwds: Any) -> None:
        nodes = ask_nodes(self._count_name, args, kwds)
        self._nodes = usable_cores() if nodes is None else nodes
        name = kwds.pop("id", None)
        self._id: Any = self._nodes if name is None else name
        self._kwds = self._checked(kwds)
        self._serve()

    def _checked(self, kwds: dict[str, Any]) -> dict[str, Any]:
        unknown = sorted(kwds.keys() - self._settings)
        if unknown:
            known = ", ".join(sorted({*self._settings, "id", self._count_name}))
            raise TypeError(f"{type(self).__name__} has no setting {unknown[0]!r}: it has {known}")
        return kwds

    def _start(self, nodes: Any) -> ServedPool:
        settings = {k: v for k, v in self._kwds.items() if k not in ("context", "servers")}
        return ServedPool(Pool(self._place, nodes=nodes, **settings), nodes, self._kwds)

    def _entry(self) -> ServedPool | None:
        return self.__state__.get(self._id)

    def _fits(self, entry: ServedPool | None, nodes: Any) -> bool:
        return entry is not None and entry.fits(nodes, self._kwds)

    def _stands(self, entry: ServedPool | None, nodes: Any) -> bool:
        return entry is not None and self._fits(entry, nodes) and not entry.is_broken

    def _serve(self, nodes: Any = None) -> ServedPool:
        """Give the entry of this handle's name; one is started if there is none that fits and can work.

        Parameters
        ----------
        nodes : int, optional
            The number of workers, if not the handle's own.

        Returns
        -------
        ServedPool
            The entry, open or closed.
        """
        nodes = self._nodes if nodes is None else nodes
        with self._lock:
            entry = self._entry()
            if entry is not None and self._stands(entry, nodes):
                return entry
            fresh = self.__state__[self._id] = self._start(nodes)
        if entry is not None:
            fresh.n_blocks = entry.n_blocks if entry.is_broken else 0
            entry.close()
        return fresh

    def _workers(self) -> ServedPool:
        return self._serve().check()

    def _clear(self) -> None:
        """Finish what runs, end the workers and forget them; the next use starts afresh."""
        with self._lock:
            entry = self._entry()
            if entry is None or not self._fits(entry, self._nodes):
                return
            del self.__state__[self._id]
        entry.close()
        entry.join()

    clear = _clear

    def __enter__(self) -> SharedPool:
        self._serve().n_blocks += 1
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave the block: after the last handle has, the workers finish what runs and end by themselves."""
        with self._lock:
            entry = self._entry()
            if entry is None or entry.n_blocks == 0:
                return
            entry.n_blocks -= 1
            if entry.n_blocks:
                return
            del self.__state__[self._id]
        entry.close()

    def __repr__(self) -> str:
        return f"<pool {type(self).__name__}({self._count_name}={self.nodes})>"

    @property
    def nodes(self) -> Any:
        """The number of workers; setting it replaces them."""
        return self._nodes

    @nodes.setter
    def nodes(self, nodes: Any) -> None:
        self._serve(nodes)
        self._nodes = nodes

    def restart(self, force: bool = False) -> ServedPool | None:
        """Open a closed pool again, with new workers.

        Parameters
        ----------
        force : bool, default False
            Also if it was not closed, nor has lost its workers for good: what runs is finished first. Pools of
            processes and of threads do so in any case.

        Returns
        -------
        ServedPool or None
            The new entry; None if there is none that fits this handle.

        Raises
        ------
        PoolRunning
            If it is open, `force` is not given, and it is of another kind.
        """
        entry = self._entry()
        if entry is None or not self._fits(entry, self._nodes):
            return entry
        if entry.is_open and not (force or entry.is_broken or self._restarts_open):
            raise PoolRunning("Pool is still running", cure="close() it first, or restart(force=True)")
        self._clear()
        return self._serve()

    def _ending(self) -> ServedPool | None:
        entry = self._entry()
        return entry if entry is not None and entry.nodes == self._nodes else None

    def close(self) -> None:
        """Take no more work; what runs is finished."""
        entry = self._ending()
        if entry is not None:
            entry.close()

    def terminate(self) -> None:
        """Stop what runs, and end the workers now."""
        entry = self._ending()
        if entry is not None:
            entry.terminate()

    def join(self) -> None:
        """Wait until the workers of a closed pool have ended.

        Raises
        ------
        PoolRunning
            If the pool has not been closed.
        """
        entry = self._ending()
        if entry is not None:
            entry.join()


def _begin_in_fork() -> None:
    """Leave the pools to the parent: a forked child has copies of them, whose workers are not its own."""
    SharedPool._lock = threading.RLock()  # somebody may have held it
    for kind in SharedPool.__subclasses__():
        # Kept, not dropped: what their end would close is the parent's.
        SharedPool._of_parent.extend(kind.__state__.values())
        kind.__state__.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_fork)
