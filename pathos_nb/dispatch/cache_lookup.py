"""A map with a cache: what is there is placed, what is not is sent, and what comes is put there."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pathos_nb.dispatch.cache_keys import CallKeys
from pathos_nb.dispatch.cached import bare
from pathos_nb.dispatch.caches import MISSING, ArchiveCache, StoreCache, as_cache, look_up
from pathos_nb.dispatch.deliveries import CallbackKeeper
from pathos_nb.dispatch.keepers import Keeper, ListKeeper, StreamKeeper
from pathos_nb.dispatch.partial import ChosenRows
from pathos_nb.dispatch.source import ChosenSource, PulledSource, SliceSource, Source
from pathos_nb.errors import Failure
from pathos_nb.events import Event, RunEnded

__all__ = ["CachedSource", "Lookup", "bare", "keeper_for", "prepare"]


class Lookup:
    """What a map with a cache does: its keys, what was there, and what goes there.

    Parameters
    ----------
    cache : StoreCache or ArchiveCache
        Where to.
    keys : CallKeys
        Of the function.
    is_ours : bool
        Whether the cache is closed with the run.
    """

    def __init__(self, cache: StoreCache | ArchiveCache, keys: CallKeys, is_ours: bool) -> None:
        self._cache, self._calls, self._is_ours = cache, keys, is_ours
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
        key = self._calls.key(row, index)
        value = look_up(self._cache, key)
        if value is MISSING:
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
        while new := self._next():
            try:
                self._cache.put(new)
            except Exception as error:  # an archive's own, or the disk's: the map goes on
                self.trouble = error
            self._progress_s = time.monotonic()

    def _next(self) -> list[tuple[bytes, Any]]:
        """Give what is to be written; nothing, and this thread is done."""
        with self._lock:
            new, self._new = self._new, []
            if new:
                return new
            self._thread = None
            callback, self._callback = self._callback, None
            is_last = self._is_over
        if is_last:
            self._end()
        if callback is not None:
            callback()
        return []

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

    ::

        one pulls ── _fresh ── looked up ──► _pulled, each with its index ──► taken by whoever feeds workers
                                       └──► hits                              meanwhile, in another thread

    Parameters
    ----------
    rows : iterator of tuple
        The arguments.
    lookup : Lookup
        Knows what is there.
    total : int, optional
        How many there are, if that is known.
    is_known : bool
        Whether all of them are there already, in a sequence, and nobody's code runs to get the next one.
    """

    def __init__(self, rows: Iterator[Any], lookup: Lookup, total: int | None, *, is_known: bool = False) -> None:
        super().__init__(rows, True, 1, total)
        self._lookup, self._is_known = lookup, is_known
        self._fresh, self._n_looked_up = deque[Any](), 0
        self._pulling, self._sorting = threading.Lock(), threading.Lock()

    def know_all(self) -> None:
        """Look all of them up at once: nobody will pull them any more."""
        while self._is_known and not self._ended:
            self._pull_some(1 << 12)

    def _pull_some(self, n: int) -> None:
        with self._pulling:
            try:
                super()._pull_some(n)
            finally:
                self._look_up()

    def _take_in(self, new: list[Any]) -> None:
        """Put items that were pulled aside; nobody takes them before they were looked up."""
        self.n_pulled += len(new)
        self._fresh.extend(new)

    def _look_up(self) -> None:
        while True:
            with self._sorting:
                if not self._fresh:  # looked up, or cleared by the end of the run
                    return
                row, index = self._fresh[0], self._n_looked_up
            value = self._lookup.look(index, row)
            with self._sorting:
                if value is MISSING:
                    self._pulled.append((index, row))
                else:
                    self.hits.append((index, value))
                self._n_looked_up += 1
                if self._fresh:  # the end of the run may have cleared it
                    self._fresh.popleft()

    @property
    def left(self) -> int | None:
        """Items not yet taken, None if that is not known."""
        return len(self._pulled) + len(self._fresh) if self._ended else None

    @property
    def is_exhausted(self) -> bool:
        """Whether all are taken, and all that were there."""
        with self._sorting:
            return self._ended and not (self._fresh or self._pulled or self.hits)

    @property
    def n_taken(self) -> int:
        """Items taken, and those that were there."""
        return self.n_pulled - len(self._pulled) - len(self._fresh)

    def take(self, n: int) -> tuple[Sequence[int], Any]:
        """Give the indices and the items of the next `n` that are ready."""
        with self._sorting:
            taken = [self._pulled.popleft() for _ in range(min(n, len(self._pulled)))]
        return [index for index, _ in taken], [row for _, row in taken]

    def take_hits(self) -> list[tuple[int, Any]]:
        """Give what was found since, with the places; it is the caller's then."""
        with self._sorting:
            hits, self.hits = self.hits, []
        return hits

    def end(self) -> None:
        """Give no more, and let the input go."""
        with self._sorting:
            self._fresh.clear()
            self.hits.clear()
            super().end()


class CachedCallbackKeeper(CallbackKeeper):
    """A callback whose values also go into a cache."""

    lookup: Lookup

    def place(self, indices: Sequence[int], values: list[Any], contested: bool = False) -> None:
        """Hand values over, and put them into the cache."""
        super().place(indices, values, contested)
        self.lookup.keep(indices, values)


def prepare(
    cache: Any, call: tuple[Any, Mapping[str, Any], Any], source: Source, *, is_stream: bool = False
) -> tuple[Lookup, Source]:
    """Find what of a map is there already.

    Parameters
    ----------
    cache : object
        What the caller gave for one.
    call : tuple
        The function, its fixed keywords, the seed.
    source : Source
        The input, not begun.
    is_stream : bool
        Whether values are taken one by one: then they are looked up as far as they are wanted, not all at once.

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
    keys = CallKeys(function, kwargs, seed)
    made = as_cache(cache)
    lookup = Lookup(made, keys, made is not cache)
    if not isinstance(source, SliceSource):
        rows = source.rows()
        return lookup, CachedSource(rows, lookup, source.total)
    if is_stream:
        return lookup, CachedSource(source.rows(), lookup, source.total, is_known=True)
    items = list(source.rows())
    looked = [(index, lookup.look(index, row)) for index, row in enumerate(items)]
    hits = [(index, value) for index, value in looked if value is not MISSING]
    missing = [index for index, value in looked if value is MISSING]
    chosen = ChosenSource(ChosenRows(items, missing))
    chosen.hits = hits
    return lookup, chosen


def keeper_for(kept: Keeper, lookup: Lookup) -> Keeper:
    """Give a keeper like one, whose values go into the cache as well.

    Parameters
    ----------
    kept : ListKeeper, StreamKeeper or CallbackKeeper
        What the map would have.
    lookup : Lookup
        The cache's.

    Returns
    -------
    ListKeeper, StreamKeeper or CallbackKeeper
    """
    made: CachedListKeeper | CachedStreamKeeper | CachedCallbackKeeper
    if isinstance(kept, StreamKeeper):
        made = CachedStreamKeeper(kept.ordered)
    elif isinstance(kept, CallbackKeeper):
        made = CachedCallbackKeeper(kept.deliver, kept.deliveries)
    else:
        made = CachedListKeeper(len(kept.values))
    made.lookup = lookup
    return made
