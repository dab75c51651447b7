"""The line to one of dask's workers: envelopes there and back, spoken in the client's own loop.

::

    dispatcher ── send ──►  Line ── loop ── parcels, numbered ──►  Station.obey    several may be on their way
    dispatcher ◄── hub ───  Line ◄─ loop ── parcels ────────────  Station.news    one question at a time
                             └── a payload that is large: scattered once, and brought by a task that depends on it
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, NamedTuple, Protocol

from pathos_nb.errors import PathosNbError
from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers import dask_messages as ours
from pathos_nb.launchers.agent_birth import Hello
from pathos_nb.launchers.agent_clock import by_our_clock
from pathos_nb.launchers.agent_luggage import Luggage
from pathos_nb.launchers.agent_slot import AgentSlot
from pathos_nb.launchers.agent_staging import Staging
from pathos_nb.launchers.contract import Hub, News
from pathos_nb.launchers.dask_boot import ASK, BOOT, Found
from pathos_nb.launchers.dask_parcel import Parcel
from pathos_nb.launchers.dask_presence import Presence
from pathos_nb.launchers.dask_station import bring, open_station
from pathos_nb.wire import protocol
from pathos_nb.wire.envelopes import Envelope
from pathos_nb.wire.framing import Frame

__all__ = ["Line", "Office", "install"]

_OPEN_S, _REACH_S, _ASK_S, _CLOSE_S = 30.0, 2.0, 30.0, 6.0
_QUEUED_S, _BRING_S, _SLOW_BYTES_A_S = 2.0, 5.0, 1e7
_BY_FUTURE_BYTES = 1 << 20
# Before what others have in dask's queue: these tasks take no time, and a map cannot begin without them.
_FIRST = 1 << 20
_NONSENSE = "it said what no station of ours would: it has another version at work, or somebody else speaks for it"
_keys = itertools.count(1)


class State(NamedTuple):
    """How far away the other end is, and how its clock differs."""

    round_trip_s: float = 1e-3
    clock_ahead_s: float = 0.0


class Office(Protocol):
    """Who has lines."""

    client: Any
    hub: Hub
    tell: Callable[[News], None]
    token: str

    @property
    def name(self) -> str:
        """What users call the place."""

    def note_line(self) -> None:
        """Hear, in the loop, that a line has come up or has gone."""

    def on_line(self, line: Line) -> None:
        """Hear the same in the hub's thread, when its slots have been told."""

    def on_files(self) -> None:
        """Hear in the hub's thread that files are where workers see them, or will not be."""

    def forget(self, run: int) -> None:
        """Let go of the payload of a run, now that it is over."""

    async def scattered(self, run: int, frame: Frame) -> Any:
        """Give the future of a payload that was scattered, for all lines once."""


async def install(who: str, run: Callable[..., Coroutine[Any, Any, Any]], *, is_worker: bool = True) -> None:
    """Have this package in one of dask's processes.

    Parameters
    ----------
    who : str
        That process, for messages.
    run : callable
        Runs a function there.
    is_worker : bool
        Whether it must be the same; the scheduler need only know the names in it.

    Raises
    ------
    LauncherUnavailable
        It has another version of it at work, or cannot have it.
    """
    await run(exec, BOOT, {})
    found = Found(**await run(eval, ASK.format("")))
    if found.needs(who, is_worker):
        code, data = found.give()
        await run(eval, code, data)


class Line:
    """A station in one of dask's workers, as its launcher sees it.

    Parameters
    ----------
    office : Office
        Whose it is.
    address : str
        Dask's worker.
    n_threads : int
        How many slots it may have.
    n_beside : int
        Among how many workers its machine's cores are shared.

    Attributes
    ----------
    is_up, is_over : bool
        Whether workers can be started, and whether they never will again.
    is_queued : bool
        Whether dask has no thread for it yet, as all of that worker's are at others' tasks.
    """

    def __init__(self, office: Office, address: str, n_threads: int, n_beside: int) -> None:
        self.office, self.address, self.n_threads, self.n_beside = office, address, n_threads, n_beside
        self.name, self.client, self.tell = office.name, office.client, office.tell
        self.hello: Hello | None = None
        self.state, self.link = State(), self
        self.slots: dict[int, AgentSlot] = {}
        self.error: BaseException | None = None
        self.is_up = self.is_over = self.is_queued = False
        self.key = f"pathos_nb-station-{office.token}-{next(_keys)}"
        self.n_tries = 1
        self._future: Any = None
        self._is_direct = False
        self._unsent: deque[Envelope] = deque()
        self._to_bring: deque[tuple[int, Frame]] = deque()
        self._is_flushing = self._is_closing = False
        self._n_bringing = 0
        self._n_sent = self._n_heard = 0
        self._brought: set[int] = set()
        self._out: dict[int, int] = {}
        self._luggage, self.staging, self.presence = Luggage(self), Staging(self), Presence(self)
        self._tasks: set[asyncio.Task[Any]] = set()

    # --- in the client's loop ---

    async def serve(self) -> None:
        """Open the station, and hear it until the line is over."""
        try:
            await asyncio.wait_for(self._ask_for_station(), _OPEN_S)
            await self._wait_for_thread()
            await asyncio.wait_for(self._meet(), _OPEN_S)
            self.is_up, self.n_tries = not self.is_over, 0
            await self._flush()
            self.office.note_line()
            self.office.hub.post(self._on_change)
            while not self.is_over:
                parcel = await self._news()
                if parcel.envelopes:
                    self.office.hub.post(lambda parcel=parcel: self._take(parcel))  # type: ignore[misc]
        except asyncio.CancelledError:
            self.give_up(ConnectionError("the pool's line was closed"))
            raise
        except BaseException as error:
            self.give_up(error)
        finally:
            if not self._is_closing:  # else it is asked to end first
                self._let_go()

    async def _news(self) -> Parcel:
        """Ask what has happened; an answer that is none of a station's, or was given before, ends the line."""
        parcel = await asyncio.wait_for(self.ask("news"), _ASK_S + ours.POLL_S)
        if isinstance(parcel, str):
            raise ConnectionError(parcel)
        self._n_heard += 1
        if (
            not isinstance(parcel, Parcel)
            or parcel.number != self._n_heard
            or not all(map(_is_sound, parcel.envelopes))
        ):
            raise ConnectionError(_NONSENSE)
        return parcel

    async def _ask_for_station(self) -> None:
        def run(function: Callable[..., Any], *args: Any) -> Coroutine[Any, Any, Any]:
            return self._run(function, *args)

        await install(f"dask's worker {self.address}", run)
        self._future = self.client.submit(open_station, self.n_beside, key=self.key, actor=True, **self._here_and_first)

    @property
    def _here_and_first(self) -> dict[str, Any]:
        """What dask is told of tasks that are for this worker alone, and that a map waits for."""
        return {"workers": [self.address], "allow_other_workers": False, "pure": False, "priority": _FIRST}

    async def _wait_for_thread(self) -> None:
        """Wait until dask has begun the station, for which it needs a thread; others' tasks may have all for hours."""
        try:
            await asyncio.wait_for(self._future, _QUEUED_S)
        except asyncio.TimeoutError:
            self.is_queued = True
            self.office.note_line()
            await self._future
        finally:
            self.is_queued = False

    async def _meet(self) -> None:
        self._is_direct = await self._can_be_reached()
        began = time.time()
        minor, executable, host, pid, there, *has = await self.ask("hello")
        took = time.time() - began
        self.state = State(max(took, 1e-4), there - began - took / 2)
        cores, memory, gpus, tags = has
        facts = {"memory_bytes": memory, "gpus": tuple(gpus), "tags": frozenset(map(str, tags))}
        self.hello = Hello(tuple(minor), executable, host, pid, "", cores, took, self.state.clock_ahead_s, b"", **facts)

    async def _can_be_reached(self) -> bool:
        """Whether dask's worker answers to us: else the scheduler passes on what is said, which takes twice as long."""
        if self.client.direct_to_workers is not None:
            return bool(self.client.direct_to_workers)
        try:
            await asyncio.wait_for(self.client.rpc(self.address).identity(), _REACH_S)
        except (OSError, asyncio.TimeoutError):
            return False
        return True

    async def _run(self, function: Callable[..., Any], *args: Any) -> Any:
        """Run a function in that worker, outside of dask's order."""
        return (await self.client.run(function, *args, workers=[self.address]))[self.address]

    async def ask(self, function: str, *args: Any) -> Any:
        """Call a method of the actor, as dask's own proxy does, but so that each failure is heard."""
        from distributed.protocol import to_serialize

        told = {"function": function, "actor": self.key, "args": [to_serialize(arg) for arg in args], "kwargs": {}}
        if self._is_direct:
            answer = await self.client.rpc(self.address).actor_execute(**told)
        else:
            answer = await self.client.scheduler.proxy(worker=self.address, msg={"op": "actor_execute", **told})
        if answer["status"] != "OK":
            raise answer.get("exception") or ConnectionError(f"{self.address}: {answer}")
        return answer["result"]

    def give_up(self, error: BaseException) -> None:
        """End the line; its slots hear of it in the hub's thread."""
        if not self.is_over:
            was_up, self.is_up, self.is_over, self.error = self.is_up, False, True, error
            if not was_up:  # nobody hears it yet: what dask has queued for it must not come any more
                self._let_go()
            self.office.note_line()
            self.office.hub.post(self._on_change)

    async def close(self) -> None:
        """End the station; returns when nothing is left of it."""
        was_over, self.is_over, self._is_closing = self.is_over, True, True
        try:
            is_there = self._future is not None and not (was_over or self.is_queued)
            if is_there and self.client.status == "running":
                await asyncio.wait_for(self.ask("close"), _CLOSE_S)
        except Exception as error:  # it is gone, or will be: dask drops what nobody holds
            self.error = self.error or error
        finally:
            for task in list(self._tasks):
                task.cancel()
            self._let_go()

    def _let_go(self) -> None:
        """Have dask forget all of it: what nobody holds ends, and is not waited for where its worker has gone."""
        self.presence.end()
        if self._future is not None:
            self._future.release()
            self._future = None

    # --- down ---

    def send(self, kind: int, slot: int, *frames: Frame) -> None:
        """Send envelopes, without blocking; on a line that is over they are lost, as its slots are."""
        if self.is_over:
            return
        for frame in frames:
            if kind == messages.RELAY and frame.kind in (protocol.WORK, protocol.CALL):
                self._out[slot] = self._out.get(slot, 0) + 1
            self._unsent.append(self._by_its_way(kind, slot, frame))
        if self.is_up and not self._is_flushing:  # asked after it was put there: `_flush` says so, then looks
            self._is_flushing = True
            self.client.loop.add_callback(self._flush)

    def _by_its_way(self, kind: int, slot: int, frame: Frame) -> Envelope:
        """Have the payload of a run go as a future, if it is large: once, and not to each of the workers."""
        if kind == messages.RELAY and frame.kind == protocol.DEFINE and _size(frame) >= _BY_FUTURE_BYTES:
            run = frame.meta[0]
            if run not in self._brought:
                self._brought.add(run)
                self._to_bring.append((run, frame))
            return Envelope(ours.BY_FUTURE, slot, Frame(0, (str(run), frame.meta)))
        if kind == messages.RELAY and frame.kind == protocol.FORGET and frame.meta[0] in self._brought:
            self.client.loop.add_callback(self.office.forget, frame.meta[0])
        return Envelope(kind, slot, frame)

    def forget(self, run: int) -> None:
        """Let go of the payload of a run that is over."""
        if run in self._brought:
            self._brought.discard(run)
            self.send(ours.DROP, 0, Frame(0, (str(run),)))

    async def _flush(self) -> None:
        self._is_flushing = False
        for _ in range(len(self._to_bring)):  # not before it is up: its worker would not know what to do with it
            self._start(self._bring(*self._to_bring.popleft()))
        envelopes = [self._unsent.popleft() for _ in range(len(self._unsent))]
        if envelopes and not self.is_over:
            self._n_sent += 1
            self._start(self._obey(Parcel(self._n_sent, envelopes)))

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _obey(self, parcel: Parcel) -> None:
        try:
            await self.ask("obey", parcel)
        except Exception as error:
            self.give_up(error)

    async def _bring(self, run: int, frame: Frame) -> None:
        """Have dask bring a payload to its worker, as what a task depends on; by this line, if dask has lost it."""
        self._n_bringing += 1
        try:
            payload = await self.office.scattered(run, frame)
            key = f"{self.key}-bring-{run}"
            task = self.client.submit(bring, self.key, str(run), payload, key=key, **self._here_and_first)
            await asyncio.wait_for(task, _BRING_S + _size(frame) / _SLOW_BYTES_A_S)
        except Exception:  # who had it has gone, it was cancelled, no thread is free for it: it goes by itself
            try:
                await self.ask("bring", str(run), Parcel(0, [Envelope(0, 0, frame)]))
            except Exception as error:
                self.give_up(error)
        finally:
            self._n_bringing -= 1

    # --- in the thread that runs the hub ---

    def _take(self, parcel: Parcel) -> None:
        for kind, number, frame in parcel.envelopes:
            if kind == messages.RELAY:
                self._on_workers_word(number, frame)
                continue
            try:
                self._on_stations_word(kind, number, frame)
            except (TypeError, ValueError, LookupError, OSError) as error:
                told = ConnectionError(f"{_NONSENSE} ({type(error).__name__}: {error})")
                self.client.loop.add_callback(self.give_up, told)
                return

    def _on_workers_word(self, number: int, frame: Frame) -> None:
        if frame.kind == protocol.DONE and number in self._out:
            self._out[number] -= 1
        if (slot := self.slots.get(number)) is not None:
            slot.hear(messages.RELAY, frame)

    def _on_stations_word(self, kind: int, number: int, frame: Frame) -> None:
        if kind in (messages.WANT, messages.LOOKED):
            if self.staging.hear(kind, frame):
                self.office.on_files()
            return
        if kind == messages.DOWN:
            self._out.pop(number, None)
        if (slot := self.slots.get(number)) is not None:
            slot.hear(kind, frame)

    def _on_change(self) -> None:
        for slot in self.slots.values():  # those that were asked for before it was up
            slot.learn()
        if self.is_over:
            for slot in list(self.slots.values()):
                slot.end(f"dask's worker {self.address} was lost: {self.why}", "", None, False)
        self.office.on_line(self)

    @property
    def n_busy(self) -> int:
        """How many of its workers have been sent what they have not reported."""
        return sum(n > 0 for n in list(self._out.values()))

    @property
    def n_at_work(self) -> int:
        """How many of them dask should know of: none while a payload comes, by a task that needs a thread itself."""
        return 0 if self._n_bringing else self.n_busy

    @property
    def why(self) -> str:
        """Why it is over."""
        error = self.error
        if isinstance(error, PathosNbError):
            return str(error)
        if isinstance(error, asyncio.TimeoutError):
            return "it does not answer"
        if isinstance(error, OSError) and type(error) is not ConnectionError:
            return "the connection to it was closed"
        return str(error) if isinstance(error, ConnectionError) else f"{type(error).__name__}: {error}"

    # --- what a slot asks of its agency ---

    def carry_beside(self, frame: Frame) -> None:
        """Send the modules that a payload needs before it."""
        self._luggage.carry_for(frame)

    def by_our_clock(self, frame: Frame) -> Frame:
        """Give a report with this machine's time."""
        return by_our_clock(frame, self.state.clock_ahead_s)


def _size(frame: Frame) -> int:
    return len(frame.body) + sum(map(len, frame.buffers))


def _is_sound(envelope: Any) -> bool:
    """Whether it is an envelope, with a frame in it; what the frame says is for whom it is meant to judge."""
    if type(envelope) is not Envelope or type(envelope[2]) is not Frame:
        return False
    return all(isinstance(number, int) for number in (envelope[0], envelope[1], envelope[2][0]))
