"""The maps and pipes of pathos on the workers of a pool."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pathos_nb.abstract_launcher import AbstractWorkerPool
from pathos_nb.errors import plain
from pathos_nb.pending import PendingResult, PendingValues
from pathos_nb.served_pool import ServedPool

__all__ = ["PoolMaps"]


def _chosen(kwds: dict[str, Any]) -> dict[str, Any]:
    """Take ``chunksize=0`` for what it means to pathos' map and amap: no size was chosen.

    Parameters
    ----------
    kwds : dict
        The keywords of a map.

    Returns
    -------
    dict
        The same, without a chunk size of 0. (pathos returns a list of None for it.)
    """
    return {name: value for name, value in kwds.items() if name != "chunksize" or value != 0}


class PoolMaps(AbstractWorkerPool):
    """The maps and pipes; a derived class says by `_workers` who does the work."""

    def _workers(self) -> ServedPool:
        """Give the workers, if they take work."""
        raise NotImplementedError

    @plain
    def map(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> list[Any]:
        """Call `f` for each item and wait for all results.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            Options of the map (``chunksize``, ``timeout``, ``retries``, ``on_error``, ``seed`` ...: see
            `pathos_nb.dispatch.options.MapOptions`); any other keyword goes to `f` with each item.

        Returns
        -------
        list
            The results, in the order of the items.

        Raises
        ------
        TypeError
            If there is no sequence.
        PoolClosed
            If the pool takes no more work.
        BadOption
            If an option makes no sense.
        Exception
            What `f` raised, as itself.
        """
        self._AbstractWorkerPool__map(f, *args)
        return self._workers().pool.map(f, *args, **_chosen(kwds))

    def imap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> PendingValues:
        """Call `f` for each item; take the results in order, each as soon as it is there.

        The sequences are read only as far as needed, so they may be long or endless.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            Options of the map (``chunksize``, ``timeout``, ``retries``, ``on_error``, ``seed`` ...: see
            `pathos_nb.dispatch.options.MapOptions`); any other keyword goes to `f` with each item.

        Returns
        -------
        iterator
            The results, in the order of the items; also by ``next(timeout)``. What an item raises comes at its place.

        Raises
        ------
        TypeError
            If there is no sequence.
        PoolClosed
            If the pool takes no more work.
        BadOption
            If an option makes no sense.
        """
        self._AbstractWorkerPool__imap(f, *args)
        workers = self._workers()
        values = workers.pool.imap(f, *args, **kwds)
        workers.note_stream(values.run)
        return PendingValues(values)

    def uimap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> PendingValues:
        """Call `f` for each item; take the results as they finish.

        The sequences are read only as far as needed, so they may be long or endless.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            Options of the map (``chunksize``, ``timeout``, ``retries``, ``on_error``, ``seed`` ...: see
            `pathos_nb.dispatch.options.MapOptions`); any other keyword goes to `f` with each item.

        Returns
        -------
        iterator
            The results, in no particular order; also by ``next(timeout)``.

        Raises
        ------
        TypeError
            If there is no sequence.
        PoolClosed
            If the pool takes no more work.
        BadOption
            If an option makes no sense.
        """
        self._AbstractWorkerPool__imap(f, *args)
        workers = self._workers()
        values = workers.pool.uimap(f, *args, **kwds)
        workers.note_stream(values.run)
        return PendingValues(values)

    def amap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> PendingResult:
        """Call `f` for each item and go on at once; ask for the results later.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            Options of the map (``chunksize``, ``timeout``, ``retries``, ``on_error``, ``seed`` ...: see
            `pathos_nb.dispatch.options.MapOptions`); any other keyword goes to `f` with each item.
            ``callback`` is called with the list when it is there, ``error_callback`` with the exception if there is
            none.

        Returns
        -------
        PendingResult
            ``get(timeout)`` waits for the list of results, in the order of the items; ``ready()`` tells whether it is
            there, ``successful()`` whether it is one.

        Raises
        ------
        TypeError
            If there is no sequence.
        PoolClosed
            If the pool takes no more work.
        BadOption
            If an option makes no sense.
        """
        self._AbstractWorkerPool__map(f, *args)
        told = (kwds.pop("callback", None), kwds.pop("error_callback", None))
        workers = self._workers()
        result = workers.pool.amap(f, *args, **_chosen(kwds))
        workers.note_result(result.run)
        return PendingResult(result, *told)

    @plain
    def pipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` once, on any worker, and wait for its value.

        Parameters
        ----------
        f : callable
            What is called.
        *args, **kwds : object
            What it is called with; no keyword is an option.

        Returns
        -------
        object
            What `f` returns.

        Raises
        ------
        PoolClosed
            If the pool takes no more work.
        Exception
            What `f` raised, as itself.
        """
        return self._workers().pool.pipe(f, *args, kwargs=kwds)

    def apipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> PendingResult:
        """Call `f` once, on any worker, and go on at once; ask for its value later.

        Parameters
        ----------
        f : callable
            What is called.
        *args, **kwds : object
            What it is called with; no keyword is an option.

        Returns
        -------
        PendingResult
            ``get(timeout)`` waits for the value; ``ready()`` tells whether it is there.

        Raises
        ------
        PoolClosed
            If the pool takes no more work.
        """
        workers = self._workers()
        result = workers.pool.apipe(f, *args, kwargs=kwds)
        workers.note_result(result.run)
        return PendingResult(result)
