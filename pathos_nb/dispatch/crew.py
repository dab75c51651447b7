"""The workers of a pool: each in its seat, with the chunks it was sent and how fast it is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from pathos_nb.dispatch.run import Run, Task
from pathos_nb.errors import PoolBroken
from pathos_nb.launchers.contract import Hub, Launcher, News, Slot, SourceBroken, Timer
from pathos_nb.typed import Any, NamedTuple
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import FORGET

MAX_STILLBORN = 3
_FORGET_TOGETHER = 16
_TRY_AGAIN_S = 0.5


class Chunk:
    """A task that was sent to a slot."""

    __slots__ = ("asked_back", "is_call", "limit", "number", "run", "sent_s", "size_bytes", "task", "timer")

    def __init__(self, run: Run, task: Task, number: int, size_bytes: int) -> None:
        self.run, self.task, self.number, self.size_bytes = run, task, number, size_bytes
        self.limit = len(task.indices)
        self.sent_s = time.perf_counter()
        self.timer: Timer | None = None
        self.asked_back = self.is_call = False


class Loads:
    """Who has work, and who has more room than when it was last looked: known at once, however many seats there are.

    Attributes
    ----------
    busy : dict
        Seats that have been sent something, as keys.
    changed : dict
        Seats that have room since, as keys.
    """

    __slots__ = ("busy", "changed")

    def __init__(self) -> None:
        self.busy: dict[Seat, None] = {}
        self.changed: dict[Seat, None] = {}


class Seat:
    """A place in the pool, whoever sits in it: a worker that is lost is replaced here.

    Attributes
    ----------
    slot : Slot
        The worker.
    in_flight : dict
        Chunks it was sent and has not reported, by number, in order.
    """

    __slots__ = (
        "_loads", "context", "defined", "in_flight", "last_number", "last_reply_s", "last_size", "launcher", "leaving",
        "most_items", "n_items", "name", "overhead_s", "retiring", "slot", "to_forget",
    )  # fmt: skip

    def __init__(self, launcher: Launcher, name: str, loads: Loads, most_items: int | None = None) -> None:
        self.launcher, self.name, self.most_items = launcher, name, most_items
        self.in_flight: dict[int, Chunk] = {}
        self._loads = loads
        self.to_forget: list[Frame] = []
        self.defined: set[int] = set()
        self.last_number, self.last_reply_s, self.last_size = 0, 0.0, 0
        self.overhead_s = 1e-4
        self.n_items, self.retiring, self.leaving = 0, False, False
        self.context: tuple[Any, ...] | None = None
        self.slot: Slot

    @property
    def called_host(self) -> str:
        """What users call its machine; empty where they have no name of their own for it."""
        return self.launcher.name if self.launcher.is_host else ""

    def begin(self) -> Seat:
        """Have the first worker in it."""
        self.slot = self.launcher.start_slot(self.name)
        return self

    def replace(self) -> None:
        """Put a new worker in the seat of one that has gone."""
        self.take_all()
        self.to_forget.clear()
        self.defined.clear()
        self.n_items, self.context, self.retiring, self.last_size = 0, None, False, 0
        self.slot = self.launcher.start_slot(self.name)

    def put(self, chunk: Chunk) -> None:
        """Take note of a chunk that the worker is sent."""
        self.in_flight[chunk.number] = chunk
        chunk.run.n_in_flight += 1
        self._loads.busy[self] = None

    def take(self, number: int) -> Chunk | None:
        """Give a chunk that was reported; None if nobody waits for it."""
        chunk = self.in_flight.pop(number, None)
        if chunk is not None:
            chunk.run.n_in_flight -= 1
            self._loads.changed[self] = None
            if not self.in_flight:
                self._loads.busy.pop(self, None)  # it may have been dropped before
        return chunk

    def take_all(self) -> list[Chunk]:
        """Give all that the worker has not reported."""
        return [chunk for number in list(self.in_flight) if (chunk := self.take(number)) is not None]

    def kill(self, reason: str) -> None:
        """End the worker now; it gets no more work, which would die with it."""
        self.retiring = True
        self.slot.kill(reason)

    def items_left(self) -> int:
        """How many more items this worker may be sent, if there is a limit."""
        return max(0, (self.most_items or 0) - self.n_items)

    def forget(self, run: int, at_once: bool) -> None:
        """Have the worker forget a run, by the next message unless it must be at once."""
        self.defined.discard(run)
        self.to_forget.append(Frame(FORGET, (run,)))
        if at_once or len(self.to_forget) > _FORGET_TOGETHER:
            self.send([])

    def send(self, frames: list[Frame]) -> None:
        """Send frames to the worker, and what it should forget."""
        if self.to_forget:
            frames = [*self.to_forget, *frames]
            self.to_forget.clear()
        self.slot.send(frames)

    def next_number(self) -> int:
        """Give a number for the next chunk, unique for this seat."""
        self.last_number += 1
        return self.last_number

    def doing(self) -> Chunk | None:
        """Tell the chunk the worker is at, if that can be known."""
        running = self.slot.running()
        return self.in_flight.get(running.chunk) if running else None


class WorkerInfo(NamedTuple):
    """A worker of a pool; its process id is 0 until it has been heard of."""

    name: str
    host: str
    pid: int
    place: str


class Plan(NamedTuple):
    """How a pool is to be staffed.

    Attributes
    ----------
    launchers : dict
        How many seats each kind of launcher has.
    setup : dict
        Whether the launcher shares memory → the frame to send to each new worker first.
    most_items : int or None
        After how many items a worker is replaced.
    head_starts : mapping
        A launcher's name → what was started for it before it was imported.
    waiting : callable
        Gives the block in which the launchers are waited for: interrupts may come there.
    """

    launchers: dict[type[Launcher], int]
    setup: dict[bool, Frame | None]
    most_items: int | None = None
    head_starts: Mapping[str, Any] = {}
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext


class Crew:
    """All seats of a pool.

    Parameters
    ----------
    plan : Plan
        Who is wanted; `begin` has them come.
    hub : Hub
        Where to wait.
    """

    def __init__(self, plan: Plan, hub: Hub) -> None:
        self._plan, self.most_items, self._hub = plan, plan.most_items, hub
        self.seats: list[Seat] = []
        self.launchers: list[Launcher] = []
        self.vacant: dict[Launcher, list[Seat]] = {}
        self.loads = Loads()
        self.leaving: set[Seat] = set()  # they finish what they were sent
        self._by_slot: dict[Slot, Seat] = {}
        self._tell: Callable[[News], None]
        self.stillborn = self.n_changes = 0

    def begin(self, tell: Callable[[News], None]) -> None:
        """Start the first workers.

        Parameters
        ----------
        tell : callable
            Takes the launchers' news.
        """
        plan, self._tell = self._plan, tell
        try:
            for kind, n in plan.launchers.items():
                started = [plan.head_starts[kind.name]] if kind.name in plan.head_starts else []
                launcher = kind(self._hub, tell, plan.setup.get(kind.shares_memory), n, *started)
                self.launchers.append(launcher)
            for launcher in self.launchers:  # all of them are on their way by now
                with plan.waiting():
                    launcher.wait_until_up()
                self.grow(launcher, launcher.make_room(launcher.n_expected))
        except BaseException:
            self.close()
            raise

    def grow(self, launcher: Launcher, n: int) -> None:
        """Add seats of one launcher."""
        taken = {seat.name for seat in self.seats}
        taken |= {seat.name for seat in self.vacant.get(launcher, ())}
        names = (f"{launcher.name}-{i}" for i in range(1, 1 << 30))
        for _ in range(n):
            seat = Seat(launcher, next(name for name in names if name not in taken), self.loads, self.most_items)
            taken.add(seat.name)
            try:
                self._sit(seat.begin())
            except PoolBroken:
                if not launcher.will_be_back:
                    raise
                self.vacant.setdefault(launcher, []).append(seat)

    def _sit(self, seat: Seat) -> None:
        """Have a seat with a worker in it among the others."""
        self.seats.append(seat)
        self._by_slot[seat.slot] = seat
        self.loads.changed[seat] = None
        self.n_changes += 1

    def remove(self, seat: Seat) -> None:
        """Do without a seat."""
        self.seats.remove(seat)
        self.n_changes += 1
        self.leaving.discard(seat)
        self._by_slot.pop(seat.slot, None)
        self.loads.busy.pop(seat, None)

    def resize(self, launcher: Launcher, n: int) -> None:
        """Have `n` seats of one launcher; those that go finish what they were sent."""
        ours = [seat for seat in self.seats if seat.launcher is launcher and not seat.leaving]
        vacant = self.vacant.get(launcher, [])
        if (n_more := n - len(ours) - len(vacant)) > 0:
            self.grow(launcher, launcher.make_room(n_more))
        elif n < len(ours):
            launcher.needs_only(n)
        del vacant[max(0, n - len(ours)) :]
        for seat in ours[n:]:
            seat.retiring = seat.leaving = True
            self.leaving.add(seat)
            seat.slot.retire()

    def replace(self, seat: Seat) -> None:
        """Put a new worker in a seat; if none can be had now, the others go on, and it is tried again.

        A launcher that will be back says when; until then its seats are vacant, be it all there are.

        Raises
        ------
        PoolBroken
            There is no other worker.
        """
        self.remove(seat)
        self._fill(seat)

    def _fill(self, seat: Seat) -> None:
        try:
            seat.replace()
        except PoolBroken:
            if seat.launcher.will_be_back:
                self.vacant.setdefault(seat.launcher, []).append(seat)
                return
            if not self.seats and not self.vacant:
                raise
            self._hub.call_later(_TRY_AGAIN_S, lambda: self._try_again(seat))
        else:
            self._sit(seat)

    def _try_again(self, seat: Seat) -> None:
        if seat.launcher not in self.launchers:  # the pool was closed meanwhile
            return
        try:
            self._fill(seat)
        except PoolBroken as error:  # nobody asked just now, so nobody else would hear of it
            self._tell(SourceBroken(seat.launcher, str(error), error))

    def fill(self, launcher: Launcher) -> None:
        """Put workers in a launcher's seats, now that there are some again."""
        for seat in self.vacant.pop(launcher, []):
            self._fill(seat)

    def change(self, launcher: Launcher, n_more: int) -> None:
        """Have seats for workers that a launcher can start now, or none for those that it never will again."""
        self.grow(launcher, n_more)
        vacant = self.vacant.get(launcher, [])
        del vacant[max(0, len(vacant) + n_more) if n_more < 0 else len(vacant) :]

    def stop_waiting(self) -> None:
        """Have nobody wait for the first worker any more."""
        for launcher in self.launchers if not (self.seats or self.vacant) else ():
            launcher.stop_waiting()

    def drop(self, launcher: Launcher) -> list[Seat]:
        """Do without a launcher; give the seats that it had."""
        if launcher in self.launchers:
            self.launchers.remove(launcher)
        gone = self.seats_of(launcher)
        for seat in gone:
            self.remove(seat)
        return gone + self.vacant.pop(launcher, [])

    def seats_of(self, launcher: Launcher) -> list[Seat]:
        """Give the seats of a launcher in which somebody sits."""
        return [seat for seat in self.seats if seat.launcher is launcher]

    def seat_of(self, slot: Slot) -> Seat | None:
        """Find the seat of a worker; None if it has been replaced since."""
        return self._by_slot.get(slot)

    def mourn(self, seat: Seat, was_working: bool, reason: str, tail: str) -> None:
        """Take note of a death.

        Raises
        ------
        PoolBroken
            Workers die one after the other before they take work.
        """
        self.stillborn = 0 if was_working else self.stillborn + 1
        if self.stillborn >= MAX_STILLBORN * max(1, len(self.seats)):
            what = f"{self.stillborn} workers died one after the other before they took work"
            raise PoolBroken(what, cause=f"the last: {reason}", cure="pool.restart() tries again", tail=tail)

    def close(self) -> None:
        """End all workers."""
        for launcher in self.launchers:
            launcher.close()
        self.launchers.clear()
        self.seats.clear()
        self.leaving.clear()
        self.loads.busy.clear()
        self.loads.changed.clear()
        self._by_slot.clear()
        self.vacant.clear()
