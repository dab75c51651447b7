"""What a chunk and a call cost, counted in calls of Python functions: no clock and no load can change that."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from weakref import WeakSet

import pytest

from benchmarks.cases.slots import calls_a_chunk
from benchmarks.simulated import simulated
from pathos_nb import Pool
from pathos_nb.launchers.board import Cells
from pathos_nb.launchers.registry import registry
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire.framing import Frame, FrameReader, pack
from pathos_nb.wire.protocol import CALL
from pathos_nb.wire.serialization import dump

MOST_CALLS = 50
MOST_CALLS_OF_A_CALL, MOST_CALLS_IN_ITS_WORKER, MOST_CALLS_OF_A_MAP = 125, 45, 175


def calls_of(function: Callable[[], object]) -> int:
    """Count the calls of Python functions in this thread, the few that there are at best."""
    n_calls = 0

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal n_calls
        n_calls += event == "call"

    counts = []
    for _ in range(20):  # a worker's word, or one of its starter's, may come in two pieces, or at the same time
        n_calls = 0
        sys.setprofile(note)
        try:
            function()
        finally:
            sys.setprofile(None)
        counts.append(n_calls)
    return min(counts)


def test_a_chunk_costs_few_calls_and_as_many_with_a_thousand_slots_as_with_a_hundred(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(registry._known, "simulated", simulated("simulated"))
    few, many = calls_a_chunk(100), calls_a_chunk(1_000)
    assert few < MOST_CALLS
    assert many < 1.1 * few


def test_one_call_and_a_short_map_cost_few_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "handles", WeakSet())  # with one somewhere, arguments are looked through for it
    monkeypatch.setattr(registry, "observers", [])
    with Pool("processes", nodes=1) as pool:
        assert pool.pipe(abs, -1) == 1
        pool._maps.dispatcher.attendance._spin._n_to_skip = 1 << 30  # how often it looks is a matter of time
        assert calls_of(lambda: pool.pipe(abs, -1)) < MOST_CALLS_OF_A_CALL
        assert calls_of(lambda: pool.map(abs, [-1, -2])) < MOST_CALLS_OF_A_MAP


def test_one_call_costs_its_worker_few_calls() -> None:
    worker, reader = Worker(Cells()), FrameReader()
    spec = (False, None, None, None, None, None, None, ("",))
    frame = pack(Frame(CALL, (1, 0, spec), dump(((abs, {}), ([-1],))).body))[0]

    def call() -> None:
        (report,) = map(worker.handle, reader.feed(frame))
        pack(report)

    assert calls_of(call) < MOST_CALLS_IN_ITS_WORKER
