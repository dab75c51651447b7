"""A new closure over 20 MB each time."""

from __future__ import annotations

from typing import Any, ClassVar

from benchmarks import bounds
from benchmarks.closures import N_NUMBERS, ClosureLoad
from benchmarks.figures import Goal, Outcome, at_most, ratio
from benchmarks.load import RaceFar
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase

COPY = "one copy of 20 MB in memory"


class NewClosure(ClosureLoad):
    """The closure is made anew for each repetition."""

    def prepare(self) -> None:
        self.renew()

    def copy(self) -> float:
        """Copy the bytes once."""
        import numpy as np

        return bounds.memory_copy([np.zeros(N_NUMBERS) + 1.0], 1)

    bounds: ClassVar[Any] = {COPY: copy}


def judge(outcome: Outcome) -> list[Goal]:
    """At most half of the best peer."""
    best = outcome.best_peer()
    who = f"{best.who}, {best.what}" if best else "no peer"
    return [
        at_most(
            f"÷ best peer at any setting ({who})", ratio(outcome.value("pathos_nb"), best.value if best else None), 0.5
        )
    ]


CASE = RaceCase(
    name="closure_new",
    title="a new closure over 20 MB, 2,000 items",
    judge=judge,
    chunks=(100, 500, 1_000),
    bounds=(COPY,),
    only_tuned=("futures", "loky"),
)


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(NewClosure(peer, is_quick))
