"""From a thousand to a million items: cost an item, and memory."""

from __future__ import annotations

import gc
import time
from contextlib import ExitStack

from benchmarks import memory
from benchmarks.figures import Goal, Outcome, Row, at_most, ratio, row_of
from benchmarks.peers.base import Peer
from benchmarks.process import Contender, ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop

SIZES = (1_000, 10_000, 100_000, 1_000_000)
PEERS = ("multiprocessing", "pathos", "mpire")
MEGABYTE = 1e6


class Far:
    """One peer over more and more items."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer

    def warm(self) -> None:
        """Open the pool and use it a little."""
        self.peer.open()
        self.peer.map(noop, range(100))

    def rep(self, n_items: int) -> dict[str, float]:
        """Give seconds, and the driver's peak above what the results hold."""
        before = memory.forget_peak()
        begin = time.perf_counter()
        result = self.peer.map(noop, range(n_items))
        seconds = time.perf_counter() - begin
        peak = memory.peak_bytes() - before
        held = memory.size_of_integers(result)
        assert result == list(range(n_items))
        del result
        gc.collect()
        return {"seconds": seconds, "over_mb": (peak - held) / MEGABYTE}


class Scaling:
    """Every peer over every size, in turns."""

    name = "scaling"
    title = "10³ to 10⁶ no-op items: cost an item, and memory of the driver over the results"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        sizes = SIZES[:3] if scene.is_quick else SIZES
        with ExitStack() as stack:
            for contender in self._open(stack, scene, outcome):
                for n_items in sizes:
                    outcome.rows += self._rows(contender, n_items, scene.n_reps)
        outcome.goals = self._judge(outcome, sizes)
        return outcome

    def _open(self, stack: ExitStack, scene: Scene, outcome: Outcome) -> list[Contender]:
        opened = []
        for name in scene.peers(PEERS):
            try:
                opened.append(stack.enter_context(scene.open_contender(self.name, name)))
            except ContenderError as error:
                outcome.rows.append(Row(name, "start", None, "µs", note=str(error)))
        return opened

    def _rows(self, contender: Contender, n_items: int, n_reps: int) -> list[Row]:
        n_turns = n_reps if contender.peer == "pathos_nb" else min(n_reps, 3)
        try:
            reps = [contender.ask("rep", 60, n_items=n_items) for _ in range(n_turns)]
        except ContenderError as error:
            return [Row(contender.peer, f"{n_items:,} items", None, "µs an item", note=str(error))]
        costs = [rep["seconds"] / n_items * 1e6 for rep in reps]
        peaks = [rep["over_mb"] for rep in reps]
        return [
            row_of(contender.peer, f"{n_items:,} items", costs, "µs an item"),
            Row(contender.peer, f"{n_items:,} items, memory", max(peaks), "MB", n=len(peaks)),
        ]

    def _judge(self, outcome: Outcome, sizes: tuple[int, ...]) -> list[Goal]:
        last = f"{sizes[-1]:,} items"
        cost = outcome.value("pathos_nb", last)
        return [
            at_most(f"cost at {last}", cost, 0.25, "µs an item"),
            at_most(
                f"cost at {last} ÷ at {sizes[-2]:,} (flat)",
                ratio(cost, outcome.value("pathos_nb", f"{sizes[-2]:,} items")),
                1.25,
            ),
            at_most(f"memory over the results at {last}", outcome.value("pathos_nb", f"{last}, memory"), 30.0, "MB"),
        ]


CASE = Scaling()
