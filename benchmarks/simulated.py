"""Slots without workers: a launcher that answers by timers, so that the dispatcher alone is measured.

An item is a number of seconds; a slot takes them divided by its speed, and answers half a round trip later. Nothing is
computed: a chunk's values are its items.
"""

from __future__ import annotations

import math
import time
from array import array
from collections import deque
from collections.abc import Sequence
from typing import Any, ClassVar

from pathos_nb.dispatch.chunking import CUT_S
from pathos_nb.launchers.chunk import TRIAL_S
from pathos_nb.launchers.contract import Availability, Launcher, Reply, Running, Slot, SlotDown, TakenBack
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame

__all__ = ["SimulatedLauncher", "simulated"]


class SimulatedSlot(Slot):
    """A slot that answers by itself; at once, where items take no time."""

    host, pid = "simulated", 0
    answers_later = True
    __slots__ = ("at", "chunks", "is_down", "launcher", "limits", "name", "place", "spans", "timer")

    def __init__(self, launcher: SimulatedLauncher, name: str) -> None:
        self.launcher, self.name, self.place = launcher, name, launcher.name
        self.chunks: deque[tuple[int, Sequence[float], float]] = deque()
        self.limits: dict[int, int] = {}
        self.spans: dict[int, float | None] = {}
        self.at: tuple[int, float, list[float]] | None = None
        self.timer: Any = None
        self.is_down = False

    @property
    def latency_s(self) -> float:
        return self.launcher.round_trip_s

    def send(self, frames: Sequence[Frame]) -> None:
        for frame in frames:
            if frame.kind == protocol.DEFINE:
                is_cut = protocol.RunSpec(*frame.meta[1]).chunk_s is not None
                self.spans[frame.meta[0]] = TRIAL_S if is_cut else math.inf
            elif frame.kind == protocol.FORGET:
                self.spans.pop(frame.meta[0], None)
            elif frame.kind == protocol.WORK:
                self._send(*frame.meta[:2], frame.body)

    def _send(self, chunk: int, run: int, items: Any) -> None:
        """Have a chunk arrive; of a run's first, as a worker does, what is not begun within its trial goes back."""
        if not self.launcher.speed:
            self.launcher.answer(self, chunk, items[0])
            return
        span = self.spans[run] or math.inf
        self.spans[run] = CUT_S if span < math.inf else math.inf
        if half_s := self.launcher.round_trip_s / 2:
            self.launcher.later(half_s, lambda: self._arrive(chunk, items, span))
        else:
            self._arrive(chunk, items, span)

    def _arrive(self, chunk: int, items: Any, span: float) -> None:
        self.chunks.append((chunk, items[0], span))
        if self.at is None:
            self._begin()

    def _begin(self) -> None:
        if self.is_down or not self.chunks:
            return
        chunk, items, span = self.chunks.popleft()
        n = min(len(items), self.limits.pop(chunk, len(items)))
        started = time.time()
        pace, ends, end = 1 / self.launcher.speed, [], started
        for item in items[:n]:
            end += item * (pace if end < self.launcher.slow_at else 10 * pace)
            ends.append(end)
            if end - started > span:
                break
        self.at = chunk, started, ends
        self._wait(items)

    def _wait(self, items: Sequence[float]) -> None:
        assert self.at is not None
        end = self.at[2][-1] if self.at[2] else self.at[1]
        self.timer = self.launcher.hub.call_later(max(0.0, end - time.time()), lambda: self._finish(items))

    def _finish(self, items: Sequence[float]) -> None:
        if self.at is None:
            return
        (chunk, started, ends), self.at = self.at, None
        back_s, stamps = self.launcher.round_trip_s / 2, array("d", ends)
        self.launcher.later(back_s, lambda: self.report(chunk, items[: len(ends)], started, stamps))
        self._begin()

    def report(self, chunk: int, values: Sequence[float], started: float, ends: array[float]) -> None:
        """Say that a chunk is done."""
        if self.is_down:
            return
        meta = (chunk, len(values), started, ends.tobytes(), 1, (), (), "")
        self.launcher.tell(Reply(self, Frame(protocol.DONE, meta, list(values))))  # type: ignore[arg-type]

    def running(self) -> Running | None:
        if self.at is None:
            return None
        now, (chunk, started, ends) = time.time(), self.at
        done = sum(end <= now for end in ends)
        since = ends[done - 1] if done else started
        return Running(chunk, min(done, len(ends) - 1), time.monotonic() - (now - since), 1)

    def set_limit(self, chunk: int, n_items: int) -> bool:
        return True

    def take_back(self, chunk: int, n_items: int) -> None:
        self.launcher.later(self.launcher.round_trip_s / 2, lambda: self._hold(chunk, n_items))

    def _hold(self, chunk: int, n_items: int) -> None:
        if self.at is not None and self.at[0] == chunk:
            now, ends = time.time(), self.at[2]
            n_items = max(n_items, 1 + sum(end <= now for end in ends))
            if n_items < len(ends):
                del ends[n_items:]
                self.timer.cancel()
                self._wait([0.0] * n_items)
        elif any(known == chunk for known, _, _ in self.chunks):
            self.limits[chunk] = n_items
        else:
            n_items = 1 << 31
        back_s = self.launcher.round_trip_s / 2
        self.launcher.later(back_s, lambda: self.launcher.tell(TakenBack(self, chunk, n_items)))

    def interrupt(self, chunk: int) -> None:
        """Stop nothing: items end by themselves."""

    def kill(self, reason: str) -> None:
        if not self.is_down:
            self.is_down = True
            self.launcher.hub.post(lambda: self.launcher.tell(SlotDown(self, reason, "")))

    def retire(self) -> None:
        self.kill("retired")


class SimulatedLauncher(Launcher):
    """Slots of one speed (0: items take no time) and distance; `simulated` makes the class of each."""

    name, shares_memory, max_size = "simulated", True, 1 << 20
    speed: ClassVar[float] = 0.0
    round_trip_s: ClassVar[float] = 0.0
    slow_at: ClassVar[float] = float("inf")

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._due: list[tuple[SimulatedSlot, int, Sequence[float]]] = []

    @classmethod
    def availability(cls) -> Availability:
        return Availability(1.0, "")

    def start_slot(self, name: str) -> Slot:
        return SimulatedSlot(self, name)

    def answer(self, slot: SimulatedSlot, chunk: int, values: Sequence[float]) -> None:
        """Have a chunk that takes no time reported in the hub's next round, with all others."""
        self._due.append((slot, chunk, values))
        if len(self._due) == 1:
            self.hub.post(self._answer)

    def _answer(self) -> None:
        due, self._due = self._due, []
        now = time.time()
        stamp = array("d", [now])
        for slot, chunk, values in due:
            slot.report(chunk, values, now, stamp * len(values))

    def later(self, delay_s: float, call: Any) -> None:
        """Call after a delay, or in the hub's next round."""
        if delay_s:
            self.hub.call_later(delay_s, call)
        else:
            self.hub.post(call)

    def close(self) -> None:
        """Nothing was started."""


def simulated(name: str, speed: float = 0.0, round_trip_s: float = 0.0) -> type[SimulatedLauncher]:
    """Make the launcher of a place."""
    return type("Simulated", (SimulatedLauncher,), {"name": name, "speed": speed, "round_trip_s": round_trip_s})
