"""Slots of this machine at the disposal of a pool elsewhere: what comes in envelopes is done, what happens is told so.

Whoever has it says how envelopes go up (`post`); those that come down are given to `obey_all`, in the thread that runs
the hub. An agent has it at the end of a stream, a station in a worker of dask's.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_files import FileStore
from pathos_nb.launchers.agent_store import BesideStore, far_context
from pathos_nb.launchers.contract import News, Reply, Running, Slot, SlotDown
from pathos_nb.launchers.hub import EventHub
from pathos_nb.launchers.inputs import FOLDER
from pathos_nb.launchers.processes import ProcessesLauncher
from pathos_nb.launchers.zygote_start import ZygoteStart
from pathos_nb.wire import protocol
from pathos_nb.wire.carried import Holder
from pathos_nb.wire.envelopes import Envelope
from pathos_nb.wire.framing import Frame

__all__ = ["Desk"]

_LOOK_S = 0.1
_LONG_S = 0.05
_MAX_FINISHED = (1 << 32) - 1


class Desk(ABC):
    """The launcher "processes" for a pool elsewhere.

    Parameters
    ----------
    n_workers : int
        Among how many workers the cores are shared.
    start : ZygoteStart
        A zygote that boots.
    """

    def __init__(self, n_workers: int, start: ZygoteStart) -> None:
        self.hub = EventHub()
        self.launcher = ProcessesLauncher(self.hub, self._on_news, None, n_workers, start)
        self.store, self.holder, self.files = BesideStore(), Holder(), FileStore(self.post)
        self._slots: dict[int, Slot] = {}
        self._numbers: dict[Slot, int] = {}
        self._told_pids: set[int] = set()
        self._contexts: dict[int, tuple[tuple[Any, ...] | None, str]] = {}
        self._busy: dict[int, int] = {}
        self._down: dict[Slot, list[Frame]] = {}
        self._told_at: dict[int, Running] = {}
        self._looking = self._has_asked = False

    @abstractmethod
    def post(self, kind: int, slot: int, frame: Frame) -> None:
        """Send an envelope up, without blocking."""

    def end(self) -> None:
        """End the workers."""
        self.launcher.close()
        self.hub.close()
        self.store.close()
        self.holder.close()
        self.files.close()

    # --- what is asked ---

    def obey_all(self, envelopes: Sequence[Envelope]) -> None:
        """Do what came together; a worker is woken once by all that it is sent."""
        for envelope in envelopes:
            if envelope.kind != messages.RELAY:
                self._pass_down()
            self._obey(envelope)
        self._pass_down()

    def _pass_down(self) -> None:
        down, self._down = self._down, {}
        self._has_asked = self._has_asked or bool(down)
        for slot, frames in down.items():
            slot.send(frames)

    def _obey(self, envelope: Envelope) -> None:
        kind, number, frame = envelope
        if kind == messages.BEAT:
            self.on_beat(*frame.meta)
        elif kind == messages.START:
            self._start(number, *frame.meta)
        elif kind == messages.SHARE:
            self.holder.put(frame.meta[0], frame.buffers[0])
        elif kind == messages.UNSHARE:
            self.holder.drop(frame.meta[0])
        elif kind == messages.LOOK:
            self.files.look(*frame.meta)
        elif kind == messages.PIECE:
            self.files.take(frame.body, *frame.meta)
        elif kind == messages.CARRY:
            self.store.put(bytes(frame.body))
            for known in self._slots.values():  # an item in the midst of a run may be the first to need it
                known.send([Frame(protocol.BESIDE, (self.store.path,))])
        else:
            slot = self._slots.get(number)
            if slot is not None:
                self._ask(slot, number, kind, frame)

    def on_beat(self, clock: float, patience_s: float) -> None:
        """Hear that the pool is there, and for how long it may say nothing from now on."""
        self.post(messages.ECHO, 0, Frame(0, (clock, time.time())))

    def _start(self, number: int, name: str) -> None:
        try:
            slot = self.launcher.start_slot(name)
        except Exception as error:
            self.post(messages.DOWN, number, Frame(0, (str(error), "", None)))
            return
        self._slots[number], self._numbers[slot] = slot, number

    def _ask(self, slot: Slot, number: int, kind: int, frame: Frame) -> None:
        if kind == messages.RELAY:
            self._relay_down(slot, number, frame)
        elif kind == messages.LIMIT:
            slot.set_limit(*frame.meta)
        elif kind == messages.TAKE_BACK:
            self._take_back(slot, number, *frame.meta)
        elif kind == messages.WATCH:
            self._watch(slot, number, *frame.meta)
        elif kind == messages.INTERRUPT:
            slot.interrupt(*frame.meta)
        elif kind == messages.KILL:
            slot.kill(*frame.meta)
        elif kind == messages.RETIRE:
            slot.retire()

    def _relay_down(self, slot: Slot, number: int, frame: Frame) -> None:
        if frame.kind == protocol.DEFINE:
            run, spec = frame.meta
            spec = protocol.RunSpec(*spec)
            frame = frame._replace(meta=(run, tuple(spec._replace(context=self._context(number, spec.context)))))
        elif frame.kind == protocol.INITIALIZE:
            frame = frame._replace(meta=(self._context(number, frame.meta[0]),))
        elif frame.kind == protocol.CALL:
            chunk, index, sent = frame.meta
            spec = protocol.RunSpec(*sent)
            frame = frame._replace(
                meta=(chunk, index, tuple(spec._replace(context=self._context(number, spec.context))))
            )
        if frame.kind in (protocol.WORK, protocol.CALL):
            self._busy[number] = self._busy.get(number, 0) + 1
            self._look_soon()
        self._down.setdefault(slot, []).append(frame)

    def _context(self, number: int, sent: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
        """Make of the pool's surroundings the worker's; again if only the user's modules are others than before."""
        known, beside = self._contexts.get(number, (None, ""))
        sent = sent or (known if beside != self.store.path else None)
        if sent is None:
            return None
        self._contexts[number] = sent, self.store.path
        folder, path, environ, hooks = far_context(sent, self.launcher.context(), self.store.path)
        return folder, path, {**environ, FOLDER: self.files.folder}, hooks

    def _take_back(self, slot: Slot, number: int, chunk: int, n_items: int) -> None:
        """Hold a chunk at an item, and tell from which item on it holds: that one may just have begun."""
        slot.set_limit(chunk, n_items)
        at = slot.running()
        if at is not None and at.n_begun(chunk) > n_items:
            n_items = at.n_begun(chunk)
            slot.set_limit(chunk, n_items)
        self.post(messages.TAKEN, number, Frame(0, (chunk, n_items)))

    def _watch(self, slot: Slot, number: int, chunk: int, allowed_s: float, reason: str) -> None:
        """Kill the worker if it is at one item of the chunk for too long: only here can that be seen in time."""

        def look() -> None:
            at = slot.running() if self._slots.get(number) is slot else None
            if self._slots.get(number) is not slot or (at is not None and _is_past(at, chunk)):
                return
            left_s = allowed_s
            if at is not None and at.chunk == chunk:
                left_s = at.left_s(allowed_s)
            if left_s <= 0:
                slot.kill(reason)
            else:
                self.hub.call_later(max(1e-3, left_s), look)

        self.hub.call_later(allowed_s, look)

    # --- what there is to tell ---

    def _on_news(self, news: News) -> None:
        if isinstance(news, Reply):
            number = self._numbers.get(news.slot)
            if number is not None:
                self._relay_up(news.slot, number, news.frame)
        elif isinstance(news, SlotDown):
            self._on_down(news)
        else:
            self.post(messages.FAILED, 0, Frame(0, (getattr(news, "reason", ""),)))

    def _relay_up(self, slot: Slot, number: int, frame: Frame) -> None:
        self._tell_pid(slot, number)
        if frame.kind == protocol.DONE:
            self._busy[number] = max(0, self._busy.get(number, 0) - 1)
        self.post(messages.RELAY, number, frame)

    def _tell_pid(self, slot: Slot, number: int) -> None:
        if number not in self._told_pids and slot.pid:
            self._told_pids.add(number)
            self.post(messages.FORKED, number, Frame(0, (slot.pid,)))

    def _on_down(self, news: SlotDown) -> None:
        number = self._numbers.pop(news.slot, None)
        if number is None:
            return
        self._tell_pid(news.slot, number)
        at = news.slot.running()
        for known in (self._slots, self._contexts, self._busy, self._told_at):
            known.pop(number, None)
        told = None if at is None else (at.chunk, at.offset, time.monotonic() - at.since_s, at.width)
        self.post(messages.DOWN, number, Frame(0, (news.reason, news.tail, told)))

    def _look_soon(self) -> None:
        if not self._looking:
            self._looking = True
            self.hub.call_later(_LOOK_S, self._look)

    def _look(self) -> None:
        """Tell what workers have been at for a while: the page they write it on reaches no further than here."""
        self._looking = False
        now = time.monotonic()
        for number, slot in self._slots.items():
            at = slot.running() if self._busy.get(number) else None
            if at is None or at.offset == _MAX_FINISHED or now - at.since_s < _LONG_S:
                continue
            if self._told_at.get(number) != at:
                self._told_at[number] = at
                told = (at.chunk, at.offset, now - at.since_s, at.width)
                self.post(messages.AT, number, Frame(0, told))
        if any(self._busy.values()):
            self._look_soon()


def _is_past(at: Running, chunk: int) -> bool:
    return at.chunk > chunk or (at.chunk == chunk and at.offset == _MAX_FINISHED)
