"""A run as messages: every item is told once, and no message is large, whatever the run."""

from __future__ import annotations

import base64
import json
import math
import re

import pytest

from pathos_nb.dispatch.source import SliceSource
from pathos_nb.errors import Failure
from pathos_nb.events import ChunkDone
from pathos_nb.notebook.feed import SAVED, Feed, record_of
from pathos_nb.notebook.picture import html
from pathos_nb.notebook.saved import MOST_BYTES, saved_bundle
from pathos_nb.notebook.stream import INTERVAL_S, Stream
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.messages import PROTOCOL, RUN_MIME
from tests.notebook.fake_run import FakeRun

NASTY = "<script>alert(1)</script>\x1b[31m\u202e" + "x" * 1000


def worst(n_chunks: int = 3000, n_workers: int = 1200) -> tuple[FakeRun, Watch]:
    """A run of many workers with long names, of which many items fail, and print."""
    run = FakeRun(n_chunks * 100, title=NASTY)
    watch = Watch(run, 0.0, cap=10_000_000)
    watch.label = lambda index: f"{NASTY}{index}"
    watch.names = (NASTY,) * 200
    run.subscribe(lambda event: watch.take(event) if isinstance(event, ChunkDone) else None)
    for number in range(n_chunks):
        first = number * 100
        found = {index: index for index in range(first, first + 100)}
        if number % 10 == 0:
            found[first] = Failure(first, ValueError(NASTY), worker=NASTY, host=NASTY, traceback=NASTY * 20)
        said = "\u20ac" * 1_000_000 if number == 5 else NASTY if number % 50 == 0 else ""
        run.deliver(found, worker=f"{number % n_workers}{NASTY}", start=number * 0.1, step=0.001, said=said)
    return run, watch


def size(message: object) -> int:
    return len(json.dumps(message, ensure_ascii=False).encode())


def test_every_message_of_the_worst_run_has_its_bound():
    run, watch = worst()
    late, early = Feed(watch), Feed(watch)
    early.whole(0.0)
    watch.catch_up()
    parts = [early.delta(1.0)]
    while early.has_more:
        parts.append(early.delta(1.0))
    assert max(map(size, parts)) < 150_000
    assert sum(sum(part["spans"]["n_items"]) for part in parts) in (0, run.n_done)
    whole = late.whole(1.0)["record"]
    assert size(whole) < 1_000_000
    assert sum(whole["spans"]["n_items"]) == run.n_done
    look = {"type": "look", "id": 1, "run": "r1", "lanes": list(range(2000)), "from_s": 0.0, "to_s": 1e9, "n_pixels": 9}
    assert size(late.window(look)) < 150_000


def test_what_is_saved_of_the_worst_run_is_small_and_harmless():
    run, watch = worst()
    run.end("failed")
    record = record_of(watch, 1.0, SAVED)
    bundle = saved_bundle(watch.snapshot(1.0), record)
    assert size(bundle[RUN_MIME]) <= MOST_BYTES
    assert sum(record["spans"]["n_items"]) == sum(lane["n_items"] for lane in record["lanes"]) == run.n_done
    assert record["n_more_failures"] == run.n_failed - len(record["failures"]) > 0
    for bad in ("<script", "<style", "<svg", "\x1b"):
        assert bad not in bundle["text/html"]


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


def energy(x, gap):
    """What a map calls."""


@pytest.mark.parametrize("is_star", [False, True])
def test_single_items_of_a_map_are_named_by_their_arguments_as_long_as_its_input_is_known(is_star):
    run, columns = FakeRun(4), ([0.25, NASTY, 3, Rude()], (1, 2, 3, 4))
    run.source = SliceSource((list(zip(*columns, strict=True)),) if is_star else columns, is_star)
    run.function = energy
    watch = Watch(run, 0.0, 100)
    run.deliver({0: 0, 1: 1}, worker="b", start=5.0)
    run.deliver({2: 2, 3: Failure(3, ValueError("x"))}, worker="a", start=5.0)
    run.end("failed")
    run.source.end()
    for chunk in run.chunks:
        watch.take(chunk)
    items = record_of(watch, 1.0, SAVED)["items"]
    assert items["lane"] == [0, 0, 1, 1] and items["index"] == [0, 1, 2, 3] and items["end_s"][1] == 7.0
    assert items["label"][0] == "x=0.25, gap=1" and items["is_failed"] == [False, False, False, True]
    assert items["label"][2] == "x=3, gap=3" and items["label"][3].startswith("x=<Rude instance")
    assert len(items["label"][1]) <= 120
    watch.arguments.release()
    assert record_of(watch, 1.0, SAVED)["items"] == items, "what was asked once is known"


def test_of_many_items_those_that_failed_or_took_longest_are_kept_and_of_very_many_none():
    run = FakeRun(5000)
    watch = Watch(run, 0.0, 100)
    for index in range(0, 5000, 100):
        found = {i: Failure(i, ValueError("x")) if i % 500 == 3 else i for i in range(index, index + 100)}
        run.deliver(found, start=float(index), step=2.0 if index == 700 else 0.1)
    run.end("failed")
    for chunk in run.chunks:
        watch.take(chunk)
    items = record_of(watch, 1.0, SAVED)["items"]
    assert len(items["index"]) == 400 and {i for i in range(5000) if i % 500 == 3} <= set(items["index"])
    assert set(range(700, 800)) <= set(items["index"]) and items["start_s"] == sorted(items["start_s"])
    assert set(items["label"]) == {""}, "a generator's items are not known afterwards"
    run.deliver({5000: 0})
    assert record_of(watch, 1.0, SAVED)["items"]["index"] == []


def test_points_whose_output_was_left_out_are_counted():
    run = FakeRun(4)
    watch = Watch(run, 0.0, cap=100_000)
    run.subscribe(lambda event: watch.take(event) if isinstance(event, ChunkDone) else None)
    feed = Feed(watch)
    for index in range(4):
        run.deliver({index: index}, start=float(index), step=0.1, said="x" * 20_000 if index != 2 else "")
    record = record_of(watch, 1.0, SAVED)
    assert (len(record["printed"]), record["n_printed"], feed.delta(1.0)["n_printed"]) == (2, 3, 3)


def test_the_lanes_are_a_picture_and_the_workers_a_table():
    run = FakeRun(4)
    watch = Watch(run, 0.0, 1000)
    run.subscribe(lambda event: watch.take(event) if isinstance(event, ChunkDone) else None)
    run.deliver({0: 1, 1: 1}, worker="<p1>")
    run.deliver({2: 1, 3: Failure(3, ValueError("no"))}, worker="me@node7-2", place="me@node7")
    run.end()
    shot = watch.snapshot(1.0)
    bundle = saved_bundle(shot, record_of(watch, 1.0, SAVED))
    drawn = bundle["text/html"]
    assert 'src="data:image/svg+xml;base64,' in drawn and "&lt;p1&gt;" in drawn and "<p1>" not in drawn
    assert "2 workers, 4.0 s of work" in bundle["text/plain"]
    assert re.search(r'<td[^>]* title="here">me@node7<', drawn), "a host's own name is there for who asks"
    lanes = base64.b64decode(re.findall('base64,([^"]*)', drawn)[0]).decode()
    assert (
        ">me@node7-2<" in lanes and lanes.count("<use ") == 1 and lanes.index("&lt;p1&gt;") < lanes.index("node7-2")
    ), "what failed is cut in two"
    assert "data:image" not in html(shot), "not while it goes on"


def test_what_came_before_somebody_looked_is_told_once():
    run = FakeRun(10)
    watch = Watch(run, 0.0, 1000)
    run.subscribe(lambda event: watch.take(event) if isinstance(event, ChunkDone) else None)
    feed = Feed(watch)
    run.deliver({0: 1, 1: 1}, said="a")
    record = feed.whole(1.0)["record"]
    run.deliver({2: 1}, said="b")
    delta = feed.delta(2.0)
    assert sum(record["spans"]["n_items"]) == 2 and [row["text"] for row in record["printed"]] == ["a", "a"]
    assert sum(delta["spans"]["n_items"]) == 1 and [row["text"] for row in delta["printed"]] == ["b"]
    assert feed.delta(3.0)["spans"]["lane"] == [] and feed.delta(3.0)["printed"] == []


@pytest.fixture
def said() -> list:
    return []


@pytest.fixture
def stream(said) -> Stream:
    watch = Watch(FakeRun(10), 0.0, 1000)
    return Stream(Feed(watch), said.append)


def test_nothing_is_sent_before_somebody_opens(stream, said):
    assert stream.due(True) == math.inf
    stream.tell(1.0)
    assert not said
    stream.hear({"type": "open", "version": PROTOCOL})
    assert stream.due() <= 1.0
    stream.tell(1.0)
    assert [message["type"] for message in said] == ["hello", "run"]
    assert stream.due(True) >= 1.0 + INTERVAL_S, "ten a second"
    stream.hear({"type": "close"})
    assert stream.due(True) == math.inf, "who has closed costs nothing"


ODD = [
    {},
    {"type": None},
    {"type": "look"},
    {"type": "look", "id": 1, "lanes": "all", "from_s": 0, "to_s": 1, "n_pixels": 5},
    {"type": "look", "id": 1, "lanes": [0], "from_s": math.nan, "to_s": 1, "n_pixels": 5},
    {"type": "look", "id": 1, "lanes": [0], "from_s": 0, "to_s": 1, "n_pixels": math.inf},
]


@pytest.mark.parametrize("message", ODD, ids=range(len(ODD)))
def test_a_message_that_makes_no_sense_does_no_harm(stream, said, message):
    stream.hear({"type": "open", "version": PROTOCOL})
    stream.tell(1.0)
    stream.hear(message)
    stream.tell(2.0)
    assert [message["type"] for message in said] == ["hello", "run", "delta"]


def test_another_version_is_told_and_nothing_else(stream, said):
    stream.hear({"type": "open", "version": PROTOCOL + 1})
    stream.tell(1.0)
    stream.tell(2.0)
    assert [message["type"] for message in said] == ["hello"] and stream.due(True) == math.inf
