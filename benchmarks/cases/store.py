"""What the store costs: small points a second, its part of a sweep of 1 ms items, and finding what is missing.

Every point is committed with fsync before it is reported. The clock runs from the call until the run is over, when the
last point is on the disk; of the sweep that is found again, until it is known what is missing and all values are there.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Outcome, at_least, at_most, row_of
from benchmarks.scene import Scene
from benchmarks.work import noop, rounds_for, spin
from pathos_nb import Pool
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import Plan, plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.launchers.registry import registry

SMALL, KEPT, PLAIN, FOUND = "small points a second", "1 ms items, kept", "1 ms items, not kept", "what is missing found"
OVERHEAD, SIZE = "of the wall time on 1 ms items", "bytes a point"
MORE = "the same, of another name with 10 points more"
MISSING = 1_000


class StoreCase:
    """A store in a temporary folder, two workers."""

    name = "store"
    title = "a store whose commits survive a crash of the machine"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        n_points = 100_000 if scene.is_quick else 1_000_000
        with Pool("processes", nodes=2) as pool, tempfile.TemporaryDirectory() as folder:
            pool.map(noop, range(1000))
            rates = [_rate(pool, Path(folder) / f"small{i}") for i in range(scene.n_reps)]
            outcome.rows.append(row_of("pathos_nb", SMALL, rates, "/s"))
            pairs = [_pair(pool, Path(folder) / f"spin{i}", scene.is_quick) for i in range(scene.n_reps)]
            outcome.rows.append(row_of("pathos_nb", KEPT, [kept for kept, _ in pairs], "s"))
            outcome.rows.append(row_of("pathos_nb", PLAIN, [plain for _, plain in pairs], "s"))
            seconds, extended, n_bytes = _found_again(pool, Path(folder) / "large", n_points)
            outcome.rows.append(row_of("pathos_nb", f"{FOUND}, {n_points:,} points", [seconds], "s"))
            outcome.rows.append(row_of("pathos_nb", f"{MORE}, {n_points:,} points", [extended], "s"))
            outcome.rows.append(row_of("pathos_nb", SIZE, [n_bytes / n_points], "B"))
        kept, plain = outcome.value("pathos_nb", KEPT), outcome.value("pathos_nb", PLAIN)
        share = 100 * (kept / plain - 1) if kept and plain else None
        outcome.goals.append(at_least(SMALL, outcome.value("pathos_nb", SMALL), 10_000.0, "/s"))
        outcome.goals.append(at_most(f"the store's part {OVERHEAD}", share, 3.0, "%"))
        outcome.goals.append(at_most(f"{FOUND} among {n_points:,} points", seconds, 5.0, "s"))
        outcome.goals.append(at_most(f"{MORE}, among {n_points:,}", extended, 5.0, "s"))
        return outcome


def _sweep(function: Any, rows: Sequence[tuple[Any, ...]], title: str = "bench") -> Sweep:
    return Sweep(function, function_key(function), ("item",), list(rows), title)


@contextlib.contextmanager
def _open(path: Path) -> Iterator[Store]:
    store = Store(path / "store.sqlite")
    try:
        yield store
    finally:
        store.close()


def _swept(pool: Pool, found: Plan) -> Run:
    """Run a sweep to its end, every point on the disk."""
    registry.observers.append(found.attach)
    try:
        run = pool.start(found.sweep.function, found.rows(), star=True, progress=False)
        run.wait()
        return run
    finally:
        registry.observers.remove(found.attach)


def _rate(pool: Pool, path: Path) -> float:
    """Give the points a second of a sweep over items that do nothing."""
    n = 50_000
    with _open(path) as store:
        begun = time.perf_counter()
        _swept(pool, plan(store, _sweep(noop, [(i,) for i in range(n)])))
        return n / (time.perf_counter() - begun)


def _pair(pool: Pool, path: Path, is_quick: bool) -> tuple[float, float]:
    """Give the seconds of a sweep over busy items of 1 ms, with a store and without, one right after the other."""
    rows = [(rounds_for(1_000.0),)] * (2_000 if is_quick else 5_000)
    with _open(path) as store:
        begun = time.perf_counter()
        _swept(pool, plan(store, _sweep(spin, rows)))
        kept = time.perf_counter() - begun
    begun = time.perf_counter()
    pool.start(spin, rows, star=True, progress=False).wait()
    return kept, time.perf_counter() - begun


def _found_again(pool: Pool, path: Path, n: int) -> tuple[float, float, int]:
    """Give the seconds until it is known what is missing of a large sweep, the same for more points, and its bytes."""
    rows = [(float(i),) for i in range(n)]
    with _open(path) as store:
        run = _swept(pool, plan(store, _sweep(noop, rows)))
        store.writer.flush(120.0)
        with store.file.writing() as connection:
            connection.execute("DELETE FROM points WHERE point % ? = 7", (n // MISSING,))
            connection.execute("UPDATE runs SET state = 'cancelled'")
        n_bytes = store.file.n_bytes
        assert run.n_done == n
    begun = time.perf_counter()
    with _open(path) as store:
        found = plan(store, _sweep(noop, rows))
        n_missing = len(found.rows())  # type: ignore[arg-type]
        seconds = time.perf_counter() - begun
        assert n_missing == MISSING, n_missing
    return seconds, _extended(path, rows), n_bytes


def _extended(path: Path, rows: list[tuple[float, ...]]) -> float:
    """Give the seconds until it is known what is missing of a sweep of another name with more points."""
    begun = time.perf_counter()
    with _open(path) as store:
        found = plan(store, _sweep(noop, [*rows, *((-1.0 - i,) for i in range(10))], "more"), "resume")
        n_missing = len(found.rows())  # type: ignore[arg-type]
        seconds = time.perf_counter() - begun
        assert n_missing == MISSING + 10, n_missing
    return seconds


CASE = StoreCase()
