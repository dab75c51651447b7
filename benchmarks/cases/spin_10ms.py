"""400 busy items of 10 ms."""

from __future__ import annotations

from benchmarks.spinning import far_of, spin_case


def lengths(is_quick: bool) -> list[float]:
    """Give the lengths in microseconds."""
    return [10_000.0] * (40 if is_quick else 400)


CASE = spin_case("spin_10ms", "400 busy items of 10 ms", lengths, chunks=(1, 5, 25))
Far = far_of(lengths)
