"""400 items that sleep for 10 ms, as items that wait for files or servers do."""

from __future__ import annotations

from typing import Any

from benchmarks.figures import Goal, Outcome, at_most, ratio
from benchmarks.load import Load, RaceFar
from benchmarks.peers import EVERY
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase
from benchmarks.work import sleep


class SleepLoad(Load):
    """Map `sleep`."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        super().__init__(peer, is_quick)
        self.items = [0.01] * (40 if is_quick else 400)

    def run(self, chunksize: int | None) -> Any:
        return self.peer.map(sleep, self.items, chunksize)


def judge(outcome: Outcome) -> list[Goal]:
    """At most 1.05 of half the serial time."""
    ours, serial, best = outcome.value("pathos_nb"), outcome.value("serial"), outcome.best_peer()
    who = f"{best.who}, {best.what}" if best else "no peer"
    return [
        at_most("makespan ÷ (serial ÷ 2)", ratio(ours, serial / 2 if serial else None), 1.05),
        at_most(
            f"makespan ÷ best peer at any setting ({who}); limit is the noise",
            ratio(ours, best.value if best else None),
            1.02,
        ),
    ]


CASE = RaceCase("sleep_10ms", "400 items that sleep for 10 ms", judge, chunks=(1, 5, 25), peers=EVERY)


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(SleepLoad(peer, is_quick))
