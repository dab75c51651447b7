"""Maps on a cluster of dask's against dask's own: tiny items, one call, large arrays, a large captured value."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from operator import neg
from typing import Any

from benchmarks.figures import Outcome, Row, at_least, at_most, ratio, row_of
from benchmarks.hosts import times
from benchmarks.scene import Scene
from benchmarks.work import look, plus_one
from pathos_nb import Pool

MS = 1e3
N_TINY, N_ARRAYS, ARRAY_BYTES, BIG_BYTES = 10_000, 16, 8 << 20, 64 << 20


class Dask:
    """The same cluster, the same items, in turns."""

    name = "dask"
    title = "maps on a cluster of dask's (two processes of this machine)"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        if find_spec("distributed") is None or find_spec("numpy") is None:
            outcome.rows.append(Row("pathos_nb", "tiny items", None, "ms", note="dask or numpy is not installed"))
            return outcome
        from distributed import Client

        quiet: dict[str, Any] = {"dashboard_address": "127.0.0.1:0", "host": "127.0.0.1", "memory_limit": 0}
        with warnings.catch_warnings(), Client(n_workers=2, threads_per_worker=1, **quiet) as client:
            warnings.simplefilter("ignore")  # dask's, that a graph is large: that is what is compared
            with Pool(client) as pool:
                for part in (self._tiny, self._call, self._arrays, self._closure):
                    part(pool, client, scene, outcome)
        return outcome

    def _tiny(self, pool: Pool, client: Any, scene: Scene, outcome: Outcome) -> None:
        ours, theirs = self._both(
            f"{N_TINY:,} tiny items", 1, outcome,  # dask takes half a minute for it
            lambda: pool.map(neg, range(N_TINY)), lambda: client.gather(client.map(neg, range(N_TINY), pure=False)),
        )  # fmt: skip
        outcome.goals.append(at_least("tiny items: client.map + gather ÷ ours", ratio(theirs, ours), 20))

    def _call(self, pool: Pool, client: Any, scene: Scene, outcome: Outcome) -> None:
        self._both(
            "one call", 5 * scene.n_reps, outcome,
            lambda: pool.pipe(neg, 1), lambda: client.submit(neg, 1, pure=False).result(),
        )  # fmt: skip

    def _arrays(self, pool: Pool, client: Any, scene: Scene, outcome: Outcome) -> None:
        import numpy as np

        arrays = [np.ones(ARRAY_BYTES // 8) + i for i in range(N_ARRAYS)]
        ours, theirs = self._both(
            f"{N_ARRAYS} arrays of 8 MB, there and back", scene.n_reps, outcome,
            lambda: pool.map(plus_one, arrays), lambda: client.gather(client.map(plus_one, arrays, pure=False)),
        )  # fmt: skip
        outcome.goals.append(at_most("large arrays: ours ÷ client.map + gather", ratio(ours, theirs), 1.2))

    def _closure(self, pool: Pool, client: Any, scene: Scene, outcome: Outcome) -> None:
        import numpy as np

        big, n = np.ones(BIG_BYTES // 8), 100

        def scattered() -> Any:
            there = client.scatter(big, broadcast=True, hash=False)
            return client.gather(client.map(look, [there] * n, range(n), pure=False))

        def captured() -> Any:
            return pool.map(lambda index: float(big[index]), range(n))

        self._both("100 items that use 64 MB", scene.n_reps, outcome, captured, scattered)

    def _both(
        self, what: str, n_reps: int, outcome: Outcome, ours: Callable[[], Any], theirs: Callable[[], Any]
    ) -> tuple[float, float]:
        ours()
        mine, its = [], []
        for _ in range(n_reps):
            mine += times(1, ours)
            its += times(1, theirs)
        outcome.rows.append(row_of("pathos_nb", what, [value * MS for value in mine], "ms"))
        outcome.rows.append(row_of("dask", what, [value * MS for value in its], "ms"))
        return statistics.median(mine), statistics.median(its)


CASE = Dask()
