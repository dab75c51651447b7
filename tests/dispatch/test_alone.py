"""One item on an idle pool: one frame there, and the ordinary way where anything is out of the ordinary."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import CannotSend, ItemTimeout, WorkerLost
from pathos_nb.launchers import child
from pathos_nb.launchers.registry import registry
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


# ------------------------------------------------------------------------- a call keeps what every other map keeps too


def begin_and_wait(begun: str) -> None:
    Path(begun).touch()
    time.sleep(60)


def once_there(path: Path, act: Callable[[], object]) -> threading.Thread:
    """Act in a thread of its own when a file is there."""

    def wait() -> None:
        until = time.monotonic() + 30
        while not path.exists() and time.monotonic() < until:
            time.sleep(0.002)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_an_interrupt_ends_a_call_and_not_the_pool(pool: Pool, tmp_path: Path) -> None:
    for turn in range(3):
        begun = tmp_path / str(turn)
        thread = once_there(begun, lambda: os.kill(os.getpid(), signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            pool.pipe(begin_and_wait, str(begun))
        thread.join()
        assert pool.pipe(abs, -turn) == turn


def test_a_worker_that_is_killed_in_a_call_is_lost_with_it(pool: Pool) -> None:
    with pytest.raises(WorkerLost):
        pool.pipe(os._exit, 3, retries=0)
    assert [pool.pipe(abs, -n) for n in range(4)] == [0, 1, 2, 3]


def die_the_first_time(mark: str) -> str:
    if not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return "alive"


def test_a_call_whose_worker_was_killed_is_made_again(pool: Pool, tmp_path: Path) -> None:
    assert pool.pipe(die_the_first_time, str(tmp_path / "mark")) == "alive"


def test_a_call_has_its_timeout(pool: Pool) -> None:
    with pytest.raises(ItemTimeout):
        pool.pipe(time.sleep, 60, timeout=0.1)
    assert pool.pipe(abs, -1, timeout=60) == 1


def test_a_call_is_cancelled_by_another_thread(pool: Pool, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    call = pool.apipe(begin_and_wait, str(begun))
    once_there(begun, call.cancel).join()
    with pytest.raises(Exception, match="cancelled"):
        call.get(30)
    assert pool.pipe(abs, -1) == 1


def test_several_threads_call_at_once(pool: Pool) -> None:
    def calls(first: int) -> list[int]:
        return [pool.pipe(abs, -n) for n in range(first, first + 40)]

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(calls, range(0, 400, 100))) == [list(range(n, n + 40)) for n in range(0, 400, 100)]


def test_what_a_call_prints_comes_with_it(pool: Pool, capsys: pytest.CaptureFixture[str]) -> None:
    pool.pipe(print, "one")
    pool.map(os.write, [1], [b"two"])
    pool.pipe(abs, -1)
    assert capsys.readouterr().out == "one\ntwo\n"


def call_inside(n: int) -> int:
    with Pool("processes", nodes=1) as inner:
        return inner.pipe(abs, -n)


def test_a_call_may_call(pool: Pool) -> None:
    assert pool.pipe(call_inside, 3) == 3
    assert pool.pipe(pool.pipe, abs, -4) == 4


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


kept: list[Any] = []


def keep_and_call(other: Pool) -> Any:
    kept.append(other)
    return other.pipe(os.getpid)


def test_a_pool_that_came_with_a_call_ends_with_it(pool: Pool) -> None:
    with Pool("processes", nodes=1) as other:
        pid = pool.pipe(keep_and_call, other)
        until = time.monotonic() + 30
        while is_running(pid) and time.monotonic() < until:
            time.sleep(0.005)  # somebody else's child: its end is no event here
        assert not is_running(pid)


@pytest.mark.parametrize("call", [lambda pool: pool.pipe(int, "x"), lambda pool: pool.map(int, ["x"])])
def test_what_a_call_raises_is_raised(pool: Pool, call: Callable[[Pool], object]) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        call(pool)
    assert pool.pipe(abs, -1) == 1


def upset() -> None:
    os.chdir("/")
    os.environ["UPSET"] = "1"
    sys.path.insert(0, "upset")
    os.close(1)
    sys.stdout = None  # type: ignore[assignment]


def state() -> tuple[Any, ...]:
    print("said")
    return os.getcwd(), os.environ.get("UPSET"), "upset" in sys.path


def test_what_a_call_does_to_its_worker_is_undone_before_the_next(capsys: pytest.CaptureFixture[str]) -> None:
    with Pool("processes", nodes=1) as pool:
        for _ in range(3):
            pool.pipe(upset)
            assert pool.pipe(state) == (str(Path.cwd()), None, False)
            assert capsys.readouterr().out == "said\n"


def value_of(module: str) -> int:
    return int(__import__(module).value)


def test_a_call_has_the_modules_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "changing.py"
    with Pool("processes", nodes=1) as pool:
        for value in (1, 2, 3):
            file.write_text(f"value = {value}\n")
            os.utime(file, (value, value))
            assert [pool.pipe(value_of, "changing") for _ in range(2)] == [value] * 2


def test_a_call_that_somebody_watches_is_on_its_record(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[Any] = []
    monkeypatch.setattr(registry, "observers", [runs.append])
    assert pool.pipe(abs, -1) == 1
    assert pool.map(abs, [-1, -2]) == [1, 2]
    assert [sum(chunk.n_items for chunk in run.chunks) for run in runs] == [1, 2]
    monkeypatch.setattr(registry, "observers", [])
    assert pool.pipe(abs, -1) == 1


def test_a_worker_that_has_nothing_to_do_looks_out_for_work_no_longer_than_it_takes_to_fall_asleep() -> None:
    assert child._SPIN_S <= 50e-6
