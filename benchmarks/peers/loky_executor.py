"""loky's reusable executor; its default chunk is one item."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class LokyExecutor(Peer):
    """`loky.get_reusable_executor`."""

    name = "loky"
    distribution = "loky"

    def open(self) -> None:
        from loky import get_reusable_executor

        self.executor = get_reusable_executor(max_workers=self.n_workers, timeout=600)

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        return list(self.executor.map(function, items, chunksize=chunksize or 1))

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.executor.submit(function, argument).result()

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        stream: Iterator[Any] = self.executor.map(function, items)
        return stream

    def close(self) -> None:
        self.executor.shutdown(wait=True, kill_workers=True)


PEER = LokyExecutor
