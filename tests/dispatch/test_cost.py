"""What a chunk costs the dispatcher, counted in calls of its functions: no clock and no load can change that."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from benchmarks.simulated import simulated
from pathos_nb import Pool
from pathos_nb.launchers.registry import registry

MOST_CALLS = 55
CHUNKS_A_SLOT = 10


def calls_a_chunk(n_slots: int) -> float:
    """Count the calls of Python functions during a map of one item a chunk, whose workers answer at once."""
    n_calls, n_chunks = 0, CHUNKS_A_SLOT * n_slots

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal n_calls
        n_calls += event == "call"

    with Pool("simulated", nodes=n_slots) as pool:
        sys.setprofile(note)
        try:
            values = pool.map(abs, range(n_chunks), chunksize=1)
        finally:
            sys.setprofile(None)
        assert values == list(range(n_chunks))
    return n_calls / n_chunks


def test_a_chunk_costs_few_calls_and_as_many_with_a_thousand_slots_as_with_a_hundred(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(registry._known, "simulated", simulated("simulated"))
    few, many = calls_a_chunk(100), calls_a_chunk(1_000)
    assert few < MOST_CALLS
    assert many < 1.1 * few
