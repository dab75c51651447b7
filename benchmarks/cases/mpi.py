"""10,000 tiny items on two MPI workers: ours, pyina, and the executor of mpi4py; the start; an item of two ranks."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.figures import Goal, Outcome, Row, at_least, ratio, row_of
from benchmarks.peers import missing
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop

N_WORKERS = 2
ITEMS, FIRST, GROUPED = "10,000 items", "start to first result", "an item of two ranks"
Map = Callable[[Callable[..., Any], list[Any]], list[Any]]


def ours(stack: ExitStack) -> Map:
    """Open a pool of MPI jobs, as a user has it."""
    from pathos_nb import Pool

    return stack.enter_context(Pool("mpi", nodes=N_WORKERS)).map


def grouped(stack: ExitStack) -> Map:
    """Open a pool whose items have two ranks each."""
    from pathos_nb import Pool

    return stack.enter_context(Pool("mpi", nodes=1, ranks_per_item=2)).map


def executor(stack: ExitStack) -> Map:
    """Open mpi4py's executor; its default chunk is one item."""
    from mpi4py.futures import MPIPoolExecutor

    pool = stack.enter_context(MPIPoolExecutor(N_WORKERS))
    return lambda function, items: list(pool.map(function, items))


def pyina(stack: ExitStack) -> Map:
    """Open pyina's pool, which starts its ranks for each map."""
    from pyina.launchers import MpiPool

    folder = stack.enter_context(TemporaryDirectory())
    return MpiPool(N_WORKERS, workdir=folder).map


WAYS: dict[str, tuple[Callable[[ExitStack], Map], str]] = {
    "pathos_nb": (ours, "mpi4py"),
    "pathos_nb, 2 ranks an item": (grouped, "mpi4py"),
    "MPIPoolExecutor": (executor, "mpi4py"),
    "pyina": (pyina, "pyina"),
}


class Far:
    """One way to map, and what it takes."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self._stack = ExitStack()
        self._map: Any = None

    def open(self, way: str) -> float:
        """Start it; give the seconds until a first small map is there."""
        begin = time.perf_counter()
        self._map = WAYS[way][0](self._stack)
        assert self._map(noop, [1, 2]) == [1, 2]
        return time.perf_counter() - begin

    def items(self, n_items: int) -> float:
        """Give the seconds of a map of tiny items."""
        items = list(range(n_items))
        begin = time.perf_counter()
        assert self._map(noop, items) == items
        return time.perf_counter() - begin

    def close(self) -> None:
        """End all of it."""
        self._stack.close()


class Mpi:
    """Each way by itself, one after the other."""

    name = "mpi"
    title = "MPI: 10,000 tiny items"

    def run(self, scene: Scene) -> Outcome:
        """Measure each way."""
        outcome = Outcome(self.name, self.title)
        for way, (_, library) in WAYS.items():
            if why := missing(library):
                outcome.rows.append(Row(way, ITEMS, None, "s", note=why))
                continue
            try:
                outcome.rows += self._rows(scene, way)
            except ContenderError as error:
                outcome.rows.append(Row(way, ITEMS, None, "s", note=str(error)))
        outcome.goals = self._judge(outcome)
        return outcome

    def _rows(self, scene: Scene, way: str) -> list[Row]:
        is_grouped = way.endswith("an item")
        n_items, n_reps = (1_000, scene.n_reps) if is_grouped else (10_000, min(3, scene.n_reps))
        with scene.contender(self.name, "pathos_nb") as far:
            first_s = far.ask("open", 60, way=way)
            seconds = [far.ask("items", 120, n_items=n_items) for _ in range(n_reps)]
            far.ask("close", 30)
        if is_grouped:
            return [row_of(way, GROUPED, [one / n_items * 1e3 for one in seconds], "ms")]
        return [row_of(way, ITEMS, seconds, "s"), Row(way, FIRST, first_s, "s")]

    def _judge(self, outcome: Outcome) -> list[Goal]:
        own = outcome.value("pathos_nb", ITEMS)
        return [
            at_least("rate ÷ pyina's", ratio(outcome.value("pyina", ITEMS), own), 10.0),
            at_least(
                "rate ÷ MPIPoolExecutor.map's, default chunk", ratio(outcome.value("MPIPoolExecutor", ITEMS), own), 5.0
            ),
        ]


CASE = Mpi()
