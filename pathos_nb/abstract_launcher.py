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
        """Give the workers, started if need be; a derived class says how."""
        raise NotImplementedError

    def clear(self) -> None:
        """End the workers and forget them; a derived class says how."""
        raise NotImplementedError

    def map(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item and give the list of results, in order; a derived class says how."""
        raise NotImplementedError

    def imap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item and give an iterator of results, in order; a derived class says how."""
        raise NotImplementedError

    def uimap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item and give an iterator of results as they finish; a derived class says how."""
        raise NotImplementedError

    def amap(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` for each item and give an object to ask for the list later; a derived class says how."""
        raise NotImplementedError

    def pipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` once, on any worker, and give its value; a derived class says how."""
        raise NotImplementedError

    def apipe(self, f: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Call `f` once, on any worker, and give an object to ask for its value later; a derived class says how."""
        raise NotImplementedError
