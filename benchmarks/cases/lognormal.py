"""Busy items of log-normal lengths."""

from __future__ import annotations

import random

from benchmarks.spinning import far_of, spin_case

TOTAL_US = 2e6


def lengths(is_quick: bool) -> list[float]:
    """Give the lengths in microseconds: sigma 1.5, always the same draw, 2 s in all (0.5 s quick)."""
    draw = random.Random(5)
    raw = [draw.lognormvariate(0.0, 1.5) for _ in range(500 if is_quick else 2_000)]
    total = TOTAL_US / 4 if is_quick else TOTAL_US
    return [total * value / sum(raw) for value in raw]


CASE = spin_case(
    "lognormal", "2,000 busy items of log-normal lengths (σ = 1.5), 2 s in all", lengths, chunks=(1, 10, 50)
)
Far = far_of(lengths)
