"""What a worker does with a chunk on trial, and with a call that comes in one frame."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.launchers import chunk as chunks
from pathos_nb.launchers import worker as worker_module
from pathos_nb.launchers.board import Cells
from pathos_nb.launchers.codec import ByReference
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import CALL, DEFINE, DONE, FAILED, WORK, Report, RunSpec

CHUNK_S = 60.0
N_ITEMS = 1000


def worker_of(function: Callable[..., Any], chunk_s: float | None = CHUNK_S) -> Worker:
    worker = Worker(Cells(), ByReference)
    assert worker.handle(Frame(DEFINE, (1, (False, None, None, None, None, chunk_s)), (function, {}))) is None  # type: ignore[arg-type]
    return worker


def report_of(worker: Worker, chunk: int, n_items: int = N_ITEMS) -> tuple[Report, list[Any]]:
    body: Any = (range(n_items),)
    frame = worker.handle(Frame(WORK, (chunk, 1, range(n_items), n_items), body))
    assert frame is not None
    assert frame.kind == DONE
    return Report(*frame.meta), frame.body  # type: ignore[return-value]


def nap(x: int) -> int:
    time.sleep(0.002)
    return x


def fail_at_5(x: int) -> int:
    if x == 5:
        raise ValueError("five")
    return x


def test_of_a_first_chunk_of_long_items_only_the_first_is_run() -> None:
    worker = worker_of(nap)
    report, values = report_of(worker, 1)
    assert (report.n_run, values) == (1, [0])


def test_later_chunks_are_run_to_their_end() -> None:
    worker = worker_of(nap)
    report_of(worker, 1)
    report, values = report_of(worker, 2, 5)
    assert (report.n_run, values) == (5, list(range(5)))


def test_a_size_that_was_given_is_no_trial() -> None:
    report, _ = report_of(worker_of(nap, chunk_s=None), 1, 5)
    assert report.n_run == 5


def test_a_failure_ends_a_trial_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(1e-6)  # a core that is lost in an item would end the trial, too
    monkeypatch.setattr(chunks, "_clock", clock)
    worker = worker_of(lambda x: fail_at_5(clock.item(x)))
    report, values = report_of(worker, 1)
    assert (report.n_run, values) == (6, [0, 1, 2, 3, 4, None])
    assert [failure[0] for failure in report.failures] == [5]
    report, _ = report_of(worker, 2)
    assert report.n_run == N_ITEMS


@pytest.mark.parametrize("n_before", [0, 600], ids=["one by one", "in blocks"])
def test_a_failure_that_ends_the_run_is_told_at_once_and_nothing_more_is_begun(n_before: int) -> None:
    posted: list[Frame] = []
    fails_at = n_before + 5
    begun: list[int] = []

    def item(x: int) -> int:
        begun.append(x)
        return 1 // (x - fails_at)

    worker = worker_of(abs)
    worker.post = posted.append
    spec = RunSpec(False, None, None, None, None, ends_at_failure=True)
    worker.handle(Frame(DEFINE, (1, tuple(spec)), (item, {})))  # type: ignore[arg-type]
    report, _ = report_of(worker, 4)
    assert (report.n_run, begun[-1]) == (fails_at + 1, fails_at)
    assert [(frame.kind, frame.meta) for frame in posted] == [(FAILED, (4,))]
    assert report_of(worker, 5)[0].n_run == 0, "it was sent before the failure was known"
    assert report_of(worker, 6)[0].n_run == fails_at + 1, "this one was sent since"


def test_every_item_has_a_stamp_or_a_share_of_one() -> None:
    worker = worker_of(abs)
    for chunk in range(1, 4):
        report, values = report_of(worker, chunk, 5000)
        assert len(report.ends) // 8 == -(-report.n_run // report.block)
        assert values == list(range(report.n_run))
        assert report.n_run == 5000 or chunk == 1


def call(worker: Worker, body: Any) -> tuple[Report, Any]:
    frame = worker.handle(Frame(CALL, (1, 7, (True, None, None, None, None, None)), body))
    assert frame is not None
    return Report(*frame.meta), frame.body


def test_a_call_is_run_and_nothing_of_it_is_kept() -> None:
    worker = worker_of(abs)
    report, values = call(worker, ((pow, {"mod": 5}), [(2, 3)]))
    assert (report.n_run, values) == (1, [3])
    assert list(worker._runs) == [1]


def test_a_call_that_cannot_be_loaded_says_so() -> None:
    report, _ = call(worker_of(abs), "no pair")
    assert report.n_run == 0
    assert report.undecodable.startswith("call\n")


class Clock:
    """Time passes with each item, as it is told, and not otherwise."""

    def __init__(self, default_s: float, **seconds: float) -> None:
        self.now, self.default_s = 0.0, default_s
        self.seconds = {int(place.removeprefix("at_")): each for place, each in seconds.items()}

    def __call__(self) -> float:
        return self.now

    def item(self, x: int) -> int:
        self.now += self.seconds.get(x, self.default_s)
        return x


def report_by(clock: Clock, monkeypatch: pytest.MonkeyPatch, n_items: int = N_ITEMS) -> Report:
    monkeypatch.setattr(chunks, "_clock", clock)
    return report_of(worker_of(clock.item), 1, n_items)[0]


def test_short_items_share_stamps_and_very_short_ones_in_larger_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_by(Clock(1e-6), monkeypatch)
    assert (report.n_run, report.block, len(array("d", report.ends))) == (1000, 64, 16)
    report = report_by(Clock(1e-8), monkeypatch, 5000)
    ends = array("d", report.ends)
    assert (report.n_run, report.block, len(ends)) == (5000, 512, 10)
    assert ends[0] - report.started == pytest.approx(512e-8, abs=1e-6)


def test_items_that_begin_slowly_go_in_blocks_once_they_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_by(Clock(1e-7, at_3=1e-4, at_4=1e-4), monkeypatch)
    ends = array("d", report.ends)
    assert (report.n_run, report.block, len(ends)) == (1000, 512, 2)
    assert ends[0] - report.started == pytest.approx(2e-4 + 510e-7, abs=1e-6)


def test_one_long_item_among_short_ones_does_not_end_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    report = report_by(Clock(1e-6, at_10=0.02), monkeypatch)
    assert (report.n_run, report.block) == (1000, 64)
    assert report_by(Clock(1e-6, at_700=0.02), monkeypatch).n_run == 1000
    assert report_by(Clock(1e-6, at_260=0.02, at_400=0.02), monkeypatch).n_run == 448


def test_items_that_are_not_short_end_it_whichever_is_the_longest(monkeypatch: pytest.MonkeyPatch) -> None:
    assert report_by(Clock(1e-4), monkeypatch).n_run == 6
    assert report_by(Clock(1e-4, at_4=0.02), monkeypatch).n_run == 5
    assert report_by(Clock(1e-6, at_0=0.02), monkeypatch).n_run == 1


def test_a_worker_that_loses_its_core_as_it_begins_has_the_right_time_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stalls, now = iter([0.3, 0.2, 0.0, 0.1]), [100.0]

    def wall() -> float:
        now[0] += next(stalls, 0.4)
        return 5000.0 + now[0]

    monkeypatch.setattr(worker_module, "_clock", lambda: now[0])
    monkeypatch.setattr(worker_module, "time", SimpleNamespace(time=wall))
    assert worker_of(abs).now(110.0) == pytest.approx(5110.0, abs=1e-6)
