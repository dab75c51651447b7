"""pathos_nb as a user has it: default start, no chunk size, stamps and capture on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class Ours(Peer):
    """`Pool("processes")`."""

    name = "pathos_nb"
    distribution = "pathos_nb"

    def open(self) -> None:
        from pathos_nb import Pool

        self.pool = Pool("processes", nodes=self.n_workers)

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        return self.pool.map(function, items)

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.pool.pipe(function, argument)

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        return self.pool.imap(function, items)

    def close(self) -> None:
        self.pool.close()


PEER = Ours
