"""The launcher "dask": workers beside those of any cluster that dask has, through a client that is already there.

::

    slot 1 ┐                  ┌ line ══ client ══ scheduler ══ dask's worker: station ── worker processes
    slot 2 ┼ launcher ── loop ┤
    slot 3 ┘                  └ line ══ client ══ scheduler ══ dask's worker: station ── worker processes

``Pool(client)`` uses a client of the user's, ``Pool("dask", address=…)`` opens one of its own. Each of dask's workers
that is wanted gets a *station*, an actor of dask's, which has a worker process for each of its threads at most. A chunk
goes as a call of the actor and not as a task: a trip takes a quarter of the time, and can be spoken to while it is on
its way (held at an item, interrupted, taken back). What dask must know of it it knows by tasks that only stand for it
(`dask_presence`), and what is large goes once, as a future, and from worker to worker.

All that speaks with dask runs in the client's own loop; who attends the pool never waits for it.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from importlib.util import find_spec
from typing import Any, ClassVar

from pathos_nb.errors import BadOption, LauncherUnavailable, PathosNbError, PoolBroken
from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_context import OwnContext
from pathos_nb.launchers.agent_slot import AgentSlot
from pathos_nb.launchers.contract import (
    Availability,
    FilesThere,
    Hub,
    Launcher,
    News,
    Offer,
    Slot,
    SourceBroken,
    SourceLost,
    SourceReady,
)
from pathos_nb.launchers.dask_client import (
    check,
    n_threads_of,
    neighbours,
    offer_at,
    offer_of,
    open_client,
    too_old,
)
from pathos_nb.launchers.dask_line import Line, install
from pathos_nb.launchers.dask_parcel import Parcel, register
from pathos_nb.launchers.dask_presence import Demand
from pathos_nb.wire.envelopes import Envelope
from pathos_nb.wire.framing import Frame

__all__ = ["DaskLauncher"]

_LOOK_S, _CLOSE_S, _ROOM_S = 0.5, 10.0, 5.0
_WAIT_S, _TRIES = 120.0, 3


class DaskLauncher(Launcher):
    """Workers beside those of a cluster of dask's."""

    name = "dask"
    sees_files = False
    settings = frozenset({"address", "wait"})
    client_given: ClassVar[Any] = None
    address: ClassVar[str] = ""
    wait_s: ClassVar[float] = _WAIT_S

    def __init__(self, hub: Hub, tell: Callable[[News], None], setup: Frame | None = None, n_expected: int = 1) -> None:
        super().__init__(hub, tell, setup, n_expected)
        register()
        self.client, self._is_own = open_client(self.client_given, self.address)
        self.token = os.urandom(4).hex()
        self.lines: dict[str, Line] = {}
        self._numbers = itertools.count(1)
        self._context = OwnContext()
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._n_short, self._has_begun, self._is_closed, self._is_lost = 0, False, False, False
        self._threads: dict[str, int] = {}
        self._is_known = False
        self._demand, self._is_needed = Demand(self.client, self.token), True
        self._scattered: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self.client.loop.add_callback(self._begin)

    # --- which client ---

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here; whether the scheduler is there is seen when it is asked."""
        if find_spec("distributed") is None:
            return Availability(0.0, "dask is not installed (pip install 'pathos-nb[dask]')")
        if not hasattr(os, "fork"):
            return Availability(0.0, "this system cannot fork")
        if why := too_old():
            return Availability(0.0, why)
        return Availability(0.4, "")

    @classmethod
    def of(cls, thing: object) -> type[Launcher] | None:
        """Give the launcher of a client of dask's; None for anything else."""
        distributed = sys.modules.get("distributed")
        if distributed is None or not isinstance(thing, distributed.Client):
            return None
        check(thing)
        name = f"dask:{thing.scheduler.address.rpartition('://')[2]}"
        return type(cls.__name__, (cls,), {"name": name, "client_given": thing, "__doc__": f"Workers at {name}."})

    @classmethod
    def at(cls, address: str) -> type[Launcher]:
        """Give the launcher for a scheduler's address, as in ``Pool("dask:10.0.0.1:8786")``."""
        return type(cls.__name__, (cls,), {"name": f"dask:{address}", "address": address, "__doc__": cls.__doc__})

    @classmethod
    def configured(cls, **settings: Any) -> type[Launcher]:
        """Give the launcher with settings.

        Parameters
        ----------
        **settings
            ``address``, the scheduler's; ``wait``, for how many seconds a cluster may be without any worker.

        Returns
        -------
        type

        Raises
        ------
        BadOption
            A value makes no sense.
        """
        address, wait_s = settings.get("address", cls.address), settings.get("wait", cls.wait_s)
        if not isinstance(address, str) or (not address and "address" in settings):
            raise BadOption(f"address is {address!r}", cure='it is a scheduler\'s, such as "tcp://10.0.0.1:8786"')
        if isinstance(wait_s, bool) or not isinstance(wait_s, int | float) or not 0 < wait_s < float("inf"):
            raise BadOption(f"wait is {wait_s!r}", cure="it is a number of seconds, above 0")
        return type(cls.__name__, (cls,), {"address": address, "wait_s": float(wait_s), "__doc__": cls.__doc__})

    @classmethod
    def offers(cls) -> Sequence[Offer]:
        """Give the cluster of dask's current client, or else the one that the environment names."""
        distributed = sys.modules.get("distributed")
        try:
            client = None if distributed is None else distributed.default_client()
        except ValueError:
            client = None
        if client is not None:
            return [offer_of(client)]
        address = os.environ.get("DASK_SCHEDULER_ADDRESS", "")  # as dask's own configuration has it
        return [offer_at(address)] if address else ()

    @classmethod
    def default_size(cls) -> int:
        """Give the number of threads that the cluster has, or may grow to."""
        client, is_own = open_client(cls.client_given, cls.address)
        try:
            return max(1, min(cls.max_size, n_threads_of(client)))
        finally:
            if is_own:
                client.close()

    # --- slots ---

    @property
    def will_be_back(self) -> bool:
        """Whether dask has no thread to spare now, and may have one later."""
        return not self._is_closed and self._error is None

    def wait_until_up(self) -> None:
        """Wait until there is a worker of dask's for each that is wanted, or for all that there are.

        Raises
        ------
        PoolBroken
            There is none.
        """
        until = time.monotonic() + self.wait_s
        with self._changed:
            while not self._is_settled():
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    break
            if any(line.is_up for line in self.lines.values()):
                return
            self._error = self._error or self._nobody()
            raise self._error

    def _is_settled(self) -> bool:
        lines = list(self.lines.values())
        if self._error is not None or not lines:
            return self._error is not None
        has_any = any(line.is_up for line in lines)
        return all(line.is_up or line.is_over or (has_any and line.is_queued) for line in lines)

    def _nobody(self) -> PoolBroken:
        errors = [line.error for line in self.lines.values() if line.error is not None]
        if errors and isinstance(errors[0], PathosNbError):
            return PoolBroken(errors[0].what, cause=errors[0].cause, cure=errors[0].cure)
        cause = next((line.why for line in self.lines.values() if line.error is not None), self._is_busy)
        what = f"{self._where} has given no worker for {self.wait_s:.0f} s"
        cure = "see that it has workers, and a thread to spare (client.processing()); wait= says for how long to wait"
        return PoolBroken(what, cause=cause, cure=cure)

    @property
    def _is_busy(self) -> str:
        """Say so, if dask has workers, and all of their threads are at others' tasks."""
        is_queued = any(line.is_queued for line in list(self.lines.values()))
        return "all threads of its workers are busy with other tasks" if is_queued else ""

    @property
    def _where(self) -> str:
        return f"dask's scheduler at {self.client.scheduler.address}" if self.client.scheduler else "dask's scheduler"

    def make_room(self, n: int) -> int:
        """Begin lines to as many workers as that takes, and wait a little for them; see `Launcher.make_room`."""
        until = time.monotonic() + _ROOM_S
        with self._changed:
            room = sum(line.n_threads - len(line.slots) for line in self.lines.values() if line.is_up)
            for address, n_threads in self._threads.items():
                if room < n and address not in self.lines and not self._is_closed:
                    self._new_line(address)
                    room += n_threads
            while any(not (line.is_up or line.is_over or line.is_queued) for line in self.lines.values()):
                if not self._changed.wait(max(0.0, until - time.monotonic())):
                    break
        return n

    def start_slot(self, name: str) -> Slot:
        """Start one worker; see `Launcher.start_slot`."""
        with self._changed:
            line = self._line_for_one_more()
            if line is None:
                self._n_short += 1
                raise self._no_slot()
            slot = AgentSlot(line, name, next(self._numbers))
            line.slots[slot.number], self._has_begun = slot, True
        line.send(messages.START, slot.number, Frame(0, (name,)))
        if self.setup is not None:
            slot.send([self.setup._replace(meta=(self.context(),))])
        return slot

    def _no_slot(self) -> PoolBroken:
        """Tell why there is no worker more: what ended all of it, if something did, and not what follows from that."""
        if isinstance(self._error, PoolBroken):
            return self._error
        if self._is_client_closed:
            return _closed()
        cure = "have more of them (cluster.scale), or ask for fewer nodes"
        return PoolBroken("dask has no thread to spare", cause=f"{self._n_slots} are in use here", cure=cure)

    @property
    def _n_slots(self) -> int:
        return sum(len(line.slots) for line in self.lines.values())

    @property
    def _n_wanted(self) -> int:
        """How many workers there are and should be."""
        return self._n_slots + self._n_short if self._has_begun else self.n_expected

    def _line_for_one_more(self) -> Line | None:
        """Give a line with room, the emptiest; begin one to a worker that has none, which says when it is up."""
        room = [line for line in self.lines.values() if line.is_up and len(line.slots) < line.n_threads]
        if room:
            return min(room, key=lambda line: len(line.slots) / line.n_threads)
        address = next((address for address in self._threads if address not in self.lines), None)
        if address is not None and not self._is_closed:
            self._new_line(address)
        return None

    def _new_line(self, address: str) -> Line:
        line = Line(self, address, self._threads[address], neighbours(self._threads)[address])
        self.lines[address] = line
        self.client.loop.add_callback(self._serve, line)
        return line

    def _serve(self, line: Line) -> None:
        self._start(line.serve())

    def context(self) -> tuple[Any, ...] | None:
        """Give what goes with each run; the station makes of it what fits its machine."""
        return self._context.now()

    # --- in the client's loop ---

    def _begin(self) -> None:
        self._start(self._look_after())

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look_after(self) -> None:
        """Open lines to dask's workers as they come, as far as they are wanted, and end those of workers that went."""
        try:
            while not (self._is_closed or self._is_client_closed):
                await self._look()
                await asyncio.sleep(_LOOK_S)
            error = _closed()
        except asyncio.CancelledError:  # the loop ends with its client
            error = _closed()
        except Exception as failed:
            error = _closed() if self._is_client_closed else _told(failed, self._where)
        if not self._is_closed:
            self._fail(error)

    @property
    def _is_client_closed(self) -> bool:
        return self.client.status in ("closed", "closing")

    async def _look(self) -> None:
        """Compare once."""
        if self.client.status != "running":  # it tries to connect again by itself, for a while
            self._lose("the connection to dask's scheduler was lost")
            return
        try:
            if not self._is_known:  # the scheduler may be another than before
                await install("dask's scheduler", self.client.run_on_scheduler, is_worker=False)
                self._is_known = True
            self._compare(dict(await self.client.nthreads()))
            await self._be_present()
        except OSError:
            self._lose("dask's scheduler does not answer")

    def _compare(self, threads: dict[str, int]) -> None:
        """Take note of what workers dask has now."""
        with self._changed:
            has_more = bool(threads.keys() - self._threads.keys())
            self._threads = threads
            for address, line in list(self.lines.items()):
                if address not in threads:
                    line.give_up(ConnectionError("it has left the cluster"))
                    del self.lines[address]
                elif line.is_over and not line.slots and line.n_tries < _TRIES:  # the station failed, not its worker
                    again = self._new_line(address)
                    again.n_tries = line.n_tries + 1
            n_lines = sum(not (line.is_over or line.is_queued) for line in self.lines.values())
            for address in threads:
                if address not in self.lines and n_lines < self._n_wanted:
                    self._new_line(address)
                    n_lines += 1
        if has_more:
            self.hub.post(self._on_more)

    async def _be_present(self) -> None:
        """Have dask know who is busy, and how many more are wanted."""
        lines = [line for line in list(self.lines.values()) if line.is_up]
        for line in lines:
            try:
                await line.presence.look()
            except Exception as error:
                line.give_up(error)
        is_busy = any(line.n_busy for line in lines) or not lines
        lacking = self._n_wanted - sum(self._threads.values())
        self._demand.want(max(0, lacking) if self._is_needed and is_busy else 0)

    def _lose(self, reason: str) -> None:
        with self._changed:
            lines = list(self.lines.values())
            self.lines.clear()
            self._threads, self._is_known = {}, False
        for line in lines:
            line.give_up(ConnectionError(reason))

    def _fail(self, error: PoolBroken) -> None:
        with self._changed:
            self._error = error
            self._changed.notify_all()
        self._lose(str(error))
        self.hub.post(lambda: self.tell(SourceBroken(self, str(error), error)))

    async def scattered(self, run: int, frame: Frame) -> Any:
        """Give the future of a payload, which goes to the cluster once, whoever asks for it first."""
        if run not in self._scattered:
            parcel = Parcel(0, [Envelope(0, 0, frame)])
            there = [line.address for line in list(self.lines.values()) if line.is_up]  # others have no such class
            self._scattered[run] = asyncio.ensure_future(self.client.scatter(parcel, workers=there, hash=False))
        return await asyncio.shield(self._scattered[run])

    def forget(self, run: int) -> None:
        """Let go of a payload, now that its run is over."""
        if run in self._scattered:
            self._scattered.pop(run)
            for line in self.lines.values():
                line.forget(run)

    def note_line(self) -> None:
        """Hear, in the loop, that a line has come up or has gone."""
        with self._changed:
            self._changed.notify_all()

    # --- in the thread that runs the hub ---

    def _on_more(self) -> None:
        """Hear that dask has more workers than before: there may be room for those that are wanted."""
        if not self._is_closed:
            self._tell_ready()

    def _tell_ready(self) -> None:
        self._n_short = 0  # who is still without a worker after that is counted anew
        self.tell(SourceReady(self))

    def on_line(self, line: Line) -> None:
        """Hear that a line has come up or has gone."""
        if self._is_closed:
            return
        if line.is_up:
            self._is_lost = False
            self._tell_ready()
        elif not any(other.is_up for other in self.lines.values()) and self._error is None:
            self._is_needed = self._is_needed or line.n_busy > 0
            if not self._is_lost and line.n_busy:
                self._note_lost(line.why)

    def on_files(self) -> None:
        """Hear that files are where workers see them, or will not be."""
        self.tell(FilesThere(self))

    def wake(self) -> None:
        """Hear that there is work, and nobody here to do it."""
        self._is_needed = True
        if not self._is_lost and not any(line.is_up for line in self.lines.values()):
            self._note_lost(self._is_busy or "dask has no worker")

    def _note_lost(self, reason: str) -> None:
        self._is_lost, now = True, time.time()
        self.tell(SourceLost(self, reason, now, now + self.wait_s))
        self.hub.call_later(self.wait_s, self._give_up_if_lost)

    def _give_up_if_lost(self) -> None:
        if self._is_lost and not self._is_closed and self._error is None:
            self._error = error = self._nobody()
            self.tell(SourceBroken(self, str(error), error))

    def close(self) -> None:
        """End all that was started; see `Launcher.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        loop = self.client.loop.asyncio_loop
        if loop.is_closed() or not loop.is_running():
            return
        closing = asyncio.run_coroutine_threadsafe(self._close(), loop)
        try:
            closing.result(_CLOSE_S)
        except Exception:  # what is left of it ends with the client, or with dask's next look at it
            closing.cancel()
        if self._is_own:
            self.client.close(_CLOSE_S)

    async def _close(self) -> None:
        lines = list(self.lines.values())
        self.lines.clear()
        await asyncio.gather(*(line.close() for line in lines), return_exceptions=True)
        for task in list(self._tasks):
            task.cancel()
        self._scattered.clear()
        self._demand.want(0)


def _closed() -> PoolBroken:
    cure = "make a new client, and a pool of it"
    return PoolBroken("the client of dask was closed", cause="by hand, or for want of a scheduler", cure=cure)


def _told(error: BaseException, where: str) -> PoolBroken:
    if isinstance(error, LauncherUnavailable):
        return PoolBroken(error.what, cause=error.cause, cure=error.cure)
    cure = "see that the cluster is up, then call the pool's restart()"
    return PoolBroken(f"{where} cannot be used", cause=f"{type(error).__name__}: {error}", cure=cure)
