"""Threads that use one pool at the same time: whoever waits hears of what another thread did for it.

Each test has the threads at the place where it matters, by events; what it would wait for in vain is waited for long.
"""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch import dispatcher as dispatcher_module
from pathos_nb.dispatch.attendance import Attendance
from pathos_nb.dispatch.dispatcher import Dispatcher
from pathos_nb.dispatch.keepers import StreamKeeper
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import CannotSend, ItemTimeout
from pathos_nb.launchers import hub as hub_module
from pathos_nb.launchers.hub import EventHub

LONG_S, A_WHILE_S = 60.0, 0.2


class Aside:
    """A thread that does something, and what came of it."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        self._call, self._come = (function, args), dict[str, Any]()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        function, args = self._call
        try:
            self._come["value"] = function(*args)
        except BaseException as error:
            self._come["error"] = error

    @property
    def result(self) -> Any:
        """What it gave; what it raised is raised."""
        self.thread.join(LONG_S)
        assert not self.thread.is_alive(), "it waits in vain"
        if "error" in self._come:
            raise self._come["error"]
        return self._come["value"]


def until(condition: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + LONG_S
    while not condition():
        assert time.monotonic() < deadline, "it never was so"
        time.sleep(1e-3)


def sleeps(dispatcher: Dispatcher, aside: Aside) -> bool:
    """Whether that thread leads, and waits."""
    return dispatcher.attendance.leader == aside.thread.ident and dispatcher.hub._waits_until > 0


@contextlib.contextmanager
def at_once(dispatcher: Dispatcher, n: int) -> Iterator[None]:
    """Have `n` posted replies of what the block lets go be handled in one step."""
    with dispatcher.lock:
        yield
        until(lambda: len(dispatcher.hub._posted) >= n)


def test_who_follows_is_told_when_the_leader_leaves_just_before_it_waits() -> None:
    class Work:
        lock, hub = threading.RLock(), EventHub()

        def has_deliveries(self) -> bool:
            return False

        def deliver(self) -> None: ...

    class Leading:
        """A lock whose holder lets it go right after it was seen locked."""

        def __init__(self) -> None:
            self.holder, self.is_held = None, True

        def acquire(self, blocking: bool = True) -> bool:
            return not self.is_held

        def release(self) -> None:
            self.is_held = False

        def locked(self) -> bool:
            was_held = self.is_held
            if was_held:
                Aside(attendance.leave).thread.join(A_WHILE_S)
            return was_held

    attendance = Attendance(Work())  # type: ignore[arg-type]
    leading = attendance._leading = Leading()  # type: ignore[assignment]
    assert Aside(attendance.attend, lambda: not leading.is_held, None, None).result
    Work.hub.close()


def test_who_waits_on_a_serial_pool_hears_that_its_turn_has_come() -> None:
    begun, go = threading.Event(), threading.Event()

    def hold(x: int) -> int:
        begun.set()
        assert go.wait(LONG_S)
        return x

    with Pool("serial") as pool:
        dispatcher = pool._maps.dispatcher
        values = pool.imap(hold, range(3))
        first = Aside(next, values)
        assert begun.wait(LONG_S)
        other = Aside(pool.map, abs, [-1])
        until(lambda: sleeps(dispatcher, other))
        go.set()
        assert first.result == 0  # nobody takes another value of it
        assert other.result == [1]
        assert list(values) == [1, 2]


def test_who_waits_for_a_value_on_a_serial_pool_hears_of_it_from_who_made_it() -> None:
    begun, go = threading.Event(), threading.Event()

    def hold(x: int) -> int:
        begun.set()
        assert go.wait(LONG_S)
        return x

    with Pool("serial") as pool:
        dispatcher = pool._maps.dispatcher
        values = pool.imap(hold, range(3))
        maker = Aside(pool.map, abs, [-1])  # which finds the item of the other run in the worker's hands
        assert begun.wait(LONG_S)
        taker = Aside(next, values)
        until(lambda: sleeps(dispatcher, taker))
        go.set()
        assert taker.result == 0
        assert maker.result == [1]
        assert list(values) == [1, 2]


def test_a_timer_ends_a_wait_that_has_begun() -> None:
    hub = EventHub()
    waiter = Aside(hub.wait, None)
    until(lambda: hub._waits_until > 0)
    came: list[int] = []
    hub.call_later(1e-3, lambda: came.append(1))
    hub.handle(waiter.result)
    until(lambda: came or hub.handle(hub.wait(LONG_S)))
    hub.close()


def test_an_item_that_another_thread_had_sent_ends_in_time() -> None:
    go = threading.Event()

    def hold(x: int) -> int:
        assert x < 20 or go.wait(LONG_S)
        return x

    def take_all() -> list[int]:
        return list(pool.imap(hold, range(21), timeout=0.3))

    with Pool("threads", nodes=1) as pool:
        with pytest.raises(ItemTimeout, match="longer than its timeout"):
            _ = Aside(take_all).result
        go.set()


def test_a_result_that_comes_with_the_end_of_a_map_is_delivered() -> None:
    go = threading.Event()

    def hold(x: int) -> int:
        assert go.wait(LONG_S)
        return x

    with Pool("threads", nodes=2) as pool:
        dispatcher = pool._maps.dispatcher
        future = pool.executor().submit(hold, 1)
        mapped = Aside(pool.map, hold, [2])
        until(lambda: pool.n_busy == 2)
        with at_once(dispatcher, 2):
            go.set()
        assert mapped.result == [2]
        assert future.result(LONG_S) == 1


def test_callbacks_that_use_the_pool_may_come_together() -> None:
    go, made = threading.Event(), threading.Semaphore(0)

    def hold(x: int) -> int:
        assert go.wait(LONG_S)
        return x

    with Pool("threads", nodes=2) as pool:
        executor = pool.executor()
        for x in (1, 2):
            executor.submit(hold, x).add_done_callback(
                lambda done: pool.map(abs, [-1, -2]) == [1, 2] and made.release()
            )
        until(lambda: pool.n_busy == 2)
        with at_once(pool._maps.dispatcher, 2):
            go.set()
        assert all(made.acquire(timeout=LONG_S) for _ in range(2))


def test_a_look_at_what_is_under_way_is_not_disturbed_by_who_begins_something(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pool("threads", nodes=2) as pool:
        dispatcher = pool._maps.dispatcher
        dispatcher._n_cores = 9
        others: list[Aside] = []

        class Slot:
            @property
            def latency_s(self) -> float:
                others.append(Aside(begin))
                others[0].thread.join(A_WHILE_S)
                return 0.0

        def begin() -> None:
            with dispatcher.lock:
                for each in (*dispatcher.crew.seats, Seat()):
                    dispatcher.crew.loads.busy[each] = None  # type: ignore[index]

        class Seat:
            slot, in_flight = Slot(), {}

        dispatcher.crew.loads.busy[Seat()] = None  # type: ignore[index]
        assert dispatcher.is_brief()
        assert others[0].result is None
        dispatcher.crew.loads.busy.clear()


def test_a_look_at_the_runs_is_not_disturbed_by_who_begins_one() -> None:
    others: list[Aside] = []

    def begins_one(run: Run) -> bool:
        others.append(Aside(pool.apipe, abs, -1))
        others[-1].thread.join(A_WHILE_S / 2)
        return False

    go = threading.Event()
    with Pool("threads", nodes=1) as pool:
        held = [pool.apipe(go.wait, LONG_S) for _ in range(2)]
        assert not pool._maps.dispatcher.has_any(begins_one)
        go.set()
        assert [other.result.get(LONG_S) for other in others] == [1, 1]
        assert [each.get(LONG_S) for each in held] == [True, True]


def test_what_is_over_says_how_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def note(run: Run, name: str, value: object) -> None:
        object.__setattr__(run, name, value)
        if name == "is_over":
            seen.append(run.state)

    monkeypatch.setattr(Run, "__setattr__", note)
    with Pool("threads", nodes=1) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        pool.amap(abs, [-1]).cancel()
    assert set(seen) <= {"done", "cancelled"}
    assert seen


def test_a_failure_is_known_before_it_can_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    class Stays:
        def __reduce__(self) -> str:
            raise TypeError("it does not travel")

    seen: list[bool] = []
    place = StreamKeeper.place

    def look(keeper: StreamKeeper, indices: Any, values: Any, contested: bool = False) -> None:
        seen.append(all(index in values_to_come.run.failures for index in indices))
        place(keeper, indices, values, contested)

    with Pool("processes", nodes=1) as pool:
        monkeypatch.setattr(StreamKeeper, "place", look)
        values_to_come = pool.imap(str, (Stays() for _ in range(2)))  # sent when one is asked for
        for _ in range(2):
            with pytest.raises(CannotSend, match="cannot be sent"):
                next(values_to_come)
    assert seen == [True, True]


def test_threads_that_wait_for_one_map_pull_its_input_in_turn() -> None:
    pulled, go = threading.Event(), threading.Event()

    def numbers() -> Iterator[int]:
        yield 0
        pulled.set()
        assert go.wait(LONG_S)
        yield from range(1, 100)

    with Pool("threads", nodes=1) as pool:
        attendance = pool._maps.dispatcher.attendance
        run = pool.start(abs, numbers())
        first = Aside(run.result)
        assert pulled.wait(LONG_S)
        second = Aside(run.result)
        until(lambda: run.source.is_shared or run.is_over)
        until(lambda: attendance.leader == second.thread.ident or attendance._n_following or run.is_over)
        go.set()
        assert first.result == second.result == list(range(100))


def test_an_iterator_that_another_thread_waits_for_can_be_asked_for_a_while() -> None:
    go = threading.Event()

    def hold(x: int) -> int:
        assert go.wait(LONG_S)
        return x

    with Pool("threads", nodes=1) as pool:
        values = pool.imap(hold, range(2))
        first = Aside(next, values)
        until(values._lock.locked)
        with pytest.raises(TimeoutError, match="no result after"):
            values.next(timeout=1e-3)
        go.set()
        assert sorted([first.result, next(values)]) == [0, 1]


def test_who_leads_while_the_pool_is_closed_under_it_comes_back_without_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dispatcher_module, "_SETTLE_S", A_WHILE_S)
    leads, go = threading.Event(), threading.Event()
    pool = Pool("threads", nodes=1)
    dispatcher = pool._maps.dispatcher
    wait = dispatcher.hub.wait

    def held(timeout_s: float | None) -> Any:
        leads.set()
        assert go.wait(LONG_S)  # as if the machine had no core for this thread
        return wait(timeout_s)

    monkeypatch.setattr(dispatcher.hub, "wait", held)
    waiter = Aside(dispatcher.attend, lambda: False, None, None)
    assert leads.wait(LONG_S)
    pool.terminate()
    assert dispatcher.hub.is_closed
    go.set()
    assert waiter.result is False


def test_nothing_is_written_to_a_descriptor_that_is_closed_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    hub, closers, write = EventHub(), list[Aside](), hub_module.os.write
    written: list[int] = []

    def late(fd: int, data: bytes) -> int:
        closers.append(Aside(hub.close))
        closers[0].thread.join(A_WHILE_S)  # as if the system had something else to do
        written.append(write(fd, data))
        return written[0]

    waker = hub._wake_w
    with monkeypatch.context() as patched:
        patched.setattr(hub_module.os, "write", late)
        hub.wake()
    assert closers[0].result is None
    assert written == [1]
    with pytest.raises(OSError, match="Bad file"):
        hub_module.os.fstat(waker)


@pytest.mark.parametrize("then", ["let go", "another's"])
def test_what_was_ready_before_it_was_let_go_is_not_called(then: str) -> None:
    """A thread that gives a place back does so while another one has just waited, and is to handle what was ready."""
    hub, called = EventHub(), []
    (mine, far), (other, other_far) = socket.socketpair(), socket.socketpair()
    with mine, far, other, other_far:
        hub.watch(mine.fileno(), lambda: called.append("mine"))
        hub.watch(other.fileno(), lambda: called.append("other"))
        far.sendall(b"x")
        other_far.sendall(b"x")
        ready = hub.wait(LONG_S)
        hub.unwatch(mine.fileno())
        if then == "another's":
            hub.watch(mine.fileno(), lambda: called.append("new"))
        hub.handle(ready)
        assert called == ["other"]
        hub.handle(hub.wait(LONG_S))
        assert called.count("new") == (then == "another's") and "mine" not in called
        hub.close()
