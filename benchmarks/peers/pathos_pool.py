"""pathos' own ProcessPool."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class PathosPool(Peer):
    """`pathos.pools.ProcessPool`."""

    name = "pathos"
    distribution = "pathos"

    def open(self) -> None:
        from pathos.pools import ProcessPool

        self.pool = ProcessPool(nodes=self.n_workers)

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        options = {} if chunksize is None else {"chunksize": chunksize}
        return self.pool.map(function, items, **options)

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.pool.pipe(function, argument)

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        return self.pool.imap(function, items)

    def close(self) -> None:
        self.pool.terminate()
        self.pool.join()
        self.pool.clear()


PEER = PathosPool
