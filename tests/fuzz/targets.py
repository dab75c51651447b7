"""All that reads what others have written."""

from __future__ import annotations

from tests.fuzz import fronts, stores, wires, words

__all__ = ["TARGETS"]

TARGETS = (*wires.TARGETS, *words.TARGETS, *stores.TARGETS, *fronts.TARGETS)
