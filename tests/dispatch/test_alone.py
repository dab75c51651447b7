"""One item on an idle pool: one frame there, and the ordinary way where anything is out of the ordinary."""

from __future__ import annotations

import os
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import CannotSend, WorkerLost
from pathos_nb.launchers import child
from pathos_nb.wire.protocol import CALL, DEFINE, WORK

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def pool() -> Any:
    with Pool("processes", nodes=2) as pool:
        yield pool


@pytest.fixture
def sent(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the kinds of frames that go to workers of processes."""
    kinds: list[int] = []
    slot = type(pool._maps.dispatcher.crew.seats[0].slot)
    send = slot.send

    def note(self: Any, frames: Any) -> None:
        kinds.extend(frame.kind for frame in frames)
        send(self, frames)

    monkeypatch.setattr(slot, "send", note)
    return kinds


class NotLoaded:
    """Cannot be loaded where it goes."""

    def __reduce__(self) -> Any:
        return _refuse, ()

    def __call__(self, x: int) -> int:
        return x


def _refuse() -> None:
    raise OSError("not here")


def test_a_call_is_one_frame_and_leaves_nothing_to_forget(pool: Pool, sent: list[int]) -> None:
    assert [pool.pipe(pow, 2, n) for n in range(5)] == [1, 2, 4, 8, 16]
    assert sent == [CALL] * 5


def test_a_map_of_one_item_too(pool: Pool, sent: list[int]) -> None:
    assert pool.map(abs, [-3]) == [3]
    assert sent == [CALL]


def test_what_is_not_small_goes_as_ever(pool: Pool, sent: list[int]) -> None:
    assert pool.pipe(len, bytes(1 << 20)) == 1 << 20
    assert sent == [DEFINE, WORK]


def test_the_caller_is_told_which_of_the_two_cannot_be_loaded(pool: Pool) -> None:
    with pytest.raises(CannotSend, match="argument cannot be loaded"):
        pool.pipe(repr, NotLoaded())
    with pytest.raises(CannotSend, match="cannot load the function"):
        pool.pipe(NotLoaded(), 1)
    assert pool.pipe(abs, -1) == 1


def test_the_record_has_it(pool: Pool) -> None:
    run = pool.start(abs, [-1])
    assert run.result() == [1]
    assert (run.state, run.n_done, [list(chunk.indices) for chunk in run.chunks]) == ("done", 1, [[0]])
    assert run.started_at <= run.chunks[0].started <= run.chunks[0].ends[0]


def die_with_the_report(x: int) -> int:
    if x == 3:
        child._send = _die  # type: ignore[assignment]
    return x


def _die(*_: Any) -> None:
    os._exit(7)


def test_an_item_after_which_the_worker_always_dies_ends_too(pool: Pool) -> None:
    values = pool.map(die_with_the_report, range(4), on_error="keep", chunksize=4)
    assert isinstance(values[3].error, WorkerLost)
    assert [value for x, value in enumerate(values) if x != 3] == [0, 1, 2]
