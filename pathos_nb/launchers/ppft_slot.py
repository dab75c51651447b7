"""A worker of a ppft server, as the dispatcher sees it: a connection that never blocks, and what is known of its end.

Jobs and orders are laid out in `ppft_wire`, and sent as far as the connection takes them; results and words are opened
as they come. While there is work, the server is asked four times a second what the worker is at, and that it is there.
"""

from __future__ import annotations

import errno
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Protocol

from pathos_nb.launchers import ppft_wire
from pathos_nb.launchers.agent_beside import Beside
from pathos_nb.launchers.agent_clock import by_our_clock
from pathos_nb.launchers.contract import Hub, News, Reply, Running, Slot, SlotDown, TakenBack
from pathos_nb.launchers.ppft_call import Call, Server
from pathos_nb.wire.framing import Buffer, Frame, FrameReader, pack
from pathos_nb.wire.outflow import write_some
from pathos_nb.wire.protocol import BESIDE, BROKEN, CALL, DEFINE, DONE, INITIALIZE, INNER, WORK
from pathos_nb.wire.signing import Checker, NotAuthentic, Signer

__all__ = ["Office", "PpftSlot"]

_BEAT_S = 0.25
_SILENT_BEATS = 60
_FRESH_S = 1.0
_KILL_S = 3.0
_SEND_AT_ONCE = 1 << 16


class Office(Protocol):
    """Who wants a worker, and is told how the way to it is."""

    name: ClassVar[str]
    minor: tuple[int, ...]
    hub: Hub
    tell: Callable[[News], None]
    server: Server
    host_name: str
    is_elsewhere: bool

    def note_back(self, host_name: str) -> None:
        """Hear that the server has given a worker."""

    def note_away(self, server: Server, reason: str) -> None:
        """Hear that nobody answered."""

    def note_lost(self, server: Server, reason: str) -> None:
        """Hear that the way to a worker has gone."""

    def note_report(self) -> None:
        """Hear that a worker has done something."""

    def forget(self, slot: PpftSlot) -> None:
        """Think no more of a slot that has ended."""


class PpftSlot(Slot):
    """One worker of a server.

    Parameters
    ----------
    launcher : Office
        Who wants it.
    name : str
        Its name in reports.
    """

    answers_later = takes_calls = True

    def __init__(self, launcher: Office, name: str) -> None:
        self.launcher, self.name, self.place = launcher, name, launcher.name
        self.host, self.pid, self.minor = launcher.host_name, 0, launcher.minor
        self._unsent: deque[Buffer] = deque()
        self._early: list[list[Buffer]] = []
        self._watches: list[dict[str, Any]] = []
        self._reason, self._ended, self._is_full, self._is_linked = "", False, False, False
        self._was_at: Running | None = None
        self._n_in_flight, self._n_unanswered, self._n_heard = 0, 0, 0
        self._status: tuple[float, list[Any] | None] = (0.0, None)
        self._last_chunk, self._asked_s, self._latency_s = 0, 0.0, 0.0
        self._beat: Any = None
        self._clock_ahead_s = 0.0
        self._messages, self._frames = ppft_wire.Messages(), FrameReader()
        self.server = launcher.server
        self._beside = Beside() if launcher.is_elsewhere else None
        self._call = Call(self.server, self._on_called)

    # --- the connection ---

    def _on_called(self) -> None:
        """Hear, in the thread of the call, that it is through or has failed."""
        self.launcher.hub.post(self._begin)

    def _begin(self) -> None:
        if self._ended:
            return
        call = self._call
        if call.error is not None:
            if getattr(call.error, "errno", None) not in (errno.EMFILE, errno.ENFILE):  # those are our own
                self.launcher.note_away(self.server, str(call.error))
            self._end(f"no worker from {self.server}: {call.error}", is_workers=False)
            return
        self.host, self.pid = call.facts["host"], call.facts["pid"]
        self.launcher.note_back(self.host)
        self.minor, self.python = tuple(call.facts["minor"]), call.facts["python"]
        self._clock_ahead_s = call.facts["clock_ahead_s"] if self.launcher.is_elsewhere else 0.0
        self._jobs, self._orders = Signer(call.key, b"job"), Signer(call.key, b"order")
        self._reports, self._words = Checker(call.key, b"report"), Checker(call.key, b"word")
        self._is_first = self._is_linked = True
        self.launcher.hub.watch(call.fileno(), self._on_readable)
        early, self._early = self._early, []
        for pieces in early:
            self._post(pieces)
        self._order_watches()
        if self._reason:
            self._order(do="retire" if self._reason == "retired" else "kill")
        self._flush()

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames in order; see `Slot.send`."""
        if self._ended:
            return
        pieces: list[Buffer] = []
        for frame in frames:
            pieces += [*self._beside_for(frame), *pack(frame)]
            if frame.kind in (WORK, CALL, INITIALIZE):
                if frame.kind != INITIALIZE:
                    self._n_in_flight, self._last_chunk = self._n_in_flight + 1, frame.meta[0]
                self._post(pieces)
                pieces = []
        if pieces:
            self._post(pieces)
        self._flush()
        if self._beat is None:
            self._beat = self.launcher.hub.call_later(_BEAT_S, self._on_beat)

    def _beside_for(self, frame: Frame) -> list[Buffer]:
        """Give the user's own modules that a payload names, where the worker has not got them as they are now."""
        if self._beside is None or frame.kind not in (INITIALIZE, DEFINE, WORK, CALL):
            return []
        news = self._beside.news(frame.body, frame.kind != WORK)
        return pack(Frame(BESIDE, (), news[1])) if news else []

    def _post(self, pieces: list[Buffer]) -> None:
        if not self._is_linked:
            self._early.append(pieces)
            return
        self._unsent.extend(ppft_wire.call(self._jobs, pieces, self._is_first))
        self._is_first = False

    def _order(self, **fields: Any) -> None:
        if self._is_linked and not self._ended:
            self._unsent.append(ppft_wire.order(self._orders, **fields))

    def _flush(self) -> None:
        if self._ended or not self._is_linked:
            return
        unsent = self._unsent
        if len(unsent) > 1 and sum(map(len, unsent)) <= _SEND_AT_ONCE:
            unsent = self._unsent = deque([b"".join(unsent)])
        try:
            write_some(unsent, self._call.socket.send)
        except OSError:
            unsent.clear()  # its end is news of its own
        if bool(unsent) != self._is_full:
            self._is_full = bool(unsent)
            self.launcher.hub.watch(self._call.fileno(), self._on_readable, self._flush if unsent else None)

    # --- what comes back ---

    def _on_readable(self) -> None:
        try:
            messages = self._messages.pull(self._call.socket.recv)
            if messages is None:
                self._lost("the connection to its server was closed")
                return
            self._n_heard += 1
            for message in messages:
                if ppft_wire.is_word(message):
                    self._on_word(ppft_wire.fields_of(self._words, message, of_word=True))
                else:
                    self._on_report(message)
        except BlockingIOError:
            return
        except OSError as error:
            self._lost(f"the connection to its server broke: {error.strerror or error}")
        except (NotAuthentic, ValueError) as error:
            self._lost(f"what its server sent is not to be believed: {error}")

    def _on_report(self, message: Buffer) -> None:
        frames = self._frames.feed(self._reports.open(ppft_wire.opened_result(message)))
        self.launcher.note_report()
        for frame in frames:
            if frame.kind == DONE:
                self._n_in_flight -= 1
            told = by_our_clock(frame, self._clock_ahead_s) if frame.kind in (DONE, INNER) else frame
            self.launcher.tell(Reply(self, told))
            if frame.kind == BROKEN:
                return

    def _on_word(self, word: dict[str, Any]) -> None:
        if "taken" in word:
            chunk, n_items = word["taken"]
            self.launcher.tell(TakenBack(self, int(chunk), int(n_items)))
            return
        now_s = time.monotonic()
        self._status = now_s, word.get("at")
        if "down" in word:
            self._was_at = self.running()
            self._end(str(word["down"]), str(word.get("tail", "")))
            return
        self._n_unanswered, self._latency_s = 0, now_s - self._asked_s

    def _on_beat(self) -> None:
        """Ask for a sign of life while there is work, and give up if there is none for long."""
        self._beat = None
        if self._ended or (not self._n_in_flight and not self._n_unanswered):
            return
        if self._is_linked:
            self._n_unanswered = 1 if self._n_heard else self._n_unanswered + 1
            self._n_heard = 0
            if self._n_unanswered > _SILENT_BEATS:
                self._lost(f"its server has not answered for {_SILENT_BEATS * _BEAT_S:.0f} s")
                return
            self._asked_s = time.monotonic()
            self._order(do="status")
            self._flush()
        self._beat = self.launcher.hub.call_later(_BEAT_S, self._on_beat)

    # --- what the dispatcher asks ---

    def running(self) -> Running | None:
        """Tell what the worker is at, as far as its last word is fresh; of one that has gone, what it was at."""
        if self._ended:
            return self._was_at
        told_s, at = self._status
        if at is None or time.monotonic() - told_s > _FRESH_S:
            return None
        chunk, offset, seconds, width = at
        return Running(int(chunk), int(offset), told_s - float(seconds), int(width))

    @property
    def latency_s(self) -> float:
        """How long a message takes to the server and an answer back."""
        return self._latency_s

    def set_limit(self, chunk: int, n_items: int) -> bool:
        """Have the worker begin no item of the chunk from `n_items` on."""
        if chunk <= self._last_chunk:  # of one that is yet to be sent, the chunk itself says how long it is
            self._order(do="limit", chunk=chunk, n=n_items)
            self._flush()
        return not self._ended

    def take_back(self, chunk: int, n_items: int) -> None:
        """Ask for the items of a chunk from `n_items` on; see `Slot.take_back`."""
        self._order(do="take back", chunk=chunk, n=n_items)
        self._flush()

    def watch(self, chunk: int, allowed_s: float, reason: str) -> bool:
        """Have the server see to it that no item of the chunk runs for longer."""
        self._watches.append({"do": "watch", "chunk": chunk, "s": allowed_s, "reason": reason})
        if self._is_linked:
            self._order_watches()
        return True

    def _order_watches(self) -> None:
        watches, self._watches = self._watches, []
        for watch in watches:
            self._order(**watch)

    def interrupt(self, chunk: int) -> None:
        """Raise KeyboardInterrupt in the item, if the worker is at that chunk."""
        self._order(do="interrupt", chunk=chunk)
        self._flush()

    def kill(self, reason: str) -> None:
        """End the worker now."""
        if self._ended or (self._reason and self._reason != "retired"):
            return
        self._reason = reason
        self._order(do="kill")
        self._flush()
        self.launcher.hub.call_later(_KILL_S, lambda: self._lost("it could not be killed"))

    def retire(self) -> None:
        """Let the worker end when it is done."""
        if not self._reason:
            self._reason = "retired"
            self._order(do="retire")
            self._flush()

    # --- the end ---

    def _lost(self, reason: str) -> None:
        """Take the worker for gone, though nobody saw it end: no item is to blame."""
        if not self._ended:
            self._was_at = self.running()
            if not self._reason:
                self.launcher.note_lost(self.server, reason)
            self._end(reason, is_workers=bool(self._reason))

    def _end(self, reason: str, tail: str = "", is_workers: bool = True) -> None:
        if self._ended:
            return
        self.release()
        self.launcher.tell(SlotDown(self, self._reason or reason, tail, is_workers))

    def release(self) -> None:
        """Close the connection, by which the server ends the worker."""
        if self._ended:
            return
        self._ended = True
        if self._beat is not None:
            self._beat.cancel()
        if self._is_linked:
            self.launcher.hub.unwatch(self._call.fileno())
        self._call.close()
        if self._beside is not None:
            self._beside.close()
        self.launcher.forget(self)
