"""One giant among busy items, last."""

from __future__ import annotations

from benchmarks.giants import lengths_with_giant
from benchmarks.spinning import far_of, spin_case


def lengths(is_quick: bool) -> list[float]:
    """Give the lengths in microseconds."""
    return lengths_with_giant(1.0, is_quick)


CASE = spin_case(
    "giant_last", "1,500 busy items of 1 ms and one of 0.5 s, last", lengths, chunks=(1, 10, 50), in_list_order=True
)
Far = far_of(lengths)
