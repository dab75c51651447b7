"""What the items of a run are called with, as short texts, for who points at one: asked of the input while it is there.

The input is the user's, and so is the ``repr`` of what is in it, which may take its time: there is so much time for all
texts of a run, and then there are no more.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from pathos_nb.dispatch.called import called_with
from pathos_nb.dispatch.run import Run

__all__ = ["Arguments"]

_TIME_S, _MOST_KNOWN = 0.3, 2_000


class Arguments:
    """The arguments of a run's items, as far as its input can be looked at in any order.

    Parameters
    ----------
    run : Run
        One that begins: it lets its input go at its end.
    """

    def __init__(self, run: Run) -> None:
        source = getattr(run, "source", None)
        self._columns: tuple[Any, ...] = tuple(getattr(source, "columns", ()))
        self._is_star = bool(getattr(source, "star", False))
        self._function = getattr(run, "function", None)
        self._known: dict[int, str] = {}
        self._left_s = _TIME_S

    def text(self, index: int) -> str:
        """Give what an item is called with.

        Parameters
        ----------
        index : int
            Its place.

        Returns
        -------
        str
            Such as ``x=3``; nothing if it is not known, of what comes out of a generator for one.
        """
        if index in self._known or not self._columns or self._left_s <= 0:
            return self._known.get(index, "")
        began = time.thread_time()  # what a busy machine adds does not count
        text = self._look(index)
        self._left_s -= time.thread_time() - began
        if len(self._known) < _MOST_KNOWN:
            self._known[index] = text
        return text

    def _look(self, index: int) -> str:
        try:
            row = self._columns[0][index] if self._is_star else self._row(index)
        except Exception:  # of a sequence of the user's own
            return ""
        return called_with(self._function, row)

    def _row(self, index: int) -> Sequence[Any]:
        """Take a row as the run does, by a slice: a table's index may be anything."""
        return [next(iter(column[index : index + 1])) for column in self._columns]

    def release(self) -> None:
        """Let the input go; what was asked stays known."""
        self._columns, self._function = (), None
