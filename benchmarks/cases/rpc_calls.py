"""ParallelPool on a ppft server: one call, 10,000 tiny items, a large argument; on loopback and through a tunnel."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack
from typing import Any

from benchmarks.figures import Goal, Outcome, Row, at_most, percentile, spread
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.rpc import WAYS
from benchmarks.scene import Scene
from benchmarks.work import noop

CALL, ITEMS, LARGE = "one call, p50", "10,000 items", "100 MB argument"
OURS = ("loopback", "tunnel")


class Far:
    """One way to call, and what it takes."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self._stack = ExitStack()
        os.environ["XDG_DATA_HOME"] = self._stack.enter_context(tempfile.TemporaryDirectory())
        self.way: Any = None

    def open(self, way: str) -> None:
        """Start it, and call it a few times."""
        self.way = WAYS[way](self._stack)
        for number in range(5):
            assert self.way.call(noop, number) == number

    def calls(self, n_calls: int) -> list[float]:
        """Give the milliseconds of each call."""
        times = []
        for number in range(n_calls):
            begin = time.perf_counter()
            assert self.way.call(noop, number) == number
            times.append((time.perf_counter() - begin) * 1e3)
        return times

    def items(self, n_items: int) -> float:
        """Give the seconds of a map of tiny items."""
        items = list(range(n_items))
        begin = time.perf_counter()
        assert self.way.map(noop, items) == items
        return time.perf_counter() - begin

    def large(self, n_bytes: int) -> float:
        """Give the seconds of a call with a large argument."""
        data = os.urandom(n_bytes)
        begin = time.perf_counter()
        assert self.way.call(len, data) == n_bytes
        return time.perf_counter() - begin

    def close(self) -> None:
        """End all of it."""
        self._stack.close()


class RpcCalls:
    """Each way by itself."""

    name = "rpc_calls"
    title = "ParallelPool on a ppft server"

    def run(self, scene: Scene) -> Outcome:
        """Measure each way."""
        outcome = Outcome(self.name, self.title)
        for way in WAYS:
            try:
                outcome.rows += self._rows(scene, way)
            except ContenderError as error:
                outcome.rows.append(Row(way, CALL, None, "ms", note=str(error)))
        outcome.goals = self._judge(outcome)
        return outcome

    def _rows(self, scene: Scene, way: str) -> list[Row]:
        is_ours, n_calls = way in OURS, 100 if scene.is_quick else 300
        with scene.contender(self.name, "pathos_nb") as far:
            far.ask("open", 60, way=way)
            times = far.ask("calls", 120, n_calls=n_calls if is_ours else 20)
            rows = [Row(way, CALL, percentile(times, 50), "ms", spread(times), len(times))]
            if is_ours:  # the other would take minutes
                seconds = [far.ask("items", 60, n_items=10_000) for _ in range(scene.n_reps)]
                large = [far.ask("large", 60, n_bytes=100_000_000) for _ in range(scene.n_reps)]
                rows.append(Row(way, ITEMS, min(seconds), "s", spread(seconds), len(seconds)))
                rows.append(Row(way, LARGE, min(large), "s", spread(large), len(large)))
            far.ask("close", 60)
        return rows

    def _judge(self, outcome: Outcome) -> list[Goal]:
        return [
            at_most("a call through a tunnel", outcome.value("tunnel", CALL), 3.0, "ms"),
            at_most("10,000 tiny items through a tunnel", outcome.value("tunnel", ITEMS), 2.0, "s"),
        ]


CASE = RpcCalls()
