"""64 arrays of 8 MB in and out; each is given back plus one."""

from __future__ import annotations

from benchmarks.arrays import COPY, ArrayLoad, judge
from benchmarks.load import RaceFar
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase
from benchmarks.work import plus_one

CASE = RaceCase(
    "arrays", "64 arrays of 8 MB in and out; each is given back plus one", judge, chunks=(1, 8, 32), bounds=(COPY,)
)


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(ArrayLoad(peer, is_quick, plus_one))
