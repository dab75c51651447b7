"""Races over items that keep a core busy: regular ones, irregular ones, and how all of them are judged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from benchmarks import bounds
from benchmarks.figures import Goal, Outcome, at_most, ratio
from benchmarks.load import Load, RaceFar
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase
from benchmarks.work import rounds_for, spin

BARE = "two bare processes"


class SpinLoad(Load):
    """Map `spin` over items whose lengths are given in microseconds."""

    def __init__(self, peer: Peer, is_quick: bool, lengths_us: Sequence[float]) -> None:
        super().__init__(peer, is_quick)
        self.items = [rounds_for(us) for us in lengths_us]

    def run(self, chunksize: int | None) -> Any:
        return self.peer.map(spin, self.items, chunksize)

    def bare(self) -> float:
        """Run the items in two bare processes, evenly dealt."""
        return bounds.bare_pair(bounds.even_shares(self.items))

    bounds = {BARE: bare}


def makespan_judge(
    lengths: Callable[[bool], Sequence[float]], *, in_list_order: bool = False
) -> Callable[[Outcome], list[Goal]]:
    """Make the judge of a race over busy items.

    Parameters
    ----------
    lengths : callable
        Gives the lengths of the items in microseconds for ``is_quick=False``; only their proportions matter.
    in_list_order : bool
        Whether the bound is list scheduling in the order given, instead of max(sum ÷ cores, longest).
    """

    def judge(outcome: Outcome) -> list[Goal]:
        return [*_bound_goals(outcome, _share_of_serial(lengths(False), in_list_order)), _peer_goal(outcome)]

    return judge


def _share_of_serial(items: Sequence[float], in_list_order: bool) -> float:
    if in_list_order:
        return bounds.list_schedule(items) / sum(items)
    return max(sum(items) / 2, max(items)) / sum(items)


def _bound_goals(outcome: Outcome, share: float) -> list[Goal]:
    ours, serial, bare = outcome.value("pathos_nb"), outcome.value("serial"), outcome.value(BARE)
    arithmetic = share * serial if serial else None
    physical = bare * share / 0.5 if bare else None
    return [
        at_most("makespan ÷ bound (serial time of this run)", ratio(ours, arithmetic), 1.05),
        at_most("makespan ÷ the same bound as two bare processes keep it", ratio(ours, physical), 1.05),
    ]


def _peer_goal(outcome: Outcome) -> Goal:
    best = outcome.best_peer()
    ours = next((row for row in outcome.rows if row.who == "pathos_nb"), None)
    if best is None or best.value is None or ours is None or ours.value is None:
        return Goal("makespan ÷ best peer at any setting", "≤ 1 + noise", "–", None)
    noise = max(best.spread, ours.spread, 0.01)
    return at_most(
        f"makespan ÷ best peer at any setting ({best.who}, {best.what}); limit is the noise",
        ours.value / best.value,
        1 + noise,
    )


def far_of(lengths: Callable[[bool], Sequence[float]]) -> Callable[[Peer, bool], RaceFar]:
    """Make the far side of a race over busy items."""
    return lambda peer, is_quick: RaceFar(SpinLoad(peer, is_quick, lengths(is_quick)))


def spin_case(
    name: str,
    title: str,
    lengths: Callable[[bool], Sequence[float]],
    chunks: Sequence[int],
    *,
    in_list_order: bool = False,
) -> RaceCase:
    """Make a race over busy items."""
    judge = makespan_judge(lengths, in_list_order=in_list_order)
    return RaceCase(name, title, judge, chunks=chunks, bounds=(BARE,))
