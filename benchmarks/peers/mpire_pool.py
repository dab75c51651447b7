"""mpire.WorkerPool: by default it starts its workers anew for each map; tuned, it keeps them.

It spreads an item that can be iterated over several parameters, so such items are wrapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class MpirePool(Peer):
    """`mpire.WorkerPool`, with ``keep_alive`` where it is tuned."""

    name = "mpire"
    distribution = "mpire"
    can_send_closures = False

    def open(self) -> None:
        from mpire import WorkerPool

        self.plain = WorkerPool(n_jobs=self.n_workers)
        self.kept = WorkerPool(n_jobs=self.n_workers, keep_alive=True)

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        if hasattr(items[0], "__iter__"):
            items = [(item,) for item in items]
        if chunksize is None:
            return self.plain.map(function, items)
        return self.kept.map(function, items, chunk_size=chunksize)

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.kept.apply(function, (argument,))

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        return self.plain.imap(function, items)

    def close(self) -> None:
        self.plain.terminate()
        self.kept.terminate()


PEER = MpirePool
