"""Ten million points: what the kernel holds besides the results, while they come and when they are looked at.

Of items that do nothing, and of the record of items that are long enough to have a stamp each: those are not run, which
would take hours, but their chunks are put on the record as they would come.
"""

from __future__ import annotations

import gc
import time
from array import array
from contextlib import ExitStack
from typing import Any

from benchmarks import memory
from benchmarks.figures import Outcome, Row, at_most
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop
from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.ended import EndedRun
from pathos_nb.dispatch.results import Results
from pathos_nb.events import ChunkDone

RUN, RECORD, LOOKED = "items that do nothing", "the record of long items", "a look at the result"
MOST_MB, CHUNK = 100.0, 500
MEGABYTE = 1e6


class Far:
    """One process, whose memory is measured."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer

    def warm(self) -> None:
        """Open the pool and use it a little."""
        self.peer.open()
        self.peer.map(noop, range(100))

    def rep(self, n_items: int) -> dict[str, float]:
        """Give seconds and megabytes besides the results."""
        before = memory.forget_peak()
        begun = time.perf_counter()
        result = self.peer.map(noop, range(n_items))
        seconds = time.perf_counter() - begun
        peak, held = memory.peak_bytes() - before, memory.size_of_integers(result)
        del result
        gc.collect()
        return {"seconds": seconds, "run_mb": (peak - held) / MEGABYTE, **self._recorded(n_items)}

    def _recorded(self, n_items: int) -> dict[str, float]:
        before = memory.forget_peak()
        log = ChunkLog(_chunk(first, n_items) for first in range(0, n_items, CHUNK))
        peak = memory.peak_bytes() - before
        values: Any = range(n_items)
        ended = EndedRun("r", "many", "done", n_items, 0, n_items, 0.0, 1.0, values, {}, log)
        results = Results(ended, ("x",), _Points(n_items))
        results._final = values  # the values are those of the run: not counted here
        begun = time.perf_counter()
        assert f"{n_items:,} points" in repr(results) and results.timing.n_items == n_items
        seconds = time.perf_counter() - begun
        return {"record_mb": peak / MEGABYTE, "look_mb": (memory.peak_bytes() - before) / MEGABYTE, "look_s": seconds}


class _Points:
    """The parameters of points, as a list would have them."""

    def __init__(self, n: int) -> None:
        self._n = n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: int) -> tuple[int]:
        return (index,)


def _chunk(first: int, n_items: int) -> ChunkDone:
    indices = range(first, min(first + CHUNK, n_items))
    ends = array("d", [0.001 * (index + 1) for index in indices])
    return ChunkDone("r", f"processes-{first // CHUNK % 8}", "host", 1, indices, 0.001 * first, ends, 1, (), ())


class ManyPoints:
    """Ten million; a tenth of that if it is to be quick."""

    name = "many_points"
    title = "ten million points: memory of the kernel besides the results"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        n = 1_000_000 if scene.is_quick else 10_000_000
        with ExitStack() as stack:
            try:
                contender = stack.enter_context(scene.open_contender(self.name, "pathos_nb"))
                rep = contender.ask("rep", 300, n_items=n)
            except ContenderError as error:
                outcome.rows.append(Row("pathos_nb", RUN, None, "MB", note=str(error)))
                return outcome
        outcome.rows += [
            Row("pathos_nb", f"{n:,} {RUN}", rep["seconds"], "s"),
            Row("pathos_nb", f"{RUN}: memory over the results", rep["run_mb"], "MB"),
            Row("pathos_nb", f"{RECORD}: memory", rep["record_mb"], "MB"),
            Row("pathos_nb", f"{LOOKED}: memory at its peak", rep["look_mb"], "MB"),
            Row("pathos_nb", f"{LOOKED}: seconds", rep["look_s"], "s"),
        ]
        outcome.goals += [
            at_most(f"memory over the results of {n:,} points", rep["run_mb"], MOST_MB, "MB"),
            at_most(f"the record of {n:,} points with a stamp each", rep["record_mb"], MOST_MB, "MB"),
        ]
        return outcome


CASE = ManyPoints()
