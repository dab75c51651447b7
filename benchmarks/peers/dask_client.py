"""dask.distributed's Client over a local cluster of one-thread processes, without its dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class DaskClient(Peer):
    """`distributed.Client`; nothing is cached between repetitions (``pure=False``)."""

    name = "dask"
    distribution = "dask"

    def open(self) -> None:
        from distributed import Client, LocalCluster

        self.cluster = LocalCluster(n_workers=self.n_workers, threads_per_worker=1, dashboard_address=None)
        self.client = Client(self.cluster)

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        futures = self.client.map(function, items, pure=False, batch_size=chunksize)
        return list(self.client.gather(futures))

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.client.submit(function, argument, pure=False).result()

    def close(self) -> None:
        self.client.close()
        self.cluster.close()


PEER = DaskClient
