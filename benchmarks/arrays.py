"""Races over 64 arrays of 8 MB that go there and come back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from benchmarks import bounds
from benchmarks.figures import Goal, Outcome, at_least, ratio
from benchmarks.load import Load
from benchmarks.peers.base import Peer

COPY = "one copy in and one out, in memory"


class ArrayLoad(Load):
    """Map a function of arrays."""

    def __init__(self, peer: Peer, is_quick: bool, function: Callable[[Any], Any]) -> None:
        super().__init__(peer, is_quick)
        self.function = function
        self.arrays: Sequence[Any] = ()

    def prepare(self) -> None:
        import numpy as np

        if not self.arrays:
            n_arrays = 16 if self.is_quick else 64
            self.arrays = [np.arange(1_000_000, dtype=np.float64) + rank for rank in range(n_arrays)]

    def run(self, chunksize: int | None) -> Any:
        return self.peer.map(self.function, self.arrays, chunksize)

    def fingerprint(self, result: Any) -> str:
        return super().fingerprint([(array.shape, float(array[0]), float(array.sum())) for array in result])

    def copy(self) -> float:
        """Copy each array twice."""
        return bounds.memory_copy(self.arrays, 2)

    bounds: ClassVar[Any] = {COPY: copy}


def judge(outcome: Outcome) -> list[Goal]:
    """At least twice the best peer's rate."""
    best, ours = outcome.best_peer(), outcome.value("pathos_nb")
    who = f"{best.who}, {best.what}" if best else "no peer"
    return [at_least(f"rate ÷ best peer's at any setting ({who})", ratio(best.value if best else None, ours), 2.0)]
