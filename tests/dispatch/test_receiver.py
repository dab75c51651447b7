"""What becomes of a chunk of which a part was taken over before the worker had loaded any of it."""

from __future__ import annotations

import time
from collections import deque
from types import SimpleNamespace
from typing import Any

import pytest

from pathos_nb.dispatch.crew import Chunk
from pathos_nb.dispatch.receiver import Receiver
from pathos_nb.dispatch.run import Task
from pathos_nb.launchers.contract import Reply, Running, SlotDown, TakenBack
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import DONE, FAILED, Report

NUMBER = 7


class Scene:
    """A receiver, and one worker that was sent items 2 and 3; item 3 went to another since."""

    def __init__(self, retries: int) -> None:
        self.failed: list[Any] = []
        self.run = SimpleNamespace(
            again=deque(), inner={}, attempts={}, stopping="", source=SimpleNamespace(star=False),
            options=SimpleNamespace(retries=retries), keeper=SimpleNamespace(has=lambda index: False, place=self.fail),
            run_id="1", tell=lambda event: None, requeue=self.requeue, fail=self.failed.append,
            held_for=None, let_go=lambda chunk: setattr(self.run, "held_for", None),
        )  # fmt: skip
        task = Task(range(2, 4), ([2, 3],), contested=True)
        self.chunk = Chunk(self.run, task, NUMBER, 0)  # type: ignore[arg-type]
        self.chunk.limit = 1
        self.slot = SimpleNamespace(name="w", host="h", pid=1, python="", running=lambda: Running(NUMBER, 0, 0.0, 2))
        self.seat = SimpleNamespace(
            take=lambda number: self.chunk, take_all=lambda: [self.chunk], in_flight={}, slot=self.slot, name="w", retiring=False, leaving=False,
            most_items=None, n_items=2, last_size=2,
        )  # fmt: skip
        crew = SimpleNamespace(
            seat_of=lambda slot: self.seat, stillborn=0, mourn=lambda *a: None, replace=lambda s: None
        )
        self.receiver = Receiver(crew, self.fail, self.fail, lambda run: None, None)  # type: ignore[arg-type]

    def requeue(self, task: Task, first: bool = False) -> None:
        """Keep what is to run again."""
        if len(task.indices):
            self.run.again.append(task)

    def fail(self, *what: Any) -> None:
        """Keep what was given up."""
        self.failed.append(what)

    @property
    def again(self) -> list[list[int]]:
        """The items that run again, as they are sent together."""
        return [list(task.indices) for task in self.run.again]


def test_an_item_is_not_blamed_for_another_that_cannot_be_loaded():
    scene = Scene(retries=1)
    told = "items\nOSError: I will not arrive\n..."
    report = Report(NUMBER, 0, time.time(), b"", 1, (), (), told)
    scene.receiver.take(Reply(scene.slot, Frame(DONE, tuple(report))))  # type: ignore[arg-type]
    assert scene.failed == []
    assert scene.again == [[2]]


@pytest.mark.parametrize("retries", [0, 1])
def test_an_item_is_not_blamed_for_another_that_kills_as_it_is_loaded(retries: int):
    scene = Scene(retries)
    scene.receiver.take(SlotDown(scene.slot, "killed by signal 9", ""))  # type: ignore[arg-type]
    assert scene.failed == []
    assert scene.again == [[2]]
    assert scene.run.attempts == {}


def test_a_failure_that_is_told_of_holds_the_run_until_its_report_is_there():
    scene = Scene(retries=0)
    scene.seat.in_flight[NUMBER] = scene.chunk
    scene.receiver.take(Reply(scene.slot, Frame(FAILED, (NUMBER,))))  # type: ignore[arg-type]
    assert scene.run.held_for is scene.chunk
    report = Report(NUMBER, 0, time.time(), b"", 1, (), (), "")
    scene.receiver.take(Reply(scene.slot, Frame(DONE, tuple(report))))  # type: ignore[arg-type]
    assert scene.run.held_for is None
    assert scene.again == [[2]]


def test_what_a_worker_elsewhere_gives_back_it_may_have_begun_all_the_same():
    scene = Scene(retries=1)
    scene.chunk.task, scene.chunk.limit = Task(range(2, 4), ([2, 3],)), 2
    scene.seat.in_flight[NUMBER] = scene.chunk
    scene.receiver.take(TakenBack(scene.slot, NUMBER, 1))  # type: ignore[arg-type]
    [part] = scene.run.again
    assert list(part.indices) == [3] and scene.chunk.limit == 1
    assert part.contested and scene.chunk.task.contested, "whichever comes second is dropped"
