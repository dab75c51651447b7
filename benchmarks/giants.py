"""Many busy items of 1 ms and one of half a second, somewhere among them."""

from __future__ import annotations

GIANT_US = 500_000.0
SMALL_US = 1_000.0
N_SMALL = 1_500


def lengths_with_giant(place: float, is_quick: bool) -> list[float]:
    """Give the lengths in microseconds, the giant at `place` (0 first, 1 last) of the list; a quarter of it quick."""
    scale = 4 if is_quick else 1
    small = [SMALL_US] * (N_SMALL // scale)
    at = round(place * len(small))
    return [*small[:at], GIANT_US / scale, *small[at:]]
