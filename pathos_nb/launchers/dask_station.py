"""A pool's station in one worker of dask's: an actor there, which has worker processes beside dask's own threads.

::

    pool ── obey(parcel) ──►  Station ── envelopes ──► Works: a thread with a hub ── frames ──► worker processes
    pool ◄── news() ────────  (actor)  ◄── envelopes ──         (as an agent has it)

An actor lives as long as somebody holds its future: when the pool lets go of it, or its client is gone, dask drops it,
and the works end with all their processes. When the worker of dask's is killed they read the end of their streams.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any

from distributed import get_worker

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers import dask_messages as ours
from pathos_nb.launchers.agent_desk import Desk
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.dask_parcel import Parcel, register
from pathos_nb.launchers.resources import local_resources
from pathos_nb.launchers.zygote_start import ZygoteStart
from pathos_nb.wire.carried import HOLDER
from pathos_nb.wire.envelopes import Envelope
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.serialization import MINOR

__all__ = ["Station", "bring", "open_station", "stand"]

_END_S = 5.0
_PRELOAD = ("cloudpickle",)


class Works(Desk):
    """The worker processes of a station, in a thread of their own.

    Parameters
    ----------
    n_workers : int
        Among how many workers the cores are shared.
    """

    def __init__(self, n_workers: int) -> None:
        super().__init__(n_workers, ZygoteStart(n_workers, preload=_PRELOAD))
        self.is_over, self.why = False, ""
        self.ring: Callable[[], object] = _nothing
        self._outgoing: deque[Envelope] = deque()
        self._n_sent, self._n_taken = 0, 0
        self._early: dict[int, Parcel] = {}
        self._brought: dict[str, Frame] = {}
        self._waiting: dict[int, list[Envelope]] = {}
        self._thread = threading.Thread(target=self._serve, name="pathos_nb station", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        try:
            while not self.is_over:
                self.hub.handle(self.hub.wait(None))
        except Exception as error:  # ours: the pool must hear of it
            self.why = f"the station failed: {type(error).__name__}: {error}"
        finally:
            self.is_over = True
            self.end()
            self.ring()

    def stop(self) -> None:
        """Have everything ended; may be called from anywhere, by the collector too."""
        self.is_over = True
        self.hub.wake()

    def wait_until_ended(self) -> bool:
        """Wait until nothing is left."""
        self._thread.join(_END_S)
        return not self._thread.is_alive()

    # --- up ---

    def post(self, kind: int, slot: int, frame: Frame) -> None:
        """Put an envelope where `take` finds it."""
        self._outgoing.append(Envelope(kind, slot, frame))
        self.ring()

    def take(self) -> Parcel:
        """Give what there is to tell."""
        envelopes = [self._outgoing.popleft() for _ in range(len(self._outgoing))]
        self._n_sent += 1
        return Parcel(self._n_sent, envelopes)

    @property
    def has_news(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self._outgoing) or self.is_over

    # --- down ---

    def hear(self, parcel: Parcel) -> None:
        """Take a parcel, in any thread; it is opened when those before it are here."""
        self.hub.post(lambda: self._open(parcel))

    def _open(self, parcel: Parcel) -> None:
        self._early[parcel.number] = parcel
        while (following := self._early.pop(self._n_taken + 1, None)) is not None:
            self._n_taken += 1
            self.obey_all([ready for envelope in following.envelopes for ready in self._let_through(envelope)])

    def _let_through(self, envelope: Envelope) -> list[Envelope]:
        """Hold back what a worker is sent behind a payload that comes by another way."""
        kind, slot, frame = envelope
        if kind == ours.DROP:
            self._brought.pop(frame.meta[0], None)
            return []
        if kind == messages.START:
            self._waiting.pop(slot, None)
        if slot in self._waiting and kind in (messages.RELAY, ours.BY_FUTURE):
            self._waiting[slot].append(envelope)
            return []
        if kind != ours.BY_FUTURE:
            return [envelope]
        name, meta = frame.meta
        if name in self._brought:
            return [Envelope(messages.RELAY, slot, self._brought[name]._replace(meta=meta))]
        self._waiting[slot] = [envelope]
        return []

    def bring(self, name: str, frame: Frame) -> None:
        """Take a payload that came by a future, in any thread, and let go what waits for it."""
        self.hub.post(lambda: self._on_brought(name, frame))

    def _on_brought(self, name: str, frame: Frame) -> None:
        self._brought[name] = frame
        waiting, self._waiting = self._waiting, {}
        self.obey_all(
            [ready for held in waiting.values() for envelope in held for ready in self._let_through(envelope)]
        )


class Station:
    """What a pool has in one worker of dask's.

    Parameters
    ----------
    n_workers : int
        Among how many workers the cores are shared.
    """

    def __init__(self, n_workers: int) -> None:
        register()
        os.environ[HOLDER] = str(os.getpid())
        self.standing: set[str] = set()
        worker = get_worker()
        self._tags = frozenset((str(worker.name), *worker.state.total_resources))  # dask's own ways to choose
        self._works = works = Works(n_workers)
        self._end = weakref.finalize(self, works.stop)

    async def hello(self) -> tuple[Any, ...]:
        """Tell where this is: version of Python, interpreter, host, process, time; cores, memory, GPUs, tags."""
        has = local_resources(usable_cores())._replace(tags=self._tags)
        return MINOR, sys.executable, socket.gethostname(), os.getpid(), time.time(), *has

    async def obey(self, parcel: Parcel) -> None:
        """Do what a parcel says."""
        self._works.hear(parcel)

    async def news(self) -> Parcel | str:
        """Give what has happened, as soon as anything has, and nothing after a while; why, if it has failed."""
        works, loop, bell = self._works, asyncio.get_running_loop(), asyncio.Event()
        works.ring = lambda: _ring(loop, bell)
        if not works.has_news:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(bell.wait(), ours.POLL_S)
        works.ring = _nothing
        return works.why or works.take()

    async def stand(self, names: list[str]) -> None:
        """Say which of the tasks that stand for busy workers go on; the others end."""
        self.standing = set(names)

    def bring(self, name: str, parcel: Parcel) -> None:
        """Take a payload that came by a future."""
        self._works.bring(name, parcel.envelopes[0].frame)

    async def close(self) -> bool:
        """End everything; returns when nothing is left."""
        self.standing = set()
        self._works.stop()
        return await asyncio.get_running_loop().run_in_executor(None, self._works.wait_until_ended)


def _ring(loop: asyncio.AbstractEventLoop, bell: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # dask's worker is closing
        loop.call_soon_threadsafe(bell.set)


def _nothing() -> None:
    """Do nothing: nobody waits."""


def open_station(n_workers: int) -> Station:
    """Make a station: what dask runs for it."""
    return Station(n_workers)


def bring(key: str, name: str, parcel: Parcel) -> None:
    """Hand a payload, which dask has brought here as what this task depends on, to the station of that key."""
    from distributed import get_worker

    get_worker().state.actors[key].bring(name, parcel)


async def stand(key: str, name: str) -> None:
    """Be there for dask as long as a worker process of the station of that key is busy; holds on to nothing."""
    from distributed import get_worker

    worker = get_worker()
    while name in getattr(worker.state.actors.get(key), "standing", ()):  # noqa: ASYNC110 - an event would hold on to it
        await asyncio.sleep(ours.STAND_S)
