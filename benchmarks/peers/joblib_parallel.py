"""joblib.Parallel on its default backend (loky)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.peers.base import Peer


class JoblibParallel(Peer):
    """`joblib.Parallel`; tuned, its ``batch_size`` is given and everything is sent at once."""

    name = "joblib"
    distribution = "joblib"

    def open(self) -> None:
        import joblib

        self.delayed = joblib.delayed
        self.Parallel = joblib.Parallel

    def map(self, function: Callable[..., Any], items: Sequence[Any], chunksize: int | None = None) -> list[Any]:
        tuned = {} if chunksize is None else {"batch_size": chunksize, "pre_dispatch": "all"}
        parallel = self.Parallel(n_jobs=self.n_workers, **tuned)
        return list(parallel(self.delayed(function)(item) for item in items))

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        return self.Parallel(n_jobs=self.n_workers)([self.delayed(function)(argument)])[0]

    def imap(self, function: Callable[..., Any], items: Iterable[Any]) -> Iterator[Any]:
        parallel = self.Parallel(n_jobs=self.n_workers, return_as="generator")
        stream: Iterator[Any] = parallel(self.delayed(function)(item) for item in items)
        return stream

    def close(self) -> None:
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor().shutdown(wait=True, kill_workers=True)


PEER = JoblibParallel
