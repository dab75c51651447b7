"""The standard library's concurrent.futures.ProcessPoolExecutor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from benchmarks.peers.base import Peer


class FuturesExecutor(Peer):
    """`ProcessPoolExecutor`; its default chunk is one item."""

    name = "futures"
    can_send_closures = False

    def open(self) -> None:
        self.executor = ProcessPoolExecutor(self.n_workers)

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        return list(self.executor.map(function, items, chunksize=chunksize or 1))

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.executor.submit(function, argument).result()

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        return self.executor.map(function, items)

    def close(self) -> None:
        self.executor.shutdown(wait=True, cancel_futures=True)


PEER = FuturesExecutor
