"""Workers chosen by what they are and have, and what each may take: on every launcher whose workers are processes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.selecting import Site, as_bytes, chooser
from pathos_nb.errors import BadOption, Failure, NothingFits, OutOfMemory
from pathos_nb.launchers.contract import Offer
from pathos_nb.launchers.registry import registry
from tests.rig import agents
from tests.rig.launchers import apart

pytestmark = pytest.mark.timeout(60)
SITE = Site("node1-2", "n1.lab", "node1", frozenset({"fast", "large"}), 8, 16 * 10**9, ("0", "1"))


def take(n_bytes: int) -> int:
    return len(bytearray(n_bytes))


def gpus(_: int) -> str | None:
    time.sleep(0.01)
    return os.environ.get("CUDA_VISIBLE_DEVICES")


@pytest.fixture(scope="module")
def two_places(pools: Any) -> Iterator[Pool]:
    """This machine and an agent, of which each has three GPUs, as far as anybody can tell; `pools` counts what is left."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "4,5,6")
        agents.register()
        with Pool("processes", "agent", nodes=2, tags={"agent": ("far", "large")}) as pool:
            yield pool


def workers_of(pool: Pool, **options: Any) -> set[str]:
    run = pool.start(time.sleep, [0.005] * 24, **options)
    run.result()
    return {chunk.worker for chunk in run.chunks}


@pytest.mark.parametrize(
    ("where", "is_it"),
    [
        ("node1", True),
        ("n1.lab", True),
        ("node1-2", True),
        ("fast", True),
        ("slow, large", True),
        (["slow", "node2"], False),
        ({"tag": "fast", "memory": "16 GB", "cores": 8, "gpus": 2}, True),
        ({"tag": "fast", "memory": "16 GiB"}, False),
        ({"gpus": 3}, False),
        ({"host": ["n1.lab", "n2.lab"], "place": "node1", "worker": "node1-2"}, True),
        (lambda site: site.cores > 8, False),
    ],
)
def test_a_worker_is_told_by_what_it_is_called_and_has(where: Any, is_it: bool) -> None:
    assert chooser(where)(SITE) is is_it


@pytest.mark.parametrize(
    ("said", "n_bytes"),
    [("2 GB", 2 * 10**9), ("1.5k", 1500), ("512MiB", 2**29), ("7", 7), (10**6, 10**6), (2.5e3, 2500)],
)
def test_sizes(said: Any, n_bytes: int) -> None:
    assert as_bytes(said) == n_bytes


@pytest.mark.parametrize(
    ("option", "why"),
    [
        ({"where": {"colour": "red"}}, "where speaks of .*colour"),
        ({"where": 3}, "where is 3; it may be names or tags"),
        ({"memory": "lots"}, "memory is 'lots'"),
        ({"memory": 0}, "memory is 0"),
        ({"gpus": 0}, "gpus is 0"),
    ],
)
def test_what_makes_no_sense_is_refused_at_once(option: dict[str, Any], why: str) -> None:
    with Pool("serial") as pool, pytest.raises(BadOption, match=why):
        pool.map(abs, [1], **option)
    with pytest.raises(BadOption, match=why):
        Pool("serial", **option)


def test_maps_run_where_they_want_to(two_places: Pool) -> None:
    assert workers_of(two_places, where="far") <= {"agent-1", "agent-2"}
    assert workers_of(two_places, where={"place": "processes", "memory": "1 MB"}) <= {"processes-1", "processes-2"}
    assert workers_of(two_places, where=lambda site: site.worker == "agent-2") == {"agent-2"}
    assert two_places.pipe(abs, -1, where="processes-1") == 1


@pytest.mark.parametrize("option", [{"where": "moon"}, {"where": {"memory": "900 TB"}}, {"gpus": 4}])
def test_where_nobody_fits_the_map_says_who_there_is(two_places: Pool, option: dict[str, Any]) -> None:
    with pytest.raises(NothingFits, match=r"fits .*; there is processes on .* 3 GPUs.*; agent on .*far, large"):
        two_places.map(abs, [-1], **option)
    assert two_places.map(abs, [-1]) == [1]


def test_a_function_that_raises_is_told(two_places: Pool) -> None:
    with pytest.raises(BadOption, match="raised ZeroDivisionError"):
        two_places.map(abs, [-1], where=lambda site: 1 // 0)
    with pytest.raises(BadOption, match="each runs on every worker"):
        two_places.each(abs, -1, where="far")


def test_each_worker_has_its_own_gpus(two_places: Pool) -> None:
    assert set(two_places.map(gpus, range(40), gpus=1, chunksize=1)) <= {"4", "5"}
    assert set(two_places.map(gpus, range(8), gpus=2, where="far")) == {"4,5"}
    assert set(two_places.map(gpus, range(8))) == {"4,5,6"}


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="a memory limit needs Linux")
def test_an_item_that_takes_too_much_fails_and_its_worker_goes_on(two_places: Pool) -> None:
    pids = set(two_places.each(os.getpid))
    ys = two_places.map(take, [10**6, 10**9, 10**7, 10**9], memory="300 MB", on_error="keep")
    assert [y.error.__class__ if isinstance(y, Failure) else y for y in ys] == [10**6, OutOfMemory, 10**7, OutOfMemory]
    with pytest.raises(MemoryError, match=r"more than the 0.3 GB that it may take .*; give it more by memory="):
        two_places.pipe(take, 10**9, memory="300 MB")
    assert set(two_places.each(os.getpid)) == pids
    assert two_places.pipe(take, 4 * 10**8) == 4 * 10**8


@apart
def test_what_its_machine_has_is_known_of_each_worker_and_limits_hold_there(pool: Any, launcher: str) -> None:
    wants = {"cores": 1, "memory": "100 MB"}
    if launcher == "ppft":
        with pytest.raises(NothingFits, match="there is ppft.* on "):
            pool.map(abs, [-1], where=wants)
    else:
        assert pool.map(abs, [-1, -2], where=wants) == [1, 2]
        with pytest.raises(NothingFits, match=r"there is .* on .*\(\d+ cores, .* GB"):
            pool.map(abs, [-1], where={"cores": 10**6})
    ys = pool.map(take, [10**6, 10**9], memory="300 MB", on_error="keep", chunksize=1)
    assert [y.error.__class__ if isinstance(y, Failure) else y for y in ys] == [10**6, OutOfMemory]


def test_threads_cannot_be_limited() -> None:
    with Pool("threads", nodes=1, memory="1 GB") as pool:
        with pytest.raises(NothingFits, match="limits, GPUs and files need workers that are processes"):
            pool.map(abs, [-1])
        assert pool.map(abs, [-1], memory=None) == [1]
        assert pool.each(abs, -1) == [1]


def test_the_automatic_choice_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATHOS_NB_CORES", "2")
    agents.register()
    offers = [
        Offer("agent", "far", 2, 0.1, 10**10, ("0",)),
        Offer("b", "b", 16, 16.2),
        Offer("c", "c", 4, 0.0, problem="link lost"),
    ]
    monkeypatch.setattr(registry, "offers", lambda: offers)
    with Pool("auto") as pool:
        assert pool.places == ("processes", "agent")
        assert pool.map(abs, range(-3, 0)) == [3, 2, 1]
        lines = pool.why.splitlines()
        assert lines[1:4] == [
            "agent: taken with 2 workers (2 cores, load 0.1, 10 GB, 1 GPUs)",
            "b: left out (16 cores, load 16.2): others keep it busy",
            "c: left out (4 cores, load 0.0): link lost",
        ]
        assert "(auto: processes: taken with " in repr(pool)
    with Pool("auto", where={"gpus": 1, "tag": "good"}, tags={"agent": "good"}) as pool:
        assert pool.places == ("agent",)
    with pytest.raises(NothingFits, match="no place fits where='moon'; processes: left out .*connect a host"):
        Pool("auto", where="moon")


def test_where_only_threads_may_run_it_a_limit_says_that_these_cannot_have_one() -> None:
    with Pool("processes", "threads", nodes=1) as pool, pytest.raises(NothingFits, match="processes of their own"):
        pool.map(abs, [1], memory="1 GB", where="threads")
