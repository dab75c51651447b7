"""Runs that nobody wanted to see: of each a view can be made later, from its own record, while its result is there.

Nothing is held or done for them before somebody asks.
"""

from __future__ import annotations

import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from pathos_nb.dispatch.run import Run
from pathos_nb.events import ChunkDone, InnerTold, WorkerDown
from pathos_nb.notebook.watch import Watch, call_item

__all__ = ["LateWatch", "Unseen"]

_N_ON_THE_WAY = 16  # chunks that are on the record and not told yet; there is one a thread at most


class LateWatch(Watch):
    """A watch that begins in the middle of a run: what was before is read from its record, and nothing twice."""

    _told: list[ChunkDone | WorkerDown | InnerTold] | None
    _read: list[ChunkDone]

    def __init__(self, run: Run, now: float, cap: int) -> None:
        super().__init__(run, now, cap)
        self._told, self._read = [], []

    def take(self, news: ChunkDone | WorkerDown | InnerTold) -> None:
        """Note what is new, unless it was read."""
        with self.lock:
            if any(news is chunk for chunk in self._read):
                return
            if self._told is not None:
                self._told.append(news)
            super().take(news)

    def read(self) -> None:
        """Take what was before; to be called once, when the news come already."""
        with self.lock:
            told, latest = self._told or [], deque[ChunkDone](maxlen=_N_ON_THE_WAY)
            for chunk in self.run.chunks:
                latest.append(chunk)
                if not any(chunk is each for each in told):
                    super().take(chunk)
            self._told, self._read = None, list(latest)


@dataclass(slots=True)
class _Names:
    """What the items of a run are called; held weakly, since who knows it has the values too."""

    label: Callable[[], Callable[[int], str] | None]
    names: tuple[str, ...]


class Unseen:
    """Remembers runs without holding them."""

    def __init__(self) -> None:
        self._runs: weakref.WeakValueDictionary[str, Run] = weakref.WeakValueDictionary()
        self._names: dict[str, _Names] = {}

    def note(self, run: Run) -> None:
        """Remember a run that is not shown.

        Parameters
        ----------
        run : Run
            As it begins.
        """
        self._runs[run.run_id] = run

    def name(self, run_id: str, label: Callable[[int], str], names: tuple[str, ...]) -> None:
        """Note what the items of a run are called.

        Parameters
        ----------
        run_id : str
            One that was noted; another one does no harm.
        label : callable
            A bound method.
        names : tuple of str
            The parameters.
        """
        if run_id in self._runs and hasattr(label, "__self__"):
            self._names = {key: value for key, value in self._names.items() if key in self._runs}
            self._names[run_id] = _Names(weakref.WeakMethod(label), names)

    def watch(self, run_id: str, now: float, cap: int) -> LateWatch | None:
        """Give a watch of a run, which has not read its record yet.

        Parameters
        ----------
        run_id : str
            Which one.
        now : float
            The time, by the clock that the watch will be given.
        cap : int
            Characters of output to keep.

        Returns
        -------
        LateWatch or None
            None if it is not known, or nobody has its result any more.
        """
        run = self._runs.get(run_id)
        if run is None:
            return None
        watch = LateWatch(run, now, cap)
        if (names := self._names.get(run_id)) is not None:
            watch.label, watch.names = names.label() or call_item, names.names
        return watch
