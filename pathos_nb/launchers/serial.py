"""The launcher "serial": the caller's own thread is the worker; what a map costs, and means, without parallelism."""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from collections.abc import Sequence

from pathos_nb.launchers.board import Cells
from pathos_nb.launchers.codec import ByReference
from pathos_nb.launchers.contract import Availability, Launcher, Reply, Running, Slot, SlotDown
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.resources import Resources, local_resources
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire.framing import Frame


class SerialSlot(Slot):
    """The thread that waits, as a worker.

    Parameters
    ----------
    launcher : SerialLauncher
        Who made it.
    name : str
        Its name in reports.
    """

    host, place, inline = socket.gethostname(), "serial", True

    def __init__(self, launcher: SerialLauncher, name: str) -> None:
        self.launcher, self.name, self.pid = launcher, name, os.getpid()
        self.worker = Worker(Cells(), ByReference, beside="caller")
        self._frames: deque[Frame] = deque()
        self._replies: deque[Frame] = deque()
        self.stepping = 0
        self._turn = threading.RLock()  # of the threads that wait for runs of one pool, one steps at a time

    @property
    def thread_id(self) -> int:
        """The thread that is at an item; 0 if none is."""
        return self.stepping

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames in order; see `Slot.send`."""
        self._frames.extend(frames)

    def step(self) -> bool:
        """Do what was sent next, in this thread.

        Returns
        -------
        bool
            Whether there was anything.
        """
        me = threading.get_ident()
        if self.stepping == me:
            return False
        try:
            if not self._turn.acquire(blocking=False) or (frame := self._next()) is None:
                return False
            self.stepping = me
            reply = self.worker.handle(frame)
            if reply is not None:
                self._replies.append(reply)
            return True
        finally:  # an interrupt may come right after the turn was taken
            if self._turn._is_owned():  # type: ignore[attr-defined]
                self.stepping = 0
                self._turn.release()

    def _next(self) -> Frame | None:
        try:
            return self._frames.popleft()
        except IndexError:  # nothing was sent, or the worker was ended in between
            return None

    @property
    def has_work(self) -> bool:
        """Whether there is something to do, and nobody does it."""
        return bool(self._frames or self._replies) and not self.stepping

    def hand_up(self) -> None:
        """Tell what came of the steps."""
        while self._replies:
            self.launcher.tell(Reply(self, self._replies.popleft()))

    def running(self) -> Running | None:
        """Tell what the worker is at."""
        return self.worker.cells.running()

    def set_limit(self, chunk: int, n_items: int) -> bool:
        """Have the worker begin no item of the chunk from `n_items` on."""
        self.worker.cells.set_limit(chunk, n_items)
        return True

    def interrupt(self, chunk: int) -> None:
        """Do nothing: who could call is not inside an item."""

    def kill(self, reason: str) -> None:
        """End the worker now."""
        self._frames.clear()
        self.launcher.hub.post(lambda: self.launcher.tell(SlotDown(self, reason, "")))

    def retire(self) -> None:
        """Let the worker end when it is done."""
        self.kill("retired")


class SerialLauncher(Launcher):
    """One worker: the caller's thread."""

    name = "serial"
    shares_memory = True
    can_stop_items = False

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here."""
        return Availability(0.1, "")

    def start_slot(self, name: str) -> Slot:
        """Start one worker; see `Launcher.start_slot`."""
        slot = SerialSlot(self, name)
        if self.setup is not None:
            slot.send([self.setup])
        return slot

    def resources(self) -> Resources | None:
        """Give what this machine has."""
        return local_resources(usable_cores())

    def close(self) -> None:
        """Nothing was started."""

    @classmethod
    def default_size(cls) -> int:
        """One: there is one caller."""
        return 1
