"""What a pathos pool and a pathos pipe promise, as base classes to derive from.

A *pipe* takes one call to one worker; a *map* takes one call for each item to any worker. Both come blocking or not,
ordered or not:

========  ========================================  ==============================
method    waits for                                 gives
========  ========================================  ==============================
map       all results                               list, in order
imap      nothing                                   iterator, in order
uimap     nothing                                   iterator, as they finish
amap      nothing                                   object: get, wait, ready
pipe      the one result                            value
apipe     nothing                                   object: get, wait, ready
========  ========================================  ==============================

Other packages (pyina, mystic) derive their pools from `AbstractWorkerPool` and call its checks by their mangled names;
those names are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["AbstractPipeConnection", "AbstractWorkerPool"]


class AbstractPipeConnection:
    """A connection between two nodes, one of which works for the other.

    Parameters
    ----------
    *args, **kwds : object
        Left to the class that derives from this one.
    """

    def __init__(self, *args: Any, **kwds: Any) -> None:
        super().__init__()

    def __repr__(self) -> str:
        return f"<pipe {type(self).__name__}>"


class AbstractWorkerPool:
    """A number of workers with the maps and pipes of the table above.

    Parameters
    ----------
    *args : int
        The number of workers, if it is not given by name.
    **kwds : object
        ``nodes``, the number of workers, and ``id``, the name under which equal pools are shared.

    Raises
    ------
    TypeError
        If the number of workers is given twice.
    """

    _AbstractWorkerPool__nodes = 1

    def __init__(self, *args: Any, **kwds: Any) -> None:
        super().__init__()
        self._AbstractWorkerPool__init(*args, **kwds)
        self._id: Any = kwds.get("id")

    def _AbstractWorkerPool__init(self, *args: Any, **kwds: Any) -> None:  # noqa: N802 - the name derived pools call
        """Set ``nodes`` from the arguments, unless it is read-only."""
        if args and "nodes" in kwds:
            raise TypeError("got multiple values for keyword argument 'nodes'")
        nodes = args[0] if args else kwds.get("nodes", self._AbstractWorkerPool__nodes)
        try:
            self.nodes = nodes
        except TypeError:  # a read-only number of workers is no fault of the caller
            return

    def __enter__(self) -> AbstractWorkerPool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Leave the block; a pool without workers of its own has nothing to end."""

    def __repr__(self) -> str:
        return f"<pool {type(self).__name__}()>"

    def _AbstractWorkerPool__map(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> None:  # noqa: N802
        """Refuse a map over nothing."""
        if not args:
            raise TypeError("map() needs a function and at least one sequence")

    def _AbstractWorkerPool__imap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> None:  # noqa: N802
        """Refuse an imap over nothing."""
        if not args:
            raise TypeError("imap() needs a function and at least one sequence")

    def _AbstractWorkerPool__pipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> None:  # noqa: N802
        """Check nothing: a call that does not fit the function fails in the worker, with the function's own words."""

    def _AbstractWorkerPool__get_nodes(self) -> int:  # noqa: N802
        return self._AbstractWorkerPool__nodes

    def _AbstractWorkerPool__set_nodes(self, nodes: Any) -> None:  # noqa: N802
        raise TypeError("nodes is a read-only attribute")

    def _serve(self, *args: Any, **kwds: Any) -> Any:
        """Give the workers, started if need be.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError

    def clear(self) -> None:
        """End the workers and forget them, so that the next use starts afresh.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError

    def map(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item and wait for all results, in order.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            ``chunksize`` and the other options of the pool.

        Returns
        -------
        list
            The results, in the order of the items.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError

    def imap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item; take the results in order, as soon as each is there.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            ``chunksize`` and the other options of the pool.

        Returns
        -------
        iterator
            The results, in the order of the items.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError

    def uimap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item; take the results as they finish.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            ``chunksize`` and the other options of the pool.

        Returns
        -------
        iterator
            The results, in no particular order.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError

    def amap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item and go on at once; ask for the results later.

        Parameters
        ----------
        f : callable
            What is called, with one argument from each sequence.
        *args : iterable
            One sequence or more; the shortest ends the map.
        **kwds : object
            ``chunksize`` and the other options of the pool.

        Returns
        -------
        object
            ``get()`` waits for the list of results, ``ready()`` tells whether it is there.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError

    def pipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` once, on any worker, and wait for its value.

        Parameters
        ----------
        f : callable
            What is called.
        *args, **kwds : object
            What it is called with.

        Returns
        -------
        object
            What `f` returns.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError

    def apipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` once, on any worker, and go on at once.

        Parameters
        ----------
        f : callable
            What is called.
        *args, **kwds : object
            What it is called with.

        Returns
        -------
        object
            ``get()`` waits for the value, ``ready()`` tells whether it is there.

        Raises
        ------
        NotImplementedError
            Unless a derived class has its own.
        """
        raise NotImplementedError
