"""A kept sweep of ten million points: what the kernel holds besides its results, while it runs and when it goes on.

What is measured is all besides the results; it may take at most what they take. The results are the values that came
back, as a list; of a sweep that is read they are its points too, which come from the disk as well. They are measured in
the process that holds them, object by object (`sys.getsizeof`), and taken off the growth of that process to its peak.

One point of a thousand is taken out of the store then, as if the kernel had been killed, and the sweep goes on; last it
is read again and looked at, half of it gone. Each of these in a process of its own, as in a later kernel: what an
earlier one has left free in memory is no room for it.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks import memory
from benchmarks.cases.store import _open, _swept
from benchmarks.figures import Outcome, Row, at_most, ratio
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop
from pathos_nb import Pool
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.file import PLACES
from pathos_nb.dispatch.store.found import listed, loaded
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import plan
from pathos_nb.dispatch.store.sweep import Sweep

SWEPT, RESUMED, READ = "a kept sweep", "the same, a thousandth missing, resumed", "half of it, read and looked at"
MOST, LIMIT_S, EACH, WARM = 1.0, 3600, 1000, 20_000
MEGABYTE = 1e6
_FLUSH_S = 1800.0  # of the store, after the last point, on a machine with much else to do


class NotMeasuredError(Exception):
    """A step did not do what is measured; its text says which, and how far it came."""


class Far:
    """One process, whose memory is measured."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        pass

    def warm(self) -> None:
        """Nothing: the pool is opened for the sweep."""

    def swept(self, folder: str, n_points: int, n_there: int) -> dict[str, float]:
        """Sweep with two workers; give the seconds, the bytes of the results, and those besides."""
        rows = [(i,) for i in range(n_points)]
        with Pool("processes", nodes=2) as pool:
            with tempfile.TemporaryDirectory(dir="/var/tmp") as other:  # what any sweep takes, however small
                _kept_sweep(pool, Path(other), rows[:WARM], 0)
            before, begun = memory.forget_peak(), time.perf_counter()
            run = _kept_sweep(pool, Path(folder), rows, n_there)
            seconds, peak = time.perf_counter() - begun, memory.peak_bytes() - before
            return _told(seconds, peak, memory.size_of_integers(run.result()))

    def cut_short(self, folder: str, where: str) -> None:
        """Take points out of the store, as if their kernel had been killed."""
        with _open(Path(folder)) as store, store.file.writing() as connection:
            connection.execute(f"DELETE FROM points WHERE {where}")
            connection.execute("UPDATE runs SET state = 'cancelled'")

    def read(self, folder: str) -> dict[str, float]:
        """Read the sweep, and look at it; give what `swept` gives."""
        before, begun = memory.forget_peak(), time.perf_counter()
        with _open(Path(folder)) as store:
            results = loaded(store.file, listed(store.file)[-1])
            if "not run" not in (seen := repr(results)):
                raise NotMeasuredError(f"half of the points were to be missing, and it looks so: {seen[:100]}")
        seconds, peak = time.perf_counter() - begun, memory.peak_bytes() - before
        points = memory.size_of_rows(results.points)
        there = [value for value in results.run.found if isinstance(value, int)]
        return _told(seconds, peak, points + memory.size_of_integers(there) + 8 * (len(results) - len(there)))


def _kept_sweep(pool: Pool, path: Path, rows: list[tuple[int]], n_there: int) -> Run:
    with _open(path) as store:
        run = _swept(pool, plan(store, Sweep(noop, function_key(noop), ("item",), rows, "bench")))
        if not store.writer.flush(_FLUSH_S):
            raise NotMeasuredError(f"not all was in the store {_FLUSH_S:.0f} s after the last point (_FLUSH_S)")
        if run.recorder.trouble is not None:
            raise NotMeasuredError(f"the store was in trouble: {run.recorder.trouble}")
    if run.n_before != n_there:
        raise NotMeasuredError(f"{run.n_before:,} points were there, and not {n_there:,}")
    return run


def _told(seconds: float, peak: int, held: int) -> dict[str, float]:
    return {"s": seconds, "results_mb": held / MEGABYTE, "besides_mb": (peak - held) / MEGABYTE}


class KeptPoints:
    """Ten million; a fifth of that if it is to be quick: with fewer the 30 MB that any sweep takes are what counts."""

    name = "kept_points"
    title = "a kept sweep of ten million points: memory of the kernel besides the results"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        n = 2_000_000 if scene.is_quick else 10_000_000
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            steps: tuple[tuple[str, str, dict[str, Any]], ...] = (
                (SWEPT, "swept", {"n_points": n, "n_there": 0}),
                ("", "cut_short", {"where": f"point % {EACH} = 7"}),
                (RESUMED, "swept", {"n_points": n, "n_there": n - n // EACH}),
                ("", "cut_short", {"where": f"point % {PLACES} >= {n // 2}"}),
                (READ, "read", {}),
            )
            for what, op, arguments in steps:
                try:
                    with scene.open_contender(self.name, "pathos_nb") as contender:
                        told = contender.ask(op, LIMIT_S, folder=folder, **arguments)
                except ContenderError as error:
                    note = f"{op}, limit {LIMIT_S} s (LIMIT_S): {error}"
                    outcome.rows.append(Row("pathos_nb", what or op, None, "MB", note=note))
                    return outcome
                if what:
                    _say(outcome, n, what, told)
        return outcome


def _say(outcome: Outcome, n: int, what: str, told: dict[str, float]) -> None:
    outcome.rows += [
        Row("pathos_nb", f"{n:,} points, {what}", told["s"], "s"),
        Row("pathos_nb", f"{what}: the results", told["results_mb"], "MB"),
        Row("pathos_nb", f"{what}: memory besides", told["besides_mb"], "MB"),
    ]
    share = ratio(told["besides_mb"], told["results_mb"])
    outcome.goals.append(at_most(f"memory besides the results, of theirs: {n:,} points, {what}", share, MOST))


CASE = KeptPoints()
