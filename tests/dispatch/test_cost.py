"""What a chunk costs the dispatcher, counted in calls of its functions: no clock and no load can change that."""

from __future__ import annotations

import pytest

from benchmarks.cases.slots import calls_a_chunk
from benchmarks.simulated import simulated
from pathos_nb.launchers.registry import registry

MOST_CALLS = 55


def test_a_chunk_costs_few_calls_and_as_many_with_a_thousand_slots_as_with_a_hundred(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(registry._known, "simulated", simulated("simulated"))
    few, many = calls_a_chunk(100), calls_a_chunk(1_000)
    assert few < MOST_CALLS
    assert many < 1.1 * few
