"""What a thread that runs items knows of where it is.

* Which pools it works for, by their tokens, at however many removes: a map that it begins on one of them must not wait
  for itself.
* That it is in a worker at all, where the default pool has the worker's share of the cores and no more.
* Which worker it is, so that maps inside of an item can be told of.
* Which pools came to this process inside of a run's function, to be ended with that run.
"""

from __future__ import annotations

import threading
import weakref

from pathos_nb.typed import Any


class _Here(threading.local):
    pools: frozenset[str] = frozenset()
    worker: Any = None  # of `pathos_nb.launchers.worker`, if this thread is one
    shield: Any = None  # of `pathos_nb.launchers.shield`, where others may raise in this thread


class _Process:
    """What holds for the whole process."""

    def __init__(self) -> None:
        self.is_worker = False
        self.worker: Any = None  # that of all threads of a worker process
        self.blas: Any = None  # of `pathos_nb.launchers.blas`, once workers are threads of this process
        self.travelled: weakref.WeakSet[Any] = weakref.WeakSet()

    def has_travelled(self, place: str) -> bool:
        """Whether a pool came here that was made for that place."""
        return any(place in pool.places for pool in tuple(self.travelled))


here = _Here()
process = _Process()


def is_in_worker() -> bool:
    """Whether this thread runs items of a pool."""
    return process.is_worker or bool(here.pools)


def working() -> Any:
    """Give the worker that this thread is, or belongs to; None if there is none."""
    return here.worker or process.worker


def end_travelled() -> None:
    """End the pools that came with a run's function, now that the run is over."""
    if process.is_worker and len(process.travelled):
        for pool in tuple(process.travelled):
            pool.terminate()
        process.travelled.clear()


def keep_travelled() -> None:
    """Let the pools that have come so far live as long as the worker: they are its initializer's."""
    process.travelled.clear()
