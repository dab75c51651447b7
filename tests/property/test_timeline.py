"""The timeline, whatever the run: sums are kept, and its size has bounds."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pathos_nb.dispatch.spans import as_columns
from pathos_nb.dispatch.timeline import Part, Timeline, items_between, spans_between
from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone, WorkerDown

BEGAN = 1.7e9


@st.composite
def chunks(draw: st.DrawFn) -> list[ChunkDone]:
    """Chunks of any length, on any worker, with gaps, and with a clock that may be behind."""
    made, index = [], 0
    for _ in range(draw(st.integers(0, 40))):
        n, block = draw(st.integers(1, 9)), draw(st.sampled_from([1, 4]))
        steps = draw(st.lists(st.floats(0, 5), min_size=-(-n // block), max_size=-(-n // block)))
        started, ends = BEGAN + draw(st.floats(-1, 500)), []
        for step in steps:
            ends.append((ends[-1] if ends else started) + step)
        n_failed = draw(st.integers(0, n))
        failures = tuple(Failure(index + i, ValueError()) for i in range(n_failed))
        worker, indices = f"w{draw(st.integers(0, 40))}", range(index, index + n)
        made.append(ChunkDone("r", worker, "here", 1, indices, started, ends, block, failures, ()))
        index += n
    return made


def of(found: list[ChunkDone], **bounds: int) -> Timeline:
    timeline = Timeline(BEGAN, **bounds)
    for chunk in found:
        timeline.take(chunk)
    return timeline


@given(chunks(), st.integers(2, 12), st.integers(4, 60))
def test_coarsening_keeps_the_sums_and_the_bounds(found, most_lanes, most_spans):
    timeline = of(found, most_lanes=most_lanes, most_spans=most_spans)
    lanes, spans = timeline.lanes(), as_columns(timeline.spans)
    n_items, n_failed = sum(c.n_items for c in found), sum(len(c.failures) for c in found)
    busy = sum(c.seconds for c in found)
    assert sum(spans["n_items"]) == sum(lane["n_items"] for lane in lanes) == n_items
    assert sum(spans["n_failed"]) == n_failed
    assert abs(sum(spans["busy_s"]) - busy) < 1e-4 * (len(spans["lane"]) + 1)
    assert abs(sum(lane["busy_s"] for lane in lanes) - busy) < 1e-3
    assert len(lanes) <= most_lanes and len(spans["lane"]) <= max(most_spans, 2 * most_lanes)
    assert timeline.n_workers == len({c.worker for c in found})
    assert {len(column) for column in spans.values()} == {len(spans["lane"])}
    assert set(spans["lane"]) <= {lane["lane"] for lane in lanes}
    assert all(0 <= a <= b for a, b in zip(spans["start_s"], spans["end_s"], strict=True))


@given(chunks(), st.integers(1, 6), st.integers(1, 30))
def test_folding_lanes_keeps_the_sums_too(found, most_lanes, most_spans):
    timeline = of(found)
    lanes, moved, n_more = timeline.folded(most_lanes)
    copy = timeline.spans.copied(most_spans, moved)
    columns = as_columns(copy)
    assert len(lanes) <= most_lanes
    assert sum(lane["n_items"] for lane in lanes) == sum(columns["n_items"]) == sum(c.n_items for c in found)
    assert len(columns["lane"]) <= max(most_spans, len(lanes))
    assert n_more == max(0, timeline.n_workers - most_lanes + 1) * (timeline.n_lanes > most_lanes)
    for lane in lanes:
        at = [i for i, number in enumerate(columns["lane"]) if number == lane["lane"]]
        assert sum(columns["n_items"][i] for i in at) == lane["n_items"]
    assert sum(as_columns(timeline.spans)["n_items"]) == sum(columns["n_items"]), "the original is untouched"


@given(chunks())
def test_a_window_over_everything_has_every_item_once(found):
    timeline = of(found)
    whole = Part(frozenset(range(timeline.n_lanes)), 0.0, 1e9)
    items = items_between(timeline, found, whole, 10_000, str)
    assert sorted(items["index"]) == sorted(i for c in found for i in c.indices)
    assert sum(items["is_failed"]) == sum(len(c.failures) for c in found)
    assert items["label"] == [str(i) for i in items["index"]]
    spans = as_columns(spans_between(timeline, found, whole, 10_000))
    assert sum(spans["n_items"]) == len(items["index"])
    few = max(0, len(items["index"]) - 1)
    assert items_between(timeline, found, whole, few, str)["index"] == []


@given(chunks(), st.floats(0, 500), st.floats(0, 100))
def test_a_window_has_those_items_that_reach_into_it(found, from_s, length):
    timeline, to_s = of(found), from_s + length
    part = Part(frozenset({0, 2}), from_s, to_s)
    items = items_between(timeline, found, part, 10_000, str)
    assert set(items["lane"]) <= {0, 2}
    assert all(end >= from_s - 1e-5 for end in items["end_s"])
    assert all(start <= to_s + 1e-5 for start in items["start_s"])


def test_a_thousand_workers_and_a_million_items_stay_small():
    """Bytes are those of the message that carries it all."""
    timeline = Timeline(BEGAN)
    for number in range(100_000):
        worker, start = number % 1500, BEGAN + number // 1500 * 0.25
        indices = range(number * 10, number * 10 + 10)
        timeline.take(ChunkDone("r", f"node-{worker}", "h", worker, indices, start, [start + 0.2], 10, (), ()))
    columns = as_columns(timeline.spans)
    assert sum(columns["n_items"]) == 1_000_000
    assert timeline.n_lanes == 1000 and timeline.n_more_lanes == 501
    assert len(columns["lane"]) <= 8192
    lanes, moved, _ = timeline.folded(200)
    record = json.dumps([lanes, as_columns(timeline.spans.copied(1500, moved))])
    assert len(record) < 120_000


def test_a_worker_that_dies_says_why_until_its_successor_has_worked():
    timeline = Timeline(BEGAN)
    chunk = ChunkDone("r", "p1", "here", 11, range(1), BEGAN, [BEGAN + 1], 1, (), ())
    timeline.take(chunk)
    assert timeline.lose(WorkerDown("p9", "here", 1, "killed")) is None
    assert timeline.lose(WorkerDown("p1", "here", 11, "killed by signal 9")) == 0
    assert [(row["is_up"], row["reason"]) for row in timeline.lanes()] == [(False, "killed by signal 9")]
    timeline.take(chunk._replace(pid=12))
    assert [(row["is_up"], row["pid"], row["reason"]) for row in timeline.lanes()] == [(True, 12, "")]
