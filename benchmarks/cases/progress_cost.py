"""What progress and stamps cost on items of 1 ms: with and without the bar, and against bare processes."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from benchmarks.figures import Goal, Outcome, at_most
from benchmarks.load import RaceFar
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase
from benchmarks.spinning import BARE, SpinLoad
from benchmarks.work import spin

WITH, WITHOUT, HEARD = "progress=True", "progress=False", "with a subscriber"


class ProgressLoad(SpinLoad):
    """Map items of 1 ms in several ways."""

    def timed(self, **options: Any) -> float:
        """Give the seconds of pathos_nb's map with these options."""
        begin = time.perf_counter()
        self.peer.pool.map(spin, self.items, **options)  # type: ignore[attr-defined]  # the peer's own pool
        return time.perf_counter() - begin

    def heard(self) -> float:
        """Give the seconds with somebody who listens to every event."""
        events: list[object] = []
        begin = time.perf_counter()
        run = self.peer.pool.start(spin, self.items)  # type: ignore[attr-defined]  # the peer's own pool
        run.subscribe(events.append)
        run.result()
        return time.perf_counter() - begin

    bounds: ClassVar[Any] = {
        BARE: SpinLoad.bare,
        WITH: lambda load: load.timed(progress=True),
        WITHOUT: lambda load: load.timed(progress=False),
        HEARD: heard,
    }


def judge(outcome: Outcome) -> list[Goal]:
    """Under 2 % over the same map without, and over bare processes."""
    shown, hidden, bare = (outcome.value("pathos_nb", WITH), outcome.value("pathos_nb", WITHOUT), outcome.value(BARE))
    return [
        at_most("progress over no progress", 100 * (shown / hidden - 1) if shown and hidden else None, 2.0, "%"),
        at_most(
            "map with stamps over two bare processes", 100 * (hidden / bare - 1) if hidden and bare else None, 2.0, "%"
        ),
    ]


CASE = RaceCase(
    name="progress_cost",
    title="progress and stamps on 1,000 busy items of 1 ms",
    judge=judge,
    bounds=(BARE,),
    peers=(),
    ours=(WITHOUT, WITH, HEARD),
)


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(ProgressLoad(peer, is_quick, [1_000.0] * (250 if is_quick else 1_000)))
