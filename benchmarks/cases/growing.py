"""Busy items that grow: the last is the longest."""

from __future__ import annotations

from benchmarks.spinning import far_of, spin_case

TOTAL_US = 2e6


def lengths(is_quick: bool) -> list[float]:
    """Give the lengths in microseconds: 1, 2, 3 … parts of 2 s (0.5 s quick)."""
    n_items = 200 if is_quick else 400
    total = TOTAL_US / 4 if is_quick else TOTAL_US
    unit = total / (n_items * (n_items + 1) / 2)
    return [unit * (rank + 1) for rank in range(n_items)]


CASE = spin_case("growing", "400 busy items that grow, 2 s in all", lengths, chunks=(1, 5, 25))
Far = far_of(lengths)
