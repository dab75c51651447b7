"""The same closure over 20 MB again: nothing of it should travel."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from benchmarks.closures import N_ITEMS, ClosureLoad
from benchmarks.figures import Goal, Outcome, at_most, ratio
from benchmarks.load import RaceFar
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase

SMALL = "2,000 items of an importable function"


class SameClosure(ClosureLoad):
    """The closure is made once and mapped once before the clock runs."""

    def prepare(self) -> None:
        if self.function is None:
            self.renew()
            self.run(N_ITEMS // 2)

    def small(self) -> float:
        """Map a function that captures nothing over as many items that give as many numbers."""
        begin = time.perf_counter()
        self.peer.map(float, range(N_ITEMS))
        return time.perf_counter() - begin

    bounds: ClassVar[Any] = {SMALL: small}


def judge(outcome: Outcome) -> list[Goal]:
    """As cheap as a small function, within a millisecond."""
    ours, small = outcome.value("pathos_nb", "default"), outcome.value("pathos_nb", SMALL)
    best = outcome.best_peer()
    who = f"{best.who}, {best.what}" if best else "no peer"
    return [
        at_most("over the same map of a small function", ours - small if ours and small else None, 1.0, "ms"),
        at_most(f"÷ best peer at any setting ({who})", ratio(ours, best.value if best else None), 0.5),
    ]


CASE = RaceCase(
    name="closure_again",
    title="the same closure over 20 MB again, 2,000 items",
    judge=judge,
    chunks=(100, 500, 1_000),
    only_tuned=("futures", "loky"),
    ours=(SMALL,),
)


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(SameClosure(peer, is_quick))
