"""Lanes of maps inside of items: under the worker whose item it is, and no part of the run's own figures."""

from __future__ import annotations

from array import array

from pathos_nb.dispatch.lanes import nested
from pathos_nb.dispatch.timeline import Part, SpanStore, Timeline
from pathos_nb.events import ChunkDone, InnerTold
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.protocol import InnerNews
from tests.notebook.fake_run import FakeRun


def chunk(worker: str, start: float = 1.0) -> ChunkDone:
    return ChunkDone("r", worker, "here", 7, range(2), start, array("d", [start + 1.0]), 2, (), ())


def test_they_stand_under_their_worker_however_deep_and_whoever_reports_first() -> None:
    timeline = Timeline(0.0)
    timeline.take_inner(("a-1", "b-1"), chunk("c-1"))  # nobody above has reported anything yet
    timeline.take(chunk("a-2"))
    timeline.take_inner(("a-2",), chunk("b-1"))
    timeline.take(chunk("a-1"))
    names = {lane["lane"]: lane["worker"] for lane in timeline.lanes()}
    parents = {lane["worker"]: names.get(lane["parent"]) for lane in timeline.lanes()}
    assert parents == {
        "a-1": None, "a-1 › b-1": "a-1", "a-1 › b-1 › c-1": "a-1 › b-1", "a-2": None, "a-2 › b-1": "a-2",
    }  # fmt: skip
    assert [lane["worker"] for lane in nested(timeline.lanes()[::-1])] == [
        "a-2", "a-2 › b-1", "a-1", "a-1 › b-1", "a-1 › b-1 › c-1",
    ]  # fmt: skip


def test_they_count_neither_as_workers_nor_as_work() -> None:
    timeline = Timeline(0.0)
    timeline.take(chunk("a-1"))
    timeline.take_inner(("a-1",), chunk("b-1"))
    assert (timeline.n_workers, timeline.busy_s) == (1, 1.0)
    assert timeline.shares() == [("a-1", 2)]
    store = SpanStore(10)
    timeline.add_inner(store, Part(frozenset({0, 1}), 0.0, 5.0))
    assert [lane for lane, _ in store] == [1]


def test_they_stand_where_their_worker_does_under_the_name_that_its_host_was_given() -> None:
    watch = Watch(FakeRun(), 0.0, 100)  # type: ignore[arg-type]
    for host in ("here", "elsewhere"):
        raw = (f"{host}-1", host, 7, (0, 1, 1), 1.0, array("d", [2.0]).tobytes(), 1, 0)
        news = InnerNews([(0, "r2")], [], "g", 1, "running", 1, 0, 0.0, 0.0, [raw])
        watch.take(InnerTold("r1", "node1-1", news, "here", "node1"))
    watch.catch_up()
    shown = {lane["worker"]: (lane["host"], lane["machine"]) for lane in watch.timeline.lanes()}
    assert shown == {
        "node1-1": ("node1", "here"), "node1-1 › here-1": ("node1", "here"), "node1-1 › elsewhere-1": ("elsewhere", ""),
    }  # fmt: skip


def test_there_is_room_for_the_runs_own_workers_however_many_inner_ones_there_are() -> None:
    timeline = Timeline(0.0, most_lanes=10)
    lanes = [timeline.take_inner(("a-1",), chunk(f"b-{n}")) for n in range(20)]
    assert lanes[-1] is None
    assert timeline.take(chunk("a-2")) < 10


def test_lanes_that_are_each_others_parents_are_listed_or_left_out_but_never_for_ever() -> None:
    lanes = Timeline(0.0)
    lanes.take(chunk("a-1"))
    lanes.take(chunk("a-2"))
    rows = lanes.lanes()
    rows[0]["parent"], rows[1]["parent"] = 1, 0
    assert len(nested(rows)) <= 2
