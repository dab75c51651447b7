"""10,000 busy items of 100 µs."""

from __future__ import annotations

from benchmarks.spinning import far_of, spin_case


def lengths(is_quick: bool) -> list[float]:
    """Give the lengths in microseconds."""
    return [100.0] * (2_500 if is_quick else 10_000)


CASE = spin_case("spin_100us", "10,000 busy items of 100 µs", lengths, chunks=(10, 100, 625, 1_250))
Far = far_of(lengths)
