"""The leader: rank 0 of a worker of several ranks, which has the others do with each item what it does itself.

An item is over when all ranks are through with it. If one raises, the others may wait for it in MPI for ever: so after
a grace the item has failed, by what was raised, and the job is given up for a new one. If it is the leader that waits,
a thread of its own sees that, and says so in its place.

No item gets what another one has sent. Messages that were not received are thrown away before the next one; what was
sent by a collective call that not all ranks have made, MPI can only forget with the job: so a job is given up also
where an item was interrupted, or was not raised alike on all ranks.
"""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from pathos_nb.errors import RemoteTraceback
from pathos_nb.launchers.capture import FileCapture
from pathos_nb.launchers.chunk import Chunk, TimeUp
from pathos_nb.launchers.failing import revive
from pathos_nb.launchers.mpi_group import END, GO, LEAVE, Group, Patience, flush, may_watch, speak_in_lines
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import ItemReport

__all__ = ["Leader"]

_HOST = socket.gethostname()
_GRACE_S, _SHORT_GRACE_S = 2.0, 0.3
_LOOK_S = 0.02
_ABORT = b"application called MPI_Abort("
_RELAYED = {
    protocol.INITIALIZE, protocol.DEFINE, protocol.WORK, protocol.CALL, protocol.FORGET, protocol.BESIDE,
}  # fmt: skip


class Leader(Worker):
    """A worker whose items are run by a whole group."""

    group: Group

    def take_up(self, group: Group) -> None:
        """Begin to lead."""
        speak_in_lines()
        self.group = group
        self._lock, self._lasts = threading.Lock(), threading.Event()
        self._heard: dict[int, Any] = {}
        self._doing: Chunk | None = None
        self._is_open = False  # an item that not all members are through with
        if may_watch():
            threading.Thread(target=self._watch, name="pathos_nb mpi watch", daemon=True).start()

    def dismiss(self) -> None:
        """Have the members end, if they can hear it."""
        if not self.is_spent:
            self.group.tell(LEAVE)

    def handle(self, frame: Frame) -> Frame | None:
        """Do what a frame says, with all others; see `Worker.handle`."""
        if frame.kind not in _RELAYED:
            return super().handle(frame)
        self.group.relay(frame)
        reply = super().handle(frame)
        self.is_spent = self.is_spent or self._is_open
        if frame.kind in (protocol.WORK, protocol.CALL) and not self.is_spent:
            self.group.tell(END)
        elif frame.kind == protocol.INITIALIZE and reply is None:
            reply = self._trouble_of_members()
        return reply

    def _trouble_of_members(self) -> Frame | None:
        self._await_members(None)
        troubles = {rank: told for rank, told in sorted(self._heard.items()) if told is not None}
        self._heard.clear()
        for rank, (text, trace) in troubles.items():
            return Frame(protocol.BROKEN, (f"on rank {rank}: {text}", trace))
        return None

    def _done(self, doing: Chunk) -> Frame:
        self._doing = doing
        doing.function = self._together(doing.function)
        try:
            return super()._done(doing)
        finally:
            self._doing = None

    # --- one item ---

    def _together(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*row: Any) -> Any:
            self.in_item = False  # an interrupt in the midst of a message would leave some members without it
            if self.is_spent:
                raise KeyboardInterrupt
            self._begin()
            try:
                self.in_item = True
                value = function(*row)
                self.in_item = False
            except BaseException as error:
                self.in_item = False
                self._end(_SHORT_GRACE_S if self.stop_requested else _GRACE_S)
                self._give_up_unless_alike(error)
                raise
            self._end(None)
            self._give_up_unless_alike(None)
            self._raise_what_members_raised()
            return value

        return call

    def _begin(self) -> None:
        self._heard.clear()
        self._is_open = True
        self.group.tell(GO)
        self.group.clear()
        self._lasts.set()

    def _end(self, grace_s: float | None) -> None:
        """Wait for the members; without end as long as none has failed, if no grace is given."""
        flush()
        with self._lock:
            self._lasts.clear()
        if self._await_members(grace_s):
            self._is_open = False
        else:
            self._give_up()
        self._end_if_aborted()

    def _end_if_aborted(self) -> None:
        """End the job if an item has called MPI_Abort, from which MPICH comes back where ``mpiexec`` is not our parent.

        It says so first, in the file that all ranks of this machine write to; what was computed after that is no value.
        """
        printed = self.capture.peek() if isinstance(self.capture, FileCapture) else b""
        if _ABORT in printed:
            os.kill(os.getpid(), signal.SIGABRT)

    def _give_up(self) -> None:
        """Begin no more items: the job is of no use any more, and ends with the report of this chunk."""
        self.is_spent = self.stop_requested = True

    def _give_up_unless_alike(self, error: BaseException | None) -> None:
        """Give the job up if an item may have left a collective call half done: not all ranks have ended alike."""
        own = None if error is None else type(error).__qualname__
        ends = {own, *(None if told is None else ItemReport(*told).type_name for told in self._heard.values())}
        if len(ends) > 1 or self.stop_requested or isinstance(error, (KeyboardInterrupt, TimeUp)):
            self._give_up()

    def _await_members(self, grace_s: float | None) -> bool:
        """Wait until all members are through; False if one has failed, and others are stuck."""
        patience, until_s = Patience(1e-3), None if grace_s is None else time.monotonic() + grace_s
        while True:
            self._hear()
            if len(self._heard) == self.group.size - 1:
                return True
            if until_s is None and self._has_failures():
                until_s = time.monotonic() + _GRACE_S
            if until_s is not None and time.monotonic() > until_s:
                return False
            patience.pause()

    def _hear(self) -> None:
        with self._lock:
            self._heard.update(self.group.statuses())

    def _has_failures(self) -> bool:
        return any(told is not None for told in self._heard.values())

    def _raise_what_members_raised(self) -> None:
        for rank, told in sorted(self._heard.items()):
            if told is not None:
                raise self._error_of(rank, ItemReport(*told))

    def _error_of(self, rank: int, told: ItemReport) -> BaseException:
        error = revive(told)
        index = self._doing.indices[told.offset] if self._doing else told.offset
        error.__cause__ = RemoteTraceback(told.traceback, index, "", f"rank {rank} of {self.group.size}", _HOST)
        return error

    # --- the thread that watches ---

    def _watch(self) -> None:
        """Look for members' failures while an item lasts."""
        while True:
            self._lasts.wait()
            time.sleep(_LOOK_S)
            with self._lock:
                if not self._lasts.is_set():
                    continue
                self._heard.update(self.group.statuses())
                is_failing = self._has_failures()
            if is_failing and not self._ends_within(_GRACE_S):
                self._speak_for_the_leader()

    def _ends_within(self, grace_s: float) -> bool:
        heard, until_s = self._heard, time.monotonic() + grace_s
        while time.monotonic() < until_s:
            time.sleep(_LOOK_S)
            if not self._lasts.is_set() or not any(told is not None for told in heard.values()):
                return True
        return False

    def _speak_for_the_leader(self) -> None:
        """Report the chunk up to this item, which has failed, and end: its thread waits for a rank that has raised."""
        with self._lock:
            doing, post = self._doing, self.post
            if not self._lasts.is_set() or doing is None or post is None:
                return
            rank, told = next((rank, told) for rank, told in sorted(self._heard.items()) if told is not None)
            doing.fail(self._error_of(rank, ItemReport(*told)))
            post(doing.done())
            os._exit(0)
