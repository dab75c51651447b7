"""Where items come from: sliced where the input can be sliced, else pulled by the thread that owns the map.

Only the caller's own thread ever runs the input's code, so a generator runs where it would have run in a serial loop,
and an interrupt finds it there.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from pathos_nb.dispatch.partial import ChosenRows
from pathos_nb.errors import BadOption
from pathos_nb.typed import Any

_PULL_S = 2e-3
_LIGHT = {int, float, complex, bool, str, bytes, type(None)}
_LIGHT_BYTES, _MOST_FIELDS, _N_LOOKED_AT = 32, 8, 16

Taken = tuple[Sequence[int], Any]


class SliceSource:
    """Columns that can be sliced: lists, tuples, ranges, arrays.

    Parameters
    ----------
    columns : tuple of sequence
        One for each argument; cut to the shortest. With `star`, one, of argument tuples.
    star : bool
        Whether an item is a tuple of arguments.
    """

    comes_late = False  # whether items get ready by themselves, and not only by being pulled
    is_shared = False  # whether several threads wait for what is pulled

    def __init__(self, columns: tuple[Any, ...], star: bool) -> None:
        self.columns, self.star = columns, star
        self.hits: list[tuple[int, Any]] = []
        self.total: int | None = min(map(len, columns))
        self._next = 0
        self.error: BaseException | None = None

    @property
    def n_taken(self) -> int:
        """Items taken."""
        return self._next

    @property
    def left(self) -> int:
        """Items not yet taken."""
        return (self.total or 0) - self._next

    ready = left  # all of them can be taken now

    @property
    def is_exhausted(self) -> bool:
        """Whether all are taken."""
        return not self.left

    def is_light(self) -> bool:
        """Whether items are numbers or short texts, judged by some of them: many may go unmeasured."""
        return all(map(_is_light, self.columns))

    def take(self, n: int) -> Taken:
        """Give the indices and the items of the next `n`."""
        start, stop = self._next, min(self._next + n, self.total or 0)
        self._next = stop
        parts = [column[start:stop] for column in self.columns]
        return range(start, stop), parts[0] if self.star else tuple(parts)

    def pull(self, n_ready: int) -> None:
        """Nothing to pull: all is there."""

    def is_being_pulled(self) -> bool:
        """Whether another thread is at it: never."""
        return False

    def take_hits(self) -> list[tuple[int, Any]]:
        """Give what was there already, with the places; it is the caller's then."""
        hits, self.hits = self.hits, []
        return hits

    def rows(self) -> Iterator[Any]:
        """Give all items as argument tuples, one after the other."""
        return iter(self.columns[0]) if self.star else zip(*self.columns, strict=False)

    def know_all(self) -> None:
        """Nothing to do: all are known."""

    def end(self) -> None:
        """Give no more, and let the input go."""
        self._next = self.total or 0
        self.columns = ()


class ChosenSource(SliceSource):
    """Some of the argument tuples of a sequence, each with its place among all.

    Parameters
    ----------
    chosen : ChosenRows
        All of them, and which.
    """

    def __init__(self, chosen: ChosenRows) -> None:
        super().__init__((chosen.rows,), True)
        self._chosen = chosen.chosen

    @property
    def left(self) -> int:
        """Items not yet taken."""
        return len(self._chosen) - self._next

    ready = left

    def take(self, n: int) -> Taken:
        """Give the indices and the items of the next `n`."""
        indices = self._chosen[self._next : self._next + n]
        self._next += len(indices)
        if len(indices) and indices[-1] - indices[0] == len(indices) - 1:
            indices = range(indices[0], indices[-1] + 1)  # they stay on the record: 48 bytes, however many
        (rows,) = self.columns
        return indices, [rows[index] for index in indices]

    def end(self) -> None:
        """Give no more, and let the input go."""
        self._next, self.columns = len(self._chosen), ()


class PulledSource:
    """An iterator that only its owner advances.

    Parameters
    ----------
    iterator : iterator
        Of items; of argument tuples with `star` or several columns.
    star : bool
        Whether an item is a tuple of arguments.
    width : int
        How many columns there are.
    total : int, optional
        The length, if the input tells it.
    """

    comes_late = is_shared = False

    def __init__(self, iterator: Iterator[Any], star: bool, width: int, total: int | None) -> None:
        self._turn, self._puller = threading.Lock(), 0  # of threads that wait for one run, one advances it at a time
        self._iterator, self.star, self.width, self.total = iterator, star, width, total
        self._pulled: deque[Any] = deque()
        self.hits: list[tuple[int, Any]] = []  # items whose values are there already
        self._next, self.n_pulled = 0, 0
        self._ended = False
        self.error: BaseException | None = None

    @property
    def n_taken(self) -> int:
        """Items taken."""
        return self._next

    @property
    def left(self) -> int | None:
        """Items not yet taken, None if that is not known."""
        if self._ended:
            return len(self._pulled)
        return None

    @property
    def ready(self) -> int:
        """Items that can be taken now."""
        return len(self._pulled)

    @property
    def is_exhausted(self) -> bool:
        """Whether all are taken."""
        return self._ended and not self._pulled

    def take_hits(self) -> list[tuple[int, Any]]:
        """Give nothing: what comes one by one is looked up by nobody."""
        return []

    def rows(self) -> Iterator[Any]:
        """Give the iterator as one of argument tuples."""
        return self._iterator if self.star or self.width > 1 else ((item,) for item in self._iterator)

    def is_light(self) -> bool:
        """Whether many may go unmeasured: not where they come one by one."""
        return False

    def pull(self, n_ready: int) -> None:
        """Advance the iterator until so many are ready, or it has taken a while.

        Parameters
        ----------
        n_ready : int
            How many should be ready.

        Notes
        -----
        What the input raises is kept in `error`, and ends it; only KeyboardInterrupt is raised. Others may take items
        meanwhile: so the new ones are counted apart. Where another thread is at it, nothing is done.
        """
        me = threading.get_ident()
        if self._puller == me:  # the input waits for its own map, and hears of it as in any loop
            self._advance(n_ready)
        elif not self._turn.acquire(blocking=False):
            self.is_shared = True
        else:
            try:
                self._puller = me
                self._advance(n_ready)
            finally:
                self._puller = 0
                self._turn.release()

    def is_being_pulled(self) -> bool:
        """Whether another thread is at it; that one then sees `is_shared`, and says when it is done."""
        mine = (0, threading.get_ident())
        if self._puller in mine:
            return False
        self.is_shared = True
        return self._puller not in mine  # looked at again: it may have ended before it could see that

    def _advance(self, n_ready: int) -> None:
        step, began = 1, time.perf_counter()
        while (missing := n_ready - len(self._pulled)) > 0 and not self._ended:
            self._pull_some(min(step, missing))
            step *= 2
            if time.perf_counter() - began > _PULL_S:
                return

    def _pull_some(self, n: int) -> None:
        new: list[Any] = []
        try:
            new.extend(islice(self._iterator, n))
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.error = error
        finally:
            self._take_in(new)
        if len(new) < n:
            self._end()

    def _take_in(self, new: list[Any]) -> None:
        """Have items that were pulled ready."""
        self.n_pulled += len(new)
        self._pulled.extend(new)

    def take(self, n: int) -> Taken:
        """Give the indices and the items of the next `n` that are ready."""
        pop, n = self._pulled.popleft, min(n, len(self._pulled))
        rows = [pop() for _ in range(n)]
        start = self._next
        self._next += n
        if self.star:
            return range(start, self._next), rows
        return range(start, self._next), (rows,) if self.width == 1 else tuple(map(list, zip(*rows, strict=True)))

    def _end(self) -> None:
        self._ended = True
        self.total = self.n_pulled
        self._iterator = iter(())

    def know_all(self) -> None:
        """Pull all items, where that runs nobody's code."""

    def end(self) -> None:
        """Give no more, and let the input go."""
        self._pulled.clear()
        self._ended = True
        self._iterator = iter(())


Source = SliceSource | PulledSource


def make_source(sequences: tuple[Iterable[Any], ...], star: bool) -> Source:
    """Find out how the input can be read.

    Parameters
    ----------
    sequences : tuple of iterable
        One for each argument; with `star`, one iterable of argument tuples.
    star : bool
        Whether an item is a tuple of arguments.

    Returns
    -------
    SliceSource or PulledSource

    Raises
    ------
    BadOption
        There is no sequence.
    TypeError
        One is not iterable.
    """
    if not sequences:
        raise BadOption("a map needs something to map over", cure="give a sequence after the function")
    if isinstance(sequences[0], ChosenRows):
        return ChosenSource(sequences[0])
    if all(map(_can_slice, sequences)):
        return SliceSource(sequences, star)
    iterators = [iter(sequence) for sequence in sequences]
    width = len(iterators)
    rows: Iterator[Any] = iterators[0] if width == 1 else zip(*iterators, strict=False)
    return PulledSource(rows, star, width, _length(sequences))


def _can_slice(sequence: Any) -> bool:
    if type(sequence) in (list, tuple, range):
        return True
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(sequence) is numpy.ndarray and sequence.ndim > 0


def _is_light(column: Any) -> bool:
    if isinstance(column, range):
        return True
    if isinstance(column, list | tuple):
        return all(map(_is_small, column[:: max(1, len(column) // _N_LOOKED_AT)]))
    return bool(getattr(column, "nbytes", sys.maxsize) <= _LIGHT_BYTES * len(column))  # an array travels as one


def _is_small(item: Any) -> bool:
    if type(item) is tuple:
        return len(item) <= _MOST_FIELDS and all(map(_is_small, item))
    return type(item) in _LIGHT and (not hasattr(item, "__len__") or len(item) <= _LIGHT_BYTES)


def _length(sequences: tuple[Any, ...]) -> int | None:
    try:
        return min(map(len, sequences))
    except Exception:  # no length, or one that raises: it is only a hint
        return None
