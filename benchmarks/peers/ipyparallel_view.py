"""ipyparallel's load-balanced view over a local cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class IpyparallelView(Peer):
    """`ipyparallel.Cluster`; its default chunk is one item."""

    name = "ipyparallel"
    distribution = "ipyparallel"

    def open(self) -> None:
        import ipyparallel

        self.cluster = ipyparallel.Cluster(n=self.n_workers, log_level=logging.ERROR)
        self.client = self.cluster.start_and_connect_sync()
        self.view = self.client.load_balanced_view()

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        options = {} if chunksize is None else {"chunksize": chunksize}
        return list(self.view.map_sync(function, items, **options))

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.view.apply_sync(function, argument)

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        stream: Iterator[Any] = self.view.imap(function, items)
        return stream

    def close(self) -> None:
        self.cluster.stop_cluster_sync()


PEER = IpyparallelView
