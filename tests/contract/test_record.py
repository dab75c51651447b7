"""A run's record: every index once, stamps that never go back, events that begin and end."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from pathos_nb.errors import Cancelled, Failure
from pathos_nb.events import ChunkDone, ItemFailed, ItemRetried, RunEnded, RunStarted
from pathos_nb.launchers.registry import registry
from tests.contract.calls import fail_first, nap, picky, same, square, wait_for
from tests.rig.census import until
from tests.rig.launchers import not_serial
from tests.rig.sampling import daily

pytestmark = pytest.mark.timeout(60)


class Listener:
    """Keeps the events of every run that begins while it listens."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def __call__(self, run: Any) -> None:
        run.subscribe(self.events.append)

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind)]


@pytest.fixture
def heard() -> Iterator[Listener]:
    listener = Listener()
    registry.observers.append(listener)
    yield listener
    registry.observers.remove(listener)


def indices(chunks: list[ChunkDone]) -> list[int]:
    return [int(i) for c in chunks for i in c.indices]


def covered(chunks: list[ChunkDone]) -> list[int]:
    """Give the indices in the record, in order; one that was taken over while its worker began it is in it twice."""
    return sorted(set(indices(chunks)))


def check_stamps(chunks: list[ChunkDone], earliest: float, latest: float) -> None:
    for chunk in chunks:
        stamps = [chunk.started, *chunk.ends]
        assert list(stamps) == sorted(stamps)
        assert len(chunk.ends) == math.ceil(chunk.n_items / chunk.block)
        assert earliest - 0.05 <= stamps[0] and stamps[-1] <= latest + 0.05
        assert chunk.worker and chunk.host and chunk.pid > 0


@pytest.mark.parametrize("n_items", [1, 2, 100, 20_000])
@pytest.mark.parametrize("chunksize", [None, 7])
def test_the_chunks_cover_each_index(pool: Any, n_items: int, chunksize: int | None) -> None:
    earliest = time.time()
    run = pool.start(square, range(n_items), chunksize=chunksize)
    assert run.wait(30)
    assert covered(run.chunks) == list(range(n_items))
    check_stamps(run.chunks, earliest, time.time())
    assert run.result() == [x * x for x in range(n_items)]


@pytest.mark.parametrize("kind", ["imap", "uimap", "starmap", "map", "amap"])
def test_every_kind_of_map_keeps_the_record(pool: Any, heard: Listener, kind: str) -> None:
    from tests.rig.kinds import KINDS

    KINDS[kind](pool, same, range(60))
    until(lambda: heard.of(RunEnded))
    assert covered(heard.of(ChunkDone)) == list(range(60))
    assert [type(e) for e in heard.events if isinstance(e, RunStarted | RunEnded)] == [RunStarted, RunEnded]
    assert heard.events[0].run_id == heard.events[-1].run_id
    assert heard.of(RunEnded)[0].state == "done"


def test_one_worker_is_not_in_two_chunks_at_once(pool: Any) -> None:
    run = pool.start(square, range(5000))
    assert run.wait(30)
    for worker in {c.worker for c in run.chunks}:
        mine = sorted((c.started, c.ends[-1]) for c in run.chunks if c.worker == worker)
        assert all(a[1] <= b[0] + 1e-3 for a, b in zip(mine, mine[1:], strict=False))


@daily("threads", "processes", "agent")  # the workers of the others run the same loop
def test_items_that_turn_out_to_be_long_go_back_to_be_shared_anew(pool: Any) -> None:
    """A chunk that was made for short items is not kept by one worker to its end."""
    run = pool.start(nap, [0.001] * 100 + [0.26] * 8 + [0.001] * 150)
    assert run.wait(60)
    assert run.result() == [0.001] * 100 + [0.26] * 8 + [0.001] * 150
    assert max(sum(100 <= i < 108 for i in chunk.indices) for chunk in run.chunks) <= 2


def test_a_run_tells_its_counts_and_times(pool: Any) -> None:
    run = pool.start(picky, range(6), on_error="keep", title="six")
    assert run.wait(30)
    assert (run.title, run.total, run.n_done, run.n_failed, run.is_over) == ("six", 6, 6, 2, True)
    assert run.state in {"done", "failed"}
    assert sorted(run.failures) == [1, 4]
    assert run.started_at <= run.ended_at
    assert run.seconds == pytest.approx(run.ended_at - run.started_at, abs=0.05)
    assert run.run_id != pool.start(same, [1]).run_id


def test_the_total_of_an_iterator_is_not_known_before_its_end(pool: Any, heard: Listener) -> None:
    pool.map(same, (x for x in range(5)))
    pool.map(same, range(5))
    assert [e.total for e in heard.of(RunStarted)] == [None, 5]


def test_each_failed_item_is_news(pool: Any, heard: Listener) -> None:
    pool.map(picky, range(6), on_error="keep")
    until(lambda: heard.of(RunEnded))
    assert sorted(e.failure.index for e in heard.of(ItemFailed)) == [1, 4]
    assert sorted(f.index for c in heard.of(ChunkDone) for f in c.failures) == [1, 4]


def test_each_further_attempt_is_news(pool: Any, heard: Listener, tmp_path: Path) -> None:
    pool.map(partial(fail_first, str(tmp_path / "runs")), range(5), retry_on=(OSError,))
    until(lambda: heard.of(RunEnded))
    assert [(e.index, e.attempt) for e in heard.of(ItemRetried)] == [(2, 2)]
    assert "first attempt" in heard.of(ItemRetried)[0].reason
    assert not heard.of(ItemFailed)


@not_serial
def test_a_subscriber_that_has_left_hears_nothing(pool: Any, tmp_path: Path, launcher: str) -> None:
    events: list[Any] = []
    run = pool.start(wait_for, [str(tmp_path / "gate")])
    leave = run.subscribe(events.append)
    leave()
    leave()
    n_before = len(events)
    (tmp_path / "gate").touch()
    assert run.wait(30)
    assert len(events) == n_before


def test_a_subscriber_that_raises_does_the_run_no_harm(pool: Any) -> None:
    def explode(_: Any) -> None:
        raise RuntimeError("a broken view")

    registry.observers.append(lambda run: run.subscribe(explode))
    try:
        assert pool.map(square, range(100)) == [x * x for x in range(100)]
    finally:
        registry.observers.pop()


def test_an_observer_that_raises_does_the_run_no_harm(pool: Any) -> None:
    def explode(_: Any) -> None:
        raise RuntimeError("a broken observer")

    registry.observers.append(explode)
    try:
        assert pool.map(square, range(10)) == [x * x for x in range(10)]
    finally:
        registry.observers.remove(explode)


@not_serial
def test_a_cancelled_run_keeps_what_is_finished(pool: Any, tmp_path: Path, launcher: str) -> None:
    gate = tmp_path / "gate"
    done = tmp_path / "done"
    done.touch()
    run = pool.start(wait_for, [str(done)] * 3 + [str(gate)] * 3, chunksize=1)
    assert until(lambda: run.n_done >= 3)
    run.cancel()
    assert run.wait(30)
    assert run.state == "cancelled"
    values = run.values()
    assert values[:3] == [str(done)] * 3
    assert all(isinstance(v, Failure) and isinstance(v.error, Cancelled) for v in values[3:])
    assert sorted(indices(run.chunks))[:3] == [0, 1, 2]


@not_serial
def test_wait_says_whether_the_run_is_over(pool: Any, tmp_path: Path, launcher: str) -> None:
    run = pool.start(wait_for, [str(tmp_path / "gate")])
    assert run.wait(0.01) is False
    assert (run.state, run.ended_at, run.is_over) == ("running", None, False)
    (tmp_path / "gate").touch()
    assert run.wait(30) is True
