"""What dask knows of a pool: a task for each of its workers that is busy, so that dask counts it as it counts its own.

Such a task does nothing, takes one of the threads of dask's worker, and is there as long as the pool's worker beside
it has work. So dask shows it, gives others' tasks the threads that are free, does not take the worker away, and an
adaptive cluster grows. What is over in half a second needs no such task. Where more workers are wanted than there are
threads, tasks that may run anywhere wait for them.
"""

from __future__ import annotations

import itertools
from typing import Any, Protocol

from pathos_nb.launchers.dask_station import stand

__all__ = ["Demand", "Presence"]

_LINGERS = 2
_MOST_WANTED = 256


class Stationed(Protocol):
    """A line to a station."""

    client: Any
    address: str
    key: str

    @property
    def n_at_work(self) -> int:
        """How many of its workers are at work."""

    async def ask(self, function: str, *args: Any) -> Any:
        """Call a method of the station."""


class Presence:
    """The tasks that stand for the busy workers of one station.

    Parameters
    ----------
    line : Stationed
        The line to it.
    """

    def __init__(self, line: Stationed) -> None:
        self._line, self._numbers = line, itertools.count(1)
        self._standing: dict[str, Any] = {}
        self._n_before, self._n_idle = 0, 0

    async def look(self) -> None:
        """Have as many as there are busy workers; called twice a second."""
        n, n_before = self._line.n_at_work, self._n_before
        self._n_before = n
        self._n_idle = self._n_idle + 1 if n < len(self._standing) else 0
        missing = min(n, n_before) - len(self._standing)
        if missing > 0:
            names = [f"pathos_nb-work-{self._line.key}-{next(self._numbers)}" for _ in range(missing)]
            await self._line.ask("stand", [*self._standing, *names])
            self._standing.update((name, self._submit(name)) for name in names)
        elif self._n_idle >= _LINGERS:
            for name in list(self._standing)[n:]:
                del self._standing[name]
            await self._line.ask("stand", list(self._standing))

    def _submit(self, name: str) -> Any:
        options = {"workers": [self._line.address], "allow_other_workers": False, "pure": False}
        return self._line.client.submit(stand, self._line.key, name, key=name, **options)

    def end(self) -> None:
        """Let go of all of them."""
        self._standing.clear()


class Demand:
    """The tasks that wait for workers which dask does not have yet.

    Parameters
    ----------
    client : Client
        Of dask's.
    token : str
        The pool's.
    """

    def __init__(self, client: Any, token: str) -> None:
        self._client, self._token, self._numbers = client, token, itertools.count(1)
        self._waiting: list[Any] = []

    def want(self, n: int) -> None:
        """Have so many tasks wait; none ends those that do."""
        self._waiting = [future for future in self._waiting if not future.done()][:n]
        for _ in range(min(n, _MOST_WANTED) - len(self._waiting)):
            key = f"pathos_nb-wanted-{self._token}-{next(self._numbers)}"
            # None of ours: it may come to any worker, also to one that has not got our code, or another version.
            self._waiting.append(self._client.submit(int, key=key, pure=False))
