"""How well a dry run foresees the run that follows: forecast ÷ run, of points that sleep, compute, and are tiny."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from benchmarks.figures import Outcome, at_most, row_of
from benchmarks.scene import Scene
from benchmarks.work import spin
from pathos_nb import Pool
from pathos_nb.dispatch.using.trial import Ask, foresee


def sleeping(x: int) -> int:
    """Sleep for 20 ms."""
    time.sleep(0.02)
    return x


def tiny(x: int) -> int:
    """Do next to nothing."""
    return x + 1


SWEEPS: dict[str, tuple[Callable[[Any], Any], list[Any]]] = {
    "120 points that sleep for 20 ms": (sleeping, list(range(120))),
    "1,000 points of 1,000 rounds of arithmetic": (spin, [1_000] * 1_000),
    "20,000 tiny points": (tiny, list(range(20_000))),
}


class Forecast:
    """Each sweep foreseen, then run, in turns."""

    name = "forecast"
    title = "what a dry run foresees, over what the run takes"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        with Pool("processes", nodes=2) as pool:
            for what, (function, items) in SWEEPS.items():
                ratios = [_ratio(pool, function, items) for _ in range(scene.n_reps)]
                outcome.rows.append(row_of("pathos_nb", f"{what}: forecast ÷ run", ratios, ""))
                farthest = max(max(ratio, 1 / ratio) for ratio in ratios)
                outcome.goals.append(at_most(f"{what}: off by a factor of", farthest, 2.5, ""))
        return outcome


def _ratio(pool: Pool, function: Callable[[Any], Any], items: list[Any]) -> float:
    points = [(item,) for item in items]
    forecast = foresee(pool, Ask(function, points, len(points)), {})
    begun = time.perf_counter()
    pool.starmap(function, points)
    return forecast.wall_s / (time.perf_counter() - begun)


CASE = Forecast()
