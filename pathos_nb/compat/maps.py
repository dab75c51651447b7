"""``pathos.maps``: maps as objects, which make their pool when they are called and end it when they are dropped.

Each takes the class of a pool, a pathos one or a raw one, and what the pool is to be made with. Without a pool, `Map`,
`Smap`, `Imap` and `Ismap` are the builtin ``map`` and ``itertools.starmap``; the others have no serial kin.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable
from typing import Any, ClassVar

from pathos_nb.served_pool import StarCall

__all__ = ["Amap", "Asmap", "Imap", "Ismap", "Map", "Smap", "Uimap"]


class Map:
    """A blocking map that gives a list.

    Parameters
    ----------
    pool : class, optional
        The pool to make at each call; the builtin ``map`` without it.
    *args, **kwds : object
        What the pool is made with, and three settings of this object. ``close``: the pool takes no more work after the
        call; ``join``: the call also waits for its workers to end; ``clear``: a shared pool is forgotten as well. Each
        means those before it; all are False by default.

    Notes
    -----
    A shared pool (`pathos_nb.pools`) that was closed stays so until ``clear`` is called; of a raw pool there is a new
    one at each call.
    """

    _methods: ClassVar[tuple[str, ...]] = ("map",)  # by whichever of these names the pool has
    _star_method: ClassVar[str] = ""  # else by this, with rows of arguments

    def __init__(self, pool: Any = None, *args: Any, **kwds: Any) -> None:
        self._clear = kwds.pop("clear", False)
        self._join = kwds.pop("join", self._clear)
        self._close = kwds.pop("close", self._join)
        self.pool = None if pool is map else pool
        self.args, self.kwds = args, kwds
        self._pool: Any = None

    def __call__(self, func: Callable[..., Any], *args: Any, **kwds: Any) -> Any:
        """Make the pool and map a function.

        Parameters
        ----------
        func : callable
            The function.
        *args : iterable
            One sequence or more, or one of rows for the star maps.
        **kwds : object
            The options of the pool's map.

        Returns
        -------
        object
            What the pool's map gives; NotImplemented if there is no such map.
        """
        if self.pool is None:
            return self._without_pool(func, *args)
        # Kept in a local name: other threads may call this object meanwhile.
        self._pool = pool = self.pool(*self.args, **self.kwds)
        result = self._mapped(pool, func, args, kwds)
        if not hasattr(pool, "clear"):
            pool.close()  # a raw pool serves this one call: let its workers end after it
        for wanted, end in ((self._close, self.close), (self._join, self.join), (self._clear, self.clear)):
            if wanted:
                end()
        return result

    def _mapped(self, pool: Any, func: Callable[..., Any], args: tuple[Any, ...], kwds: dict[str, Any]) -> Any:
        for name in self._methods:
            if hasattr(pool, name):
                return getattr(pool, name)(func, *args, **kwds)
        if self._star_method:
            return getattr(pool, self._star_method)(StarCall(func), *args, **kwds)
        return NotImplemented

    def _without_pool(self, func: Callable[..., Any], *args: Any) -> Any:
        return list(map(func, *args))

    def close(self) -> None:
        """Let the pool take no more work."""
        if self._pool is not None:
            self._pool.close()

    def join(self) -> None:
        """Wait until the workers of a closed pool have ended.

        Raises
        ------
        ValueError
            If it has not been closed.
        """
        if self._pool is not None:
            self._pool.join()

    def clear(self) -> None:
        """Forget a shared pool, so that the next call starts a new one."""
        if hasattr(self._pool, "clear"):
            self._pool.clear()

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be half gone, and nobody could be told
            self.close()
            self.join()
            self.clear()


class Smap(Map):
    """A blocking map over rows of arguments that gives a list; see `Map`."""

    _methods = ("smap", "starmap")
    _star_method = "map"

    def _without_pool(self, func: Callable[..., Any], *args: Any) -> Any:
        return list(itertools.starmap(func, *args))


class Imap(Map):
    """A lazy map, in order; see `Map`."""

    _methods = ("imap",)

    def _without_pool(self, func: Callable[..., Any], *args: Any) -> Any:
        return map(func, *args)


class Ismap(Map):
    """A lazy map over rows of arguments, in order; see `Map`."""

    _methods = ("ismap",)
    _star_method = "imap"

    def _without_pool(self, func: Callable[..., Any], *args: Any) -> Any:
        return itertools.starmap(func, *args)


class Amap(Map):
    """A map that gives an object to ask for the list later; see `Map`."""

    _methods = ("amap", "map_async")

    def _without_pool(self, func: Callable[..., Any], *args: Any) -> Any:
        return NotImplemented


class Asmap(Amap):
    """A map over rows of arguments that gives an object to ask for the list later; see `Map`."""

    _methods = ("asmap", "starmap_async")
    _star_method = "amap"


class Uimap(Amap):
    """A lazy map, as they finish; see `Map`."""

    _methods = ("uimap", "imap_unordered")
