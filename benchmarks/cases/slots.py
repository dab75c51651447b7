"""The dispatcher with 10,000 slots: chunks a second, calls a chunk, memory a slot. The slots are simulated: no workers.

Chunks a second depend on what else the machine does; the calls of Python functions for a chunk do not.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from types import FrameType

from benchmarks.figures import Outcome, Row, at_least, at_most, row_of
from benchmarks.scene import Scene
from benchmarks.simulated import simulated
from pathos_nb import Pool
from pathos_nb.launchers.registry import registry

SIZES = (100, 1_000, 10_000)
CHUNKS_A_SLOT = 10


class Slots:
    """A map of one item a chunk over more and more slots that answer at once."""

    name = "slots"
    title = "the dispatcher with up to 10,000 simulated slots"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome, memory = Outcome(self.name, self.title), {}
        registry.register("simulated", simulated("simulated"))
        for n_slots in SIZES:
            n_reps = min(3, scene.n_reps)
            rates = rates_of(n_slots, max(20_000, CHUNKS_A_SLOT * n_slots) // (4 if scene.is_quick else 1), n_reps)
            outcome.rows.append(row_of("pathos_nb", f"{n_slots:,} slots, chunks a second (simulated)", rates, ""))
            memory[n_slots] = bytes_a_slot(n_slots)
            outcome.rows.append(Row("pathos_nb", f"{n_slots:,} slots, memory a slot", memory[n_slots] / 1e3, "kB"))
            calls = calls_a_chunk(n_slots)
            outcome.rows.append(Row("pathos_nb", f"{n_slots:,} slots, calls of functions a chunk", calls, ""))
            if n_slots == max(SIZES):
                outcome.goals.append(at_least("10,000 slots: chunks a second", max(rates), 20_000))
        grown = memory[max(SIZES)] / memory[1_000]
        outcome.goals.append(at_most("memory a slot, 10,000 slots ÷ 1,000", grown, 1.1))
        return outcome


def rates_of(n_slots: int, n_chunks: int, n_reps: int) -> list[float]:
    """Give the chunks a second of some maps."""
    found = []
    with Pool("simulated", nodes=n_slots) as pool:
        for _ in range(n_reps):
            begin = time.perf_counter()
            assert len(pool.map(abs, range(n_chunks), chunksize=1)) == n_chunks
            found.append(n_chunks / (time.perf_counter() - begin))
    return found


def calls_a_chunk(n_slots: int) -> float:
    """Count the calls of Python functions during a map of one item a chunk."""
    n_calls, n_chunks = 0, CHUNKS_A_SLOT * n_slots

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal n_calls
        n_calls += event == "call"

    with Pool("simulated", nodes=n_slots) as pool:
        sys.setprofile(note)
        try:
            values = pool.map(abs, range(n_chunks), chunksize=1)
        finally:
            sys.setprofile(None)
        assert values == list(range(n_chunks))
    return n_calls / n_chunks


def bytes_a_slot(n_slots: int) -> float:
    """Give the memory of a pool that works on a map, for each of its slots."""
    gc.collect()
    tracemalloc.start()
    with Pool("simulated", nodes=n_slots) as pool:
        pool.map(abs, range(2 * n_slots), chunksize=1)
        gc.collect()
        held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / n_slots


CASE = Slots()
