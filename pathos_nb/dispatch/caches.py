"""Values that need not be computed again, wherever they lie: in a store of ours, or in an archive of klepto's.

::

    pool.map(f, xs, cache=True) ──► keys of f and of each x ──► there? its value is placed, and nothing is sent
                                                            └─► not there: sent, computed, and put there

The keys are ours: an archive gets them as text of 32 hexadecimal digits.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from pathos_nb.dispatch.keepers import ListKeeper, StreamKeeper
from pathos_nb.dispatch.partial import ChosenRows
from pathos_nb.dispatch.source import ChosenSource, PulledSource, SliceSource, Source
from pathos_nb.dispatch.store.keys import FunctionKey, function_key
from pathos_nb.dispatch.store.resume import path_of
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.values import NotStorable
from pathos_nb.errors import BadOption, Failure
from pathos_nb.events import Event, RunEnded

__all__ = ["ArchiveCache", "Cached", "StoreCache", "as_cache", "cached"]

_MISSING = object()
Pairs = Sequence[tuple[bytes, Any]]


class StoreCache:
    """A cache in a store of ours.

    Parameters
    ----------
    path : Path, optional
        Its file; the user's own by default.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._store = Store(path)

    def get(self, key: bytes) -> Any:
        """Give the value of a key.

        Raises
        ------
        KeyError
            It is not there, or cannot be read any more.
        """
        with self._store.file.reading() as connection:
            row = connection.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        try:
            return self._store.file.values.unpack(row[0])
        except Exception as error:  # a file that is gone, a class that is not here any more: it is computed again
            raise KeyError(key) from error

    def put(self, pairs: Pairs) -> None:
        """Keep values; those that cannot be pickled are left out."""
        packed = [(key, raw, time.time()) for key, value in pairs if (raw := self._packed(key, value)) is not None]
        with self._store.file.writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO entries (key, value, stored) VALUES (?, ?, ?)", packed)

    def _packed(self, key: bytes, value: Any) -> bytes | None:
        try:
            return self._store.file.values.pack(value, f"cache/{key.hex()}")
        except NotStorable:
            return None

    def items(self) -> Iterator[tuple[bytes, Any]]:
        """Give all keys and values that can be read."""
        with self._store.file.reading() as connection:
            keys = [key for (key,) in connection.execute("SELECT key FROM entries")]
        for key in keys:
            value = _get(self, key)
            if value is not _MISSING:
                yield key, value

    def close(self) -> None:
        """Let the file go."""
        self._store.close()


class ArchiveCache:
    """A cache in a mapping: a dict, or an archive of klepto's, in memory or not.

    Parameters
    ----------
    archive : mutable mapping
        Given text as keys. One that is a dict before an archive (klepto's ``cached=True``) is written through.
    """

    def __init__(self, archive: MutableMapping[str, Any]) -> None:
        self._archive = archive
        self._is_before = hasattr(archive, "archive") and hasattr(archive, "dump") and hasattr(archive, "load")
        self._lock = threading.Lock()

    def get(self, key: bytes) -> Any:
        """Give the value of a key.

        Raises
        ------
        KeyError
            It is not there.
        """
        name = key.hex()
        with self._lock:
            if self._is_before and name not in self._archive:
                self._archive.load(name)  # type: ignore[attr-defined]
            return self._archive[name]

    def put(self, pairs: Pairs) -> None:
        """Keep values, all together: a file of klepto's is written anew each time."""
        named = {key.hex(): value for key, value in pairs}
        with self._lock:
            self._archive.update(named)
            if self._is_before:
                self._archive.dump(*named)  # type: ignore[attr-defined]

    def items(self) -> Iterator[tuple[bytes, Any]]:
        """Give all keys of ours, and their values."""
        with self._lock:
            if self._is_before:
                self._archive.load()  # type: ignore[attr-defined]
            found = list(self._archive.items())
        for name, value in found:
            if isinstance(name, str) and len(name) == 32:
                yield bytes.fromhex(name), value

    def close(self) -> None:
        """Nothing: it is the caller's."""


def as_cache(what: Any) -> StoreCache | ArchiveCache:
    """Make a cache of what a caller gives for one.

    Parameters
    ----------
    what : True, str, Path, mutable mapping or cache
        The user's own store; the file of one; an archive.

    Returns
    -------
    StoreCache or ArchiveCache

    Raises
    ------
    BadOption
        It is none of these.
    StoreError
        The store cannot be opened.
    """
    if isinstance(what, StoreCache | ArchiveCache):
        return what
    if what is True:
        return StoreCache()
    if isinstance(what, str | os.PathLike):
        return StoreCache(path_of(os.fspath(what)))
    if isinstance(what, MutableMapping) or (hasattr(what, "__setitem__") and hasattr(what, "update")):
        return ArchiveCache(what)
    raise BadOption(
        f"cache is {what!r}", cure="it may be True, the path of a store, or an archive of klepto's or a dict"
    )


def _get(cache: StoreCache | ArchiveCache, key: bytes) -> Any:
    try:
        return cache.get(key)
    except KeyError:
        return _MISSING


class Lookup:
    """What a map with a cache does: its keys, what was there, and what goes there.

    Parameters
    ----------
    cache : StoreCache or ArchiveCache
        Where to.
    key : FunctionKey
        Of the function.
    is_ours : bool
        Whether the cache is closed with the run.
    """

    def __init__(self, cache: StoreCache | ArchiveCache, key: FunctionKey, is_ours: bool) -> None:
        self._cache, self._key, self._is_ours = cache, key, is_ours
        self._keys: dict[int, bytes] = {}
        self._new: list[tuple[bytes, Any]] = []
        self._lock = threading.Condition()
        self._thread: threading.Thread | None = None
        self._callback: Callable[[], None] | None = None
        self._is_over, self._is_stuck = False, False
        self._progress_s = time.monotonic()
        self.trouble: BaseException | None = None

    def look(self, index: int, row: Sequence[Any]) -> Any:
        """Give the value of an item, or what stands for none, and remember its key."""
        key = self._key.point(row, index)
        value = _get(self._cache, key)
        if value is _MISSING:
            self._keys[index] = key
        return value

    def keep(self, indices: Sequence[int], values: Sequence[Any]) -> None:
        """Have values written, those that are no failures."""
        pairs = [
            (self._keys.pop(index), value)
            for index, value in zip(indices, values, strict=True)
            if index in self._keys and not isinstance(value, Failure)
        ]
        if pairs:
            with self._lock:
                self._new += pairs
                self._begin()

    def _begin(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="pathos-nb-cache", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        while True:
            with self._lock:
                new, self._new = self._new, []
                if not new:
                    self._thread = None
                    callback, self._callback = self._callback, None
                    is_last = self._is_over
                    break
            try:
                self._cache.put(new)
            except Exception as error:  # an archive's own, or the disk's: the map goes on
                self.trouble = error
            self._progress_s = time.monotonic()
            time.sleep(0)
        if is_last:
            self._end()
        if callback is not None:
            callback()

    def _end(self) -> None:
        if self._is_ours:
            self._cache.close()

    # what a run asks of whoever keeps its points

    def takes(self, event: Event) -> bool:
        """Hear an event; none is told later."""
        if isinstance(event, RunEnded):
            with self._lock:
                self._is_over = True
                is_idle = self._thread is None
            if is_idle:
                self._end()
            if self.trouble is not None:
                _warn(self.trouble)
        return False

    def settle(self, callback: Callable[[], None]) -> bool:
        """Say whether all is written."""
        with self._lock:
            if self._thread is None or self._is_stuck:
                return True
            self._callback = callback
            return False

    def is_stuck(self, seconds: float) -> bool:
        """Give up if nothing was written for so long."""
        self._is_stuck = time.monotonic() - self._progress_s > seconds
        if self._is_stuck and self._callback is not None:
            self._callback()
        return self._is_stuck


def _warn(error: BaseException) -> None:
    import logging

    logging.getLogger("pathos_nb").warning("values were not put into the cache: %s: %s", type(error).__name__, error)


class CachedListKeeper(ListKeeper):
    """A list of values that also go into a cache."""

    lookup: Lookup

    def place(self, indices: Sequence[int], values: list[Any], contested: bool = False) -> None:
        """Put values at their indices, and into the cache."""
        super().place(indices, values, contested)
        self.lookup.keep(indices, values)


class CachedStreamKeeper(StreamKeeper):
    """A stream of values that also go into a cache."""

    lookup: Lookup

    def place(self, indices: Sequence[int], values: list[Any], contested: bool = False) -> None:
        """Take values in, and put them into the cache."""
        super().place(indices, values, contested)
        self.lookup.keep(indices, values)


class CachedSource(PulledSource):
    """An iterator of which only those items are sent whose values are not there.

    Parameters
    ----------
    rows : iterator of tuple
        The arguments.
    lookup : Lookup
        Knows what is there.
    total : int, optional
        How many there are, if that is known.
    """

    def __init__(self, rows: Iterator[Any], lookup: Lookup, total: int | None) -> None:
        super().__init__(rows, True, 1, total)
        self._lookup, self._places = lookup, list[int]()

    def _pull_some(self, n: int) -> None:
        before = len(self._pulled)
        super()._pull_some(n)
        new = [self._pulled.pop() for _ in range(len(self._pulled) - before)]
        start = self.n_pulled - len(new)
        for index, row in enumerate(reversed(new), start):
            value = self._lookup.look(index, row)
            if value is _MISSING:
                self._pulled.append(row)
                self._places.append(index)
            else:
                self.hits.append((index, value))

    @property
    def n_taken(self) -> int:
        """Items taken, and those that were there."""
        return self.n_pulled - len(self._pulled)

    def take(self, n: int) -> tuple[Sequence[int], Any]:
        """Give the indices and the items of the next `n` that are ready."""
        n = min(n, len(self._pulled))
        indices, self._places = self._places[:n], self._places[n:]
        return indices, [self._pulled.popleft() for _ in range(n)]


def prepare(cache: Any, call: tuple[Any, Mapping[str, Any], Any], source: Source) -> tuple[Lookup, Source]:
    """Find what of a map is there already.

    Parameters
    ----------
    cache : object
        What the caller gave for one.
    call : tuple
        The function, its fixed keywords, the seed.
    source : Source
        The input, not begun.

    Returns
    -------
    tuple of Lookup and Source
        What hears the run, and the input that is left, with what is there.

    Raises
    ------
    CannotKey, BadOption, StoreError
        There can be no cache.
    """
    function, kwargs, seed = call
    key = function_key(function, kwargs, seed=seed)
    made = as_cache(cache)
    lookup = Lookup(made, key, made is not cache)
    if not isinstance(source, SliceSource):
        rows = source.rows()
        return lookup, CachedSource(rows, lookup, source.total)
    items = source.all_rows()
    looked = [(index, lookup.look(index, row)) for index, row in enumerate(items)]
    hits = [(index, value) for index, value in looked if value is not _MISSING]
    missing = [index for index, value in looked if value is _MISSING]
    chosen = ChosenSource(ChosenRows(items, missing))
    chosen.hits = hits
    return lookup, chosen


def keeper_for(kept: ListKeeper | StreamKeeper, lookup: Lookup) -> ListKeeper | StreamKeeper:
    """Give a keeper like one, whose values go into the cache as well.

    Parameters
    ----------
    kept : ListKeeper or StreamKeeper
        What the map would have.
    lookup : Lookup
        The cache's.

    Returns
    -------
    ListKeeper or StreamKeeper
    """
    made: CachedListKeeper | CachedStreamKeeper
    if isinstance(kept, ListKeeper):
        made = CachedListKeeper(len(kept.values))
    else:
        made = CachedStreamKeeper(kept.ordered)
    made.lookup = lookup
    return made


class Cached:
    """A function whose values are kept, as `cached` makes it.

    In a map, `pool.map(f, xs)`, only what is not there is sent to workers. In a worker it is the bare function.

    Parameters
    ----------
    function : callable
        What is called.
    cache : StoreCache or ArchiveCache
        Where its values lie.
    """

    def __init__(self, function: Callable[..., Any], cache: StoreCache | ArchiveCache) -> None:
        self.__wrapped__, self.cache = function, cache
        self.__doc__, self.__name__ = function.__doc__, getattr(function, "__name__", "function")
        self.__module__, self.__qualname__ = function.__module__, getattr(function, "__qualname__", self.__name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Give the value for these arguments, computed only if it is not there."""
        key = function_key(self.__wrapped__, kwargs).point(args)
        found = _get(self.cache, key)
        if found is _MISSING:
            found = self.__wrapped__(*args, **kwargs)
            self.cache.put([(key, found)])
        return found

    def copy_to(self, archive: MutableMapping[str, Any]) -> int:
        """Copy all values of the cache into an archive, and say how many.

        Parameters
        ----------
        archive : mutable mapping
            A dict, or an archive of klepto's.

        Returns
        -------
        int
        """
        pairs = list(self.cache.items())
        ArchiveCache(archive).put(pairs)
        return len(pairs)

    def copy_from(self, archive: MutableMapping[str, Any]) -> int:
        """Copy the values of an archive that `copy_to` has filled into the cache, and say how many.

        Parameters
        ----------
        archive : mutable mapping
            A dict, or an archive of klepto's.

        Returns
        -------
        int
        """
        pairs = list(ArchiveCache(archive).items())
        self.cache.put(pairs)
        return len(pairs)

    def __reduce__(self) -> tuple[Any, ...]:
        return _bare, (self.__wrapped__,)

    def __repr__(self) -> str:
        return f"<cached {self.__qualname__}>"


def bare(function: Any, cache: Any) -> tuple[Any, Any]:
    """Give the function that is sent, and its cache.

    Parameters
    ----------
    function : callable
        Maybe one that `cached` has made.
    cache : object
        What the map was given; without it the function's own is used.

    Returns
    -------
    tuple
    """
    if isinstance(function, Cached):
        return function.__wrapped__, function.cache if cache is None or cache is False else cache
    return function, cache


def _bare(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def cached(function: Any = None, *, cache: Any = True) -> Any:
    """Keep the values of a function on disk, from kernel to kernel.

    Parameters
    ----------
    function : callable
        What is decorated.
    cache : True, str, Path or mutable mapping
        The user's own store; the file of one; a dict or an archive of klepto's.

    Returns
    -------
    Cached
        Called as the function; ``pool.map`` sends only what is not there.

    Raises
    ------
    BadOption, StoreError
        There can be no cache there.

    Notes
    -----
    A value is known by the function's code, by the helpers, globals and captured values that it uses, as they are at
    the call, and by its arguments; a change of any of these computes anew. Finding it takes about a millisecond.

    Examples
    --------
    >>> seen = {}
    >>> @cached(cache=seen)
    ... def square(x):
    ...     return x * x
    >>> square(3), square(3), len(seen)
    (9, 9, 1)
    """
    if function is None:
        return lambda function: cached(function, cache=cache)
    if isinstance(function, str | os.PathLike | bool):
        raise BadOption("cached() decorates a function", cure="write @cached(cache=...)")
    if not callable(function):
        raise TypeError(f"{function!r} is not callable")
    return Cached(function, as_cache(cache))
