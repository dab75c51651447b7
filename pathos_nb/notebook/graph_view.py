"""A graph of calls in a cell, drawn anew as its calls go on, until the last of them has ended.

::

    display(graph) ─► Follower.show ─► the first picture, under a display id
                          └── one thread for all graphs ─► the next pictures, where something has changed
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any, Protocol

from pathos_nb.dispatch.graph import Graph
from pathos_nb.notebook.outlet import Outlet

__all__ = ["GraphFollower"]

_EVERY_S = 0.25
_MOST = 20  # graphs that are followed at a time: the oldest stays as it is

_log = logging.getLogger(__name__)


class Place(Protocol):
    """Where a picture is."""

    def show(self, bundle: dict[str, str], *, is_new: bool) -> int:
        """Show it, or show it anew."""


class GraphFollower:
    """Shows graphs, and keeps their pictures up to date.

    Parameters
    ----------
    open_place : callable
        Gives where the cell that runs shows things.
    """

    def __init__(self, open_place: Callable[[], Place]) -> None:
        self._open_place = open_place
        self._shown: list[tuple[Graph, Place, dict[str, str]]] = []
        self._lock, self._end = threading.Lock(), threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of_shell(cls, shell: Any) -> GraphFollower:
        """Give one for a kernel's shell."""
        return cls(lambda: Outlet(shell))

    def install(self, shell: Any) -> None:
        """Have graphs shown so when they are displayed."""
        shell.display_formatter.ipython_display_formatter.for_type(Graph, self.show)

    def remove(self, shell: Any) -> None:
        """Have them shown as they show themselves, and draw no more."""
        shell.display_formatter.ipython_display_formatter.pop(Graph, None)
        self._end.set()
        if self._thread is not None:
            self._thread.join(2.0)

    def show(self, graph: Graph) -> None:
        """Show a graph in the cell that runs."""
        place, bundle = self._open_place(), graph._repr_mimebundle_()
        place.show(bundle, is_new=True)
        if graph.is_over:
            return
        with self._lock:
            self._shown = [*self._shown[1 - _MOST :], (graph, place, bundle)]
            if self._thread is None:
                self._thread = threading.Thread(target=self._follow, name="pathos-nb-graphs", daemon=True)
                self._thread.start()

    def _follow(self) -> None:
        while not self._end.wait(_EVERY_S):
            with self._lock:
                shown = self._shown
                if not shown:
                    self._thread = None
                    return
            kept = [each for each in map(self._drawn, shown) if each is not None]
            with self._lock:
                known = {id(each[0]) for each in shown}
                self._shown = kept + [each for each in self._shown if id(each[0]) not in known]

    def _drawn(self, shown: tuple[Graph, Place, dict[str, str]]) -> tuple[Graph, Place, dict[str, str]] | None:
        """Draw a graph anew if it has changed; None once nothing more will."""
        graph, place, before = shown
        is_over = graph.is_over  # asked first: the picture is then the last one
        try:
            bundle = graph._repr_mimebundle_()
            if bundle != before:
                place.show(bundle, is_new=False)
        except Exception:  # who looks on must not stop what is looked at
            _log.debug("a graph could not be drawn", exc_info=True)
            return None
        return None if is_over else (graph, place, bundle)
