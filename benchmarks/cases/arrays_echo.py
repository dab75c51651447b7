"""64 arrays of 8 MB in and out; each is given back as it came."""

from __future__ import annotations

from benchmarks.arrays import COPY, ArrayLoad, judge
from benchmarks.load import RaceFar
from benchmarks.peers.base import Peer
from benchmarks.race import RaceCase
from benchmarks.work import noop

CASE = RaceCase(
    "arrays_echo",
    "64 arrays of 8 MB in and out; each is given back as it came",
    judge,
    chunks=(1, 8, 32),
    bounds=(COPY,),
)


def Far(peer: Peer, is_quick: bool) -> RaceFar:  # noqa: N802 - a class or what makes one
    """Give the far side."""
    return RaceFar(ArrayLoad(peer, is_quick, noop))
