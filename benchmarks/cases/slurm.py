"""A pool inside of Slurm's queue: from the moment its nodes are granted to the first result, and what an item costs."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from operator import neg
from pathlib import Path

from benchmarks.figures import Outcome, Row, at_most, row_of
from benchmarks.hosts import seconds, times
from benchmarks.scene import Scene
from pathos_nb import Pool
from tests.rig.cluster import Cluster, why_no_cluster

MS = 1e3
_FIRST = "nodes are free: asked for, granted, first result"


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Raise a private cluster of two nodes, and make it the one that Slurm's commands find."""
    with tempfile.TemporaryDirectory(prefix="pathos-nb-slurm-") as folder:
        held = Cluster(Path(folder) / "run")
        try:
            held.up()
            with held.in_use():
                yield held
        finally:
            held("down")


class Slurm:
    """Two nodes of the bed; beside it what bare ``srun`` takes."""

    name = "slurm"
    title = "a pool inside of Slurm's queue"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        if reason := why_no_cluster():
            outcome.rows.append(Row("pathos_nb", _FIRST, None, "ms", note=reason))
            return outcome
        with cluster() as bed:
            self._first(bed, scene, outcome)
            self._items(scene, outcome)
        return outcome

    def _first(self, bed: Cluster, scene: Scene, outcome: Outcome) -> None:
        def first() -> None:
            with Pool("slurm", nodes=2, cpus=1) as pool:
                assert pool.map(neg, [1]) == [-1]
                took.append(time.perf_counter() - begun)

        took: list[float] = []
        bare: list[float] = []
        for _ in range(max(3, scene.n_reps)):
            bare.append(seconds(lambda: bed.do("srun", "-N1", "-n1", "true")))
            begun = time.perf_counter()
            first()
        outcome.rows.append(row_of("pathos_nb", _FIRST, [value * MS for value in took], "ms"))
        outcome.rows.append(row_of("srun", "srun true", [value * MS for value in bare], "ms"))
        outcome.goals.append(at_most(_FIRST, statistics.median(took) * MS, 1500, "ms"))

    def _items(self, scene: Scene, outcome: Outcome) -> None:
        n = 20_000 if scene.is_quick else 100_000
        with Pool("slurm", nodes=2, cpus=1) as pool:
            pool.map(neg, range(1000))
            calls = times(100, lambda: pool.pipe(neg, 1))
            tiny = [seconds(lambda: pool.map(neg, range(n))) for _ in range(scene.n_reps + 1)][1:]
        outcome.rows.append(row_of("pathos_nb", "one item", [call * MS for call in calls], "ms"))
        outcome.rows.append(row_of("pathos_nb", f"{n // 1000}k items on two nodes", [took * MS for took in tiny], "ms"))


CASE = Slurm()
