"""The standard library's multiprocessing.Pool."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class MultiprocessingPool(Peer):
    """`multiprocessing.Pool`, its default start method."""

    name = "multiprocessing"
    can_send_closures = False

    def open(self) -> None:
        self.pool = multiprocessing.Pool(self.n_workers)

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        return self.pool.map(function, items, chunksize=chunksize)

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.pool.apply(function, (argument,))

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        return self.pool.imap(function, items)

    def close(self) -> None:
        self.pool.terminate()
        self.pool.join()


PEER = MultiprocessingPool
