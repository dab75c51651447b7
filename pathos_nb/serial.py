"""Maps and pipes in this very thread: what a loop would do, by the names of the other pools.

Useful to see whether an error comes from the function or from its being sent elsewhere.

Examples
--------
>>> from pathos_nb.serial import SerialPool
>>> pool = SerialPool()
>>> pool.map(pow, [1, 2, 3], [5, 6, 7])
[1, 64, 2187]
>>> pool.amap(abs, [-1, 2]).get()
[1, 2]
"""

from __future__ import annotations

from typing import Any, ClassVar

from pathos_nb.abstract_launcher import AbstractWorkerPool
from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import PoolClosed, PoolRunning
from pathos_nb.pool_maps import PoolMaps
from pathos_nb.served_pool import ServedPool

__all__ = ["SerialPool"]


class SerialPool(PoolMaps):
    """The one pool that is not shared: each handle is open or closed by itself.

    Parameters
    ----------
    *args : int
        Taken and ignored: there is one worker, the caller.
    **kwds : object
        ``nodes``, ignored as well, and ``id``.
    """

    _exiting = False
    __state__: ClassVar[dict[Any, Any]] = {}

    nodes = property(
        AbstractWorkerPool._AbstractWorkerPool__get_nodes,
        AbstractWorkerPool._AbstractWorkerPool__set_nodes,
        doc="The number of workers, which is 1.",
    )

    def _serve(self, *args: Any, **kwds: Any) -> ServedPool:
        if "_served" not in self.__dict__:
            self._served = ServedPool(Pool("serial"), 1, {})
        return self._served

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_served"}

    def _is_alive(self, negate: bool = False, run: bool = True) -> None:
        """Raise the error of a pool that is closed or, negated, of one that is not."""
        if negate:
            raise PoolRunning("Pool is still running", cure="close() it first")
        raise PoolClosed("Pool not running", cause="it was closed", cure="restart() or clear() opens it again")

    def _workers(self) -> ServedPool:
        if self._exiting:
            self._is_alive()
        return self._serve()

    def restart(self, force: bool = False) -> None:
        """Open a closed pool again.

        Parameters
        ----------
        force : bool, default False
            Do nothing, rather than raise, if it is open.

        Raises
        ------
        PoolRunning
            If it is open and `force` is not given.
        """
        if not force and not self._exiting:
            self._is_alive(negate=True)
        self.clear()

    def close(self) -> None:
        """Take no more work."""
        self._exiting = True
        if "_served" in self.__dict__:
            self.__dict__.pop("_served").close()

    def join(self) -> None:
        """Do nothing more than check, since a serial pool has nothing to wait for.

        Raises
        ------
        PoolRunning
            If it has not been closed.
        """
        if not self._exiting:
            self._is_alive(negate=True, run=False)

    def terminate(self) -> None:
        """Take no more work."""
        self.close()

    def clear(self) -> None:
        """Open it again."""
        self._exiting = False


PythonSerial = SerialPool
__STATE = _SerialPool__STATE = SerialPool.__state__
