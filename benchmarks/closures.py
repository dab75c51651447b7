"""A function that closes over 20 MB, mapped over 2,000 items."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.load import Load
from benchmarks.peers.base import Peer
from benchmarks.work import look

N_NUMBERS = 20_000_000 // 8
N_ITEMS = 2_000


class ClosureLoad(Load):
    """Map a closure that gives single numbers of its big array.

    The array's contents differ each time it is made, by `offset`, which the fingerprint takes away again.
    """

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        super().__init__(peer, is_quick)
        self.offset = 0.0
        self.function: Callable[[int], float] | None = None

    def renew(self) -> None:
        """Make a new array and a new function over it."""
        import numpy as np

        self.offset += 1.0
        big = np.arange(N_NUMBERS, dtype=np.float64) + self.offset
        self.function = closure_over(big) if self.peer.can_send_closures else partial(look, big)

    def run(self, chunksize: int | None) -> Any:
        assert self.function is not None
        return self.peer.map(self.function, range(N_ITEMS), chunksize)

    def fingerprint(self, result: Any) -> str:
        return super().fingerprint([value - self.offset for value in result])


def closure_over(big: Any) -> Callable[[int], float]:
    """Give a function of a notebook's kind: it has no name to be imported by."""

    def number(index: int) -> float:
        return float(big[index])

    return number
