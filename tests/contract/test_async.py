"""`amap` and `apipe`: a handle on a run that goes on by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from pathos_nb.errors import Cancelled
from tests.contract.calls import add, picky, same, square, wait_for
from tests.rig.launchers import not_serial

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gate"


@not_serial
def test_a_handle_is_not_ready_before_its_result(pool: Any, file: Path) -> None:
    handle = pool.amap(wait_for, [str(file)])
    assert not handle.ready()
    with pytest.raises(TimeoutError):
        handle.get(0.01)
    handle.wait(0.01)
    with pytest.raises(ValueError, match=r"(?i)not ready|running|not over"):
        handle.successful()
    file.touch()
    assert handle.get(30) == [str(file)]
    assert (handle.ready(), handle.successful()) == (True, True)
    assert handle.run.state == "done"


def test_a_failed_handle_raises_each_time_it_is_asked(pool: Any) -> None:
    handle = pool.amap(picky, range(3))
    for _ in range(2):
        with pytest.raises(ValueError, match="no 1"):
            handle.get(30)
    assert (handle.ready(), handle.successful(), handle.run.state) == (True, False, "failed")


def test_one_call_fails_as_itself(pool: Any) -> None:
    with pytest.raises(ValueError, match="no 4"):
        pool.apipe(picky, 4).get(30)
    with pytest.raises(ValueError, match="no 4"):
        pool.pipe(picky, 4)


def test_many_handles_each_give_their_own(pool: Any) -> None:
    handles = [pool.apipe(add, i, i) for i in range(50)]
    assert [h.get(30) for h in handles] == [2 * i for i in range(50)]


def test_handles_and_maps_mix(pool: Any) -> None:
    handles = [pool.amap(square, range(i)) for i in range(10)]
    assert pool.map(same, range(20)) == list(range(20))
    assert [h.get(30) for h in handles] == [[x * x for x in range(i)] for i in range(10)]


@not_serial
def test_cancel_stops_items_at_work_and_begins_no_more(pool: Any, file: Path) -> None:
    handle = pool.amap(wait_for, [str(file)] * 50)
    handle.cancel()
    with pytest.raises(Cancelled):
        handle.get(30)
    assert handle.ready() and not handle.successful()
    assert handle.run.state == "cancelled"


def test_cancel_after_the_end_changes_nothing(pool: Any) -> None:
    handle = pool.amap(square, range(3))
    assert handle.get(30) == [0, 1, 4]
    handle.cancel()
    assert handle.get(30) == [0, 1, 4]
    assert handle.run.state == "done"


def test_a_handle_can_be_awaited(pool: Any) -> None:
    async def both() -> Any:
        return await asyncio.gather(pool.apipe(square, 3), pool.amap(square, [1, 2]))

    assert asyncio.run(both()) == [9, [1, 4]]


def test_awaiting_a_failure_raises_it(pool: Any) -> None:
    async def fail() -> Any:
        return await pool.apipe(picky, 4)

    with pytest.raises(ValueError, match="no 4"):
        asyncio.run(fail())


def test_an_executor_has_futures(pool: Any) -> None:
    with pool.executor() as executor:
        future = executor.submit(add, 1, b=2)
        assert future.result(30) == 3
        assert list(executor.map(square, range(5))) == [0, 1, 4, 9, 16]
        with pytest.raises(ValueError, match="no 1"):
            executor.submit(picky, 1).result(30)
    assert pool.state == "open"
