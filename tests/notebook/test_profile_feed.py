"""A profile as messages: bounded whatever was sampled, and after the first one only what has changed."""

from __future__ import annotations

import json
import threading

import pytest

from pathos_nb.dispatch.profile_report import ProfileReport
from pathos_nb.dispatch.profiles import Profile, Ran, Source, Traffic, make_profile
from pathos_nb.notebook.feed import SAVED, Feed, record_of
from pathos_nb.notebook.profile_feed import ProfileFeed
from pathos_nb.notebook.saved import saved_bundle
from pathos_nb.notebook.stream import Stream
from pathos_nb.notebook.watch import Watch
from pathos_nb.wire.protocol import Cost, Profiled
from tests.notebook.fake_run import FakeRun

EVIL = "<script>alert(1)</script>\x00\ud800é;\n"


def sampled(*stacks: tuple[tuple[str, ...], int], cost: Cost | None = None) -> Profiled:
    """What a worker sends of stacks of names, each with its milliseconds."""
    frames = sorted({name for path, _ in stacks for name in path})
    places = {name: place for place, name in enumerate(frames)}
    told = [(tuple(places[n] for n in path), 1, (1000 * ms, 0, 0, 0, 0)) for path, ms in stacks]
    return Profiled([(name, f"{name}.py", 1) for name in frames], told, (), (), cost)


def profile_of(*stacks: tuple[tuple[str, ...], int], worker: str = "w1", host: str = "here") -> Profile:
    profile = make_profile(True)
    assert profile is not None
    profile.add(Source(worker, host, 1), sampled(*stacks))
    return profile


def worst() -> Profile:
    """As many workers, hosts, functions and depths as anybody may have, with the worst names."""
    profile = make_profile(True)
    assert profile is not None
    for w in range(40):
        stacks = [
            ((f"{EVIL}{w % 7}" * 9, *(f"f{i % 40}_{d}" * 20 for d in range(i % 90))), 3 + i) for i in range(0, 90, 3)
        ]
        source = Source(f"{EVIL}worker {w}" * 9, f"host {w % 30}" * 20, w)
        told = sampled(*stacks, cost=Cost(1, 2, 3, 4, 5, 6, 7))
        profile.add(source, told)
        profile.add_chunk(source, told, Ran([w], [0.0, 1.0], 1, lambda place: EVIL * 30), Traffic(1, 2, 7.0))
    return profile


def test_only_what_has_changed_is_told_again():
    profile = profile_of((("work", "slow"), 70), (("work", "quick"), 30))
    feed = ProfileFeed(profile)
    first = feed.whole(2.0)["nodes"]
    assert sorted(zip(first["name"], first["total_ms"], strict=True)) == [
        ("all", 100.0), ("quick", 30.0), ("slow", 70.0), ("work", 100.0),
    ]  # fmt: skip
    assert not feed.has_news and feed.part(2.0)["nodes"]["id"] == []
    profile.add(Source("w2", "there", 1), sampled((("work", "quick"), 5)))
    assert feed.has_news
    part = feed.part(2.0)
    assert part["nodes"]["name"] == ["all", "work", "quick"], "callers come first, and slow is as it was"
    assert part["usage"]["name"] == ["here", "there", "w1", "w2"] and part["usage"]["is_host"][:3] == [
        True,
        True,
        False,
    ]


def test_every_part_of_the_worst_profile_has_its_bound():
    feed = ProfileFeed(worst())
    assert len(json.dumps(feed.whole(2.0), ensure_ascii=False)) < 120_000
    for _ in range(3):
        feed._profile.add(Source("w", "h", 1), sampled(*((("x" * 200, f"y{i}" * 60), 900) for i in range(700))))
        assert len(json.dumps(feed.part(2.0), ensure_ascii=False)) < 60_000


def test_what_a_cell_keeps_of_the_worst_profile_is_small_and_harmless():
    run = FakeRun()
    run.profile = worst()
    run.end()
    watch = Watch(run, 0.0, 1000)
    bundle = saved_bundle(watch.snapshot(1.0), record_of(watch, 1.0, SAVED))
    assert "<script" not in bundle["text/html"] and "<svg" not in bundle["text/html"]
    assert 'class="pathos-nb-flame"' in bundle["text/html"] and len(bundle["text/html"]) < 400_000


def test_a_stream_tells_the_profile_once_a_second_and_the_last_of_it_at_the_end():
    run = FakeRun()
    run.profile = profile_of((("work",), 10))
    watch, sent = Watch(run, 0.0, 1000), []
    stream = Stream(Feed(watch), sent.append, is_open=True)
    now = 0.0
    while now < 5.0:
        run.profile.add(Source("w1", "here", 1), sampled((("work",), 10)))
        if stream.due(True) <= now:
            stream.tell(now)
        now += 0.01
    parts = [message for message in sent if message["type"] == "profile"]
    assert 4 <= len(parts) <= 6 and len(sent) <= 52
    assert sum(len(json.dumps(message)) for message in sent) < 5 * 100_000
    run.end()
    stream.finish(now)
    assert [message["type"] for message in sent[-2:]] == ["profile", "ended"]


def test_memory_of_a_profile_is_bounded_and_nothing_seen_is_lost(monkeypatch):
    monkeypatch.setattr("pathos_nb.dispatch.calltree.MOST_NODES", 100)
    monkeypatch.setattr("pathos_nb.dispatch.profiles.MOST_WORKERS", 5)
    profile = make_profile(True)
    for i in range(400):
        profile.add(Source(f"w{i}", "h", i), sampled(((f"a{i}", f"b{i}", "c"), 10)))
    assert len(profile.tree) <= 100 and len(profile.workers) == 6
    assert sum(sum(times[1:]) for times in profile.own.values()) == 400 * 10_000


def test_readers_and_workers_do_not_disturb_each_other():
    profile, errors, is_over = profile_of((("a",), 1)), [], threading.Event()
    run = FakeRun()
    run.profile = profile

    def read() -> None:
        try:
            while not is_over.is_set():
                repr(ProfileReport(run))
                ProfileFeed(profile).whole(2.0)
        except Exception as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    for i in range(300):
        profile.add(Source(f"w{i % 9}", "h", 1), sampled(((f"a{i}", "b"), 1)))
    is_over.set()
    reader.join()
    assert not errors


@pytest.mark.parametrize("name", ["w9", "nobody"])
def test_a_worker_that_there_was_not_is_said(name):
    run = FakeRun()
    run.profile = profile_of((("a",), 1))
    with pytest.raises(Exception, match=rf"nothing is known of '{name}'.*w1"):
        ProfileReport(run, worker=name)
