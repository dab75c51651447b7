"""A kept sweep of ten million points: what the kernel holds besides its results, while it runs and when it goes on.

The points, and the values that come back, are the results: what is measured is all besides. One point of a thousand is
taken out of the store then, as if the kernel had been killed, and the sweep goes on; last it is read again and looked
at as in a later kernel, half of it gone.
"""

from __future__ import annotations

import gc
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import memory
from benchmarks.cases.store import _open, _swept
from benchmarks.figures import Outcome, Row, at_most
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop
from pathos_nb import Pool
from pathos_nb.dispatch.store.found import listed, loaded
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import plan
from pathos_nb.dispatch.store.sweep import Sweep

SWEPT, RESUMED, READ = "a kept sweep", "the same, a thousandth missing, resumed", "half of it, read and looked at"
MOST_MB, LIMIT_S, EACH = 100.0, 900, 1000
MEGABYTE = 1e6
_FLUSH_S = 600.0


class Far:
    """One process, whose memory is measured."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self._rows: list[tuple[int]] = []

    def warm(self) -> None:
        """Nothing: the pool is opened for the sweep."""

    def rep(self, n_points: int) -> dict[str, float]:
        """Give seconds and megabytes besides the results."""
        self._rows = [(i,) for i in range(n_points)]
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, Pool("processes", nodes=2) as pool:
            pool.map(noop, range(100))
            path = Path(folder) / "kept"
            told = self._swept(pool, path, "swept")
            self._cut_short(path, f"point % {EACH} = 7")
            told |= self._swept(pool, path, "resumed")
            self._cut_short(path, "point % (1 << 32) >= ?", n_points // 2)
            self._rows = []
            return told | self._read(path)

    def _swept(self, pool: Pool, path: Path, name: str) -> dict[str, float]:
        before, begun = memory.forget_peak(), time.perf_counter()
        with _open(path) as store:
            sweep = Sweep(noop, function_key(noop), ("item",), self._rows, "bench")
            run = _swept(pool, plan(store, sweep))
            assert store.writer.flush(_FLUSH_S), f"the store had not written all of it after {_FLUSH_S:.0f} s"
            assert run.recorder.trouble is None, run.recorder.trouble
        seconds, peak = time.perf_counter() - begun, memory.peak_bytes() - before
        held = memory.size_of_integers(run.result())
        n_there = len(self._rows) - len(self._rows) // EACH if name == "resumed" else 0
        assert run.n_before == n_there, f"{run.n_before:,} points were there, and not {n_there:,}"
        del run
        gc.collect()
        return {f"{name}_s": seconds, f"{name}_mb": (peak - held) / MEGABYTE}

    @staticmethod
    def _cut_short(path: Path, where: str, *values: Any) -> None:
        with _open(path) as store, store.file.writing() as connection:
            connection.execute(f"DELETE FROM points WHERE {where}", values)
            connection.execute("UPDATE runs SET state = 'cancelled'")

    @staticmethod
    def _read(path: Path) -> dict[str, float]:
        gc.collect()
        before, begun = memory.forget_peak(), time.perf_counter()
        with _open(path) as store:
            results = loaded(store.file, listed(store.file)[-1])
            assert "not run" in repr(results)
        seconds, peak = time.perf_counter() - begun, memory.peak_bytes() - before
        points = memory.size_of_rows(results.points)
        there = [value for value in results.run.found if isinstance(value, int)]
        held = points + memory.size_of_integers(there) + 8 * (len(results) - len(there))
        return {"read_s": seconds, "read_mb": (peak - held) / MEGABYTE}


class KeptPoints:
    """Ten million; a fiftieth of that if it is to be quick."""

    name = "kept_points"
    title = "a kept sweep of ten million points: memory of the kernel besides the results"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        n = 200_000 if scene.is_quick else 10_000_000
        with ExitStack() as stack:
            try:
                contender = stack.enter_context(scene.open_contender(self.name, "pathos_nb"))
                rep = contender.ask("rep", LIMIT_S, n_points=n)
            except ContenderError as error:
                outcome.rows.append(Row("pathos_nb", SWEPT, None, "MB", note=str(error)))
                return outcome
        for what, name in ((SWEPT, "swept"), (RESUMED, "resumed"), (READ, "read")):
            outcome.rows.append(Row("pathos_nb", f"{n:,} points, {what}", rep[f"{name}_s"], "s"))
            outcome.rows.append(Row("pathos_nb", f"{what}: memory over the results", rep[f"{name}_mb"], "MB"))
            told = f"memory over the results of {n:,} points, {what}"
            outcome.goals.append(at_most(told, rep[f"{name}_mb"], MOST_MB if name != "read" else 2 * MOST_MB, "MB"))
        return outcome


CASE = KeptPoints()
