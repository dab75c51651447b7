"""100,000 items that do nothing: what dispatch itself costs."""

from __future__ import annotations

from typing import Any

from benchmarks import bounds
from benchmarks.figures import Goal, Outcome, at_most, ratio
from benchmarks.load import Load, RaceFar
from benchmarks.peers import LOCAL
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase
from benchmarks.work import noop

PICKLE = "bulk pickle there and back"


class NoopLoad(Load):
    """Map `noop` over integers."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        super().__init__(peer, is_quick)
        self.items = list(range(20_000 if is_quick else 100_000))

    def run(self, chunksize: int | None) -> Any:
        return self.peer.map(noop, self.items, chunksize)

    def pickled(self) -> float:
        """Move the items as one pickle."""
        return bounds.bulk_pickle(self.items)

    bounds = {PICKLE: pickled}


def judge(outcome: Outcome) -> list[Goal]:
    """At most 0.6 of the best tuned peer and 4 times the bound."""
    ours, best, bound = outcome.value("pathos_nb"), outcome.best_peer(), outcome.value(PICKLE)
    who = f"{best.who}, {best.what}" if best else "no peer"
    return [
        at_most(f"÷ best peer at any setting ({who})", ratio(ours, best.value if best else None), 0.6),
        at_most("÷ bulk pickle there and back", ratio(ours, bound), 4.0),
    ]


CASE = RaceCase(
    name="noop_100k",
    title="100,000 no-op items",
    judge=judge,
    chunks=(1_000, 5_000, 12_500, 50_000),
    bounds=(PICKLE,),
    peers=(*LOCAL, "ipyparallel"),
    only_tuned=("futures", "loky", "ipyparallel"),
)


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(NoopLoad(peer, is_quick))
