"""One worker on a host: what is asked of it goes there as messages, and what is known of it came as such."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Any, Protocol

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_birth import Hello
from pathos_nb.launchers.agent_staging import Staging
from pathos_nb.launchers.contract import Reply, Running, Slot, SlotDown, TakenBack
from pathos_nb.launchers.inputs import Input
from pathos_nb.launchers.resources import Resources
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.serialization import MINOR

__all__ = ["AgentSlot", "Agency"]

_OF_A_CHUNK = (protocol.WORK, protocol.CALL)
_WITH_PAYLOAD = (protocol.INITIALIZE, protocol.DEFINE, *_OF_A_CHUNK)


class Distance(Protocol):
    """How far away the other end is."""

    @property
    def round_trip_s(self) -> float:
        """How long a message takes there and an answer back."""


class Ways(Protocol):
    """What takes envelopes to the other end."""

    @property
    def state(self) -> Distance:
        """What is known of it."""

    def send(self, kind: int, slot: int, *frames: Frame) -> None:
        """Send envelopes, without blocking."""


class Agency(Protocol):
    """What a slot needs of its launcher."""

    hello: Hello | None
    slots: dict[int, AgentSlot]

    @property
    def name(self) -> str:
        """What users call the place."""

    @property
    def link(self) -> Ways:
        """The way there."""

    @property
    def tell(self) -> Any:
        """Takes the news."""

    def carry_beside(self, frame: Frame) -> None:
        """Send the modules that a payload needs before it."""

    @property
    def staging(self) -> Staging:
        """The files of maps, as far as the machine has them."""

    def by_our_clock(self, frame: Frame) -> Frame:
        """Give a report with this machine's time."""


class AgentSlot(Slot):
    """One worker on the host.

    Parameters
    ----------
    launcher : Agency
        Whose agent it is of.
    name : str
        Its name in reports.
    number : int
        Its number on the link.
    """

    answers_later = takes_calls = True

    def __init__(self, launcher: Agency, name: str, number: int) -> None:
        self.launcher, self.name, self.number, self.pid = launcher, name, number, 0
        self.place = launcher.name
        self.learn()
        self._at: Running | None = None
        self._last_chunk = 0
        self.is_down = False

    def learn(self) -> None:
        """Take over what is known of its host."""
        hello = self.launcher.hello
        self.host = hello.host if hello else self.launcher.name
        self.python = hello.executable if hello else ""
        self.minor = hello.python[:2] if hello else MINOR

    @property
    def machine(self) -> object | None:
        """What all slots of this agent have in common."""
        return self.launcher

    @property
    def is_known(self) -> bool:
        """Whether the agent has told where it is, and what is there."""
        return self.launcher.hello is not None

    def resources(self) -> Resources | None:
        """Give what the machine has, as its agent has told."""
        hello = self.launcher.hello
        return None if hello is None else Resources(hello.cores, hello.memory_bytes, hello.gpus, hello.tags)

    @property
    def latency_s(self) -> float:
        """How long a message takes there and an answer back."""
        return self.launcher.link.state.round_trip_s

    def _post(self, kind: int, *meta: Any) -> None:
        if not self.is_down:
            self.launcher.link.send(kind, self.number, Frame(0, meta))

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames in order; see `Slot.send`."""
        if self.is_down:
            return
        for frame in frames:
            if frame.kind in _WITH_PAYLOAD:
                self.launcher.carry_beside(frame)
            if frame.kind in _OF_A_CHUNK:
                self._last_chunk = frame.meta[0]
        self.launcher.link.send(messages.RELAY, self.number, *frames)

    def running(self) -> Running | None:
        """Tell what the worker is at, if it has been at it for a while; of one that has gone, what it was at."""
        return self._at

    def set_limit(self, chunk: int, n_items: int) -> bool:
        """Have the worker begin no item of the chunk from `n_items` on."""
        if chunk <= self._last_chunk:  # of one that is yet to be sent, the chunk itself says how long it is
            self._post(messages.LIMIT, chunk, n_items)
        return not self.is_down

    def take_back(self, chunk: int, n_items: int) -> None:
        """Ask for the items of a chunk from `n_items` on; see `Slot.take_back`."""
        self._post(messages.TAKE_BACK, chunk, n_items)

    def watch(self, chunk: int, allowed_s: float, reason: str) -> bool:
        """Have the agent see to it that no item of the chunk runs for longer."""
        self._post(messages.WATCH, chunk, allowed_s, reason)
        return True

    def stage(self, files: tuple[Input, ...]) -> str | None:
        """See to it that files are on that machine; see `Slot.stage`."""
        return None if self.is_down else self.launcher.staging.stage(files)

    def interrupt(self, chunk: int) -> None:
        """Raise KeyboardInterrupt in the item, if the worker is at that chunk."""
        self._post(messages.INTERRUPT, chunk)

    def kill(self, reason: str) -> None:
        """End the worker now."""
        self._post(messages.KILL, reason)

    def retire(self) -> None:
        """Let the worker end when it is done."""
        self._post(messages.RETIRE)

    # --- what the agent says ---

    def hear(self, kind: int, frame: Frame) -> None:
        """Take one message in."""
        if kind == messages.RELAY:
            self._on_frame(frame)
        elif kind == messages.AT:
            self._at = _running(frame.meta)
        elif kind == messages.FORKED:
            self.pid = frame.meta[0]
        elif kind == messages.TAKEN:
            self.launcher.tell(TakenBack(self, *frame.meta))
        elif kind == messages.DOWN:
            reason, tail, at = frame.meta
            self.end(reason, tail, _running(at) if at else None, True)

    def _on_frame(self, frame: Frame) -> None:
        if frame.kind == protocol.DONE and self._at is not None and self._at.chunk <= _chunk_of(frame):
            self._at = None
        if frame.kind in (protocol.DONE, protocol.INNER):
            frame = self.launcher.by_our_clock(frame)
        self.launcher.tell(Reply(self, frame))

    def end(self, reason: str, tail: str, at: Running | None, is_workers: bool) -> None:
        """Say that it has gone; whether it was the worker's end, or that of the way to it."""
        if self.is_down:
            return
        self.is_down, self._at = True, at
        self.launcher.slots.pop(self.number, None)
        self.launcher.tell(SlotDown(self, reason, tail, is_workers))


def _running(told: tuple[Any, ...]) -> Running:
    chunk, offset, ago_s, width = told
    return Running(chunk, offset, time.monotonic() - ago_s, width)


def _chunk_of(report: Frame) -> float:
    """Give the chunk that a report is about; of one that says none, whatever there was is over."""
    try:
        return float(report.meta[0])
    except (TypeError, ValueError, LookupError):
        return math.inf
