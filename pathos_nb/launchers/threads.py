"""The launcher "threads": workers are threads of this process; objects are shared, nothing is pickled.

A thread cannot be killed. One that must go is told so (an exception is raised in it when it next runs Python code), is
named, and another takes its place.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from queue import SimpleQueue

from pathos_nb.launchers import cores
from pathos_nb.launchers.blas import BlasShare
from pathos_nb.launchers.board import CHUNK, Cells
from pathos_nb.launchers.capture import ThreadCapture, routed
from pathos_nb.launchers.codec import ByReference
from pathos_nb.launchers.contract import Availability, Hub, Launcher, News, Reply, Running, Slot, SlotDown
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.import_lock import let_go_of_imports
from pathos_nb.launchers.inside import here, process
from pathos_nb.launchers.resources import Resources, local_resources
from pathos_nb.launchers.shield import Shield
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import BROKEN, WORK

_JOIN_S = 0.5


class ThreadSlot(Slot):
    """One worker thread.

    Parameters
    ----------
    launcher : ThreadsLauncher
        Who started it.
    name : str
        Its name in reports, and the thread's.
    """

    host, place = socket.gethostname(), "threads"

    def __init__(self, launcher: ThreadsLauncher, name: str) -> None:
        self.launcher, self.name, self.pid = launcher, name, os.getpid()
        self.cells = Cells()
        self._frames: SimpleQueue[Frame | None] = SimpleQueue()
        self._abandoned = False
        self._worker: Worker | None = None
        self._shield: Shield | None = None
        self.thread = threading.Thread(target=self._serve, name=f"pathos_nb {name}", daemon=True)
        self.thread.start()

    @property
    def thread_id(self) -> int:
        """The worker's."""
        return self.thread.ident or 0

    def _serve(self) -> None:
        here.pools, cores.here.cores = self.launcher.ancestors, self.launcher.share
        self._shield = here.shield = Shield(threading.get_ident())
        with routed():
            self._worker = Worker(self.cells, ByReference, ThreadCapture(), beside="threads")
            self._worker.post = self._answer
            reason = self._loop(self._worker, self._shield)
        if not self._abandoned:
            self.launcher.hub.post(lambda: self.launcher.tell(SlotDown(self, reason, "")))

    def _loop(self, worker: Worker, shield: Shield) -> str:
        while True:
            try:
                frame = self._frames.get()
                if frame is None or self._abandoned:
                    return "retired"
                shield.forget()
                reply = self._handled(worker, frame)
                if reply is not None:
                    self._answer(reply)
                    if reply.kind == BROKEN:
                        return "its initializer failed"
                del frame, reply
                let_go_of_imports()
            except KeyboardInterrupt:  # came after the item it was meant for
                let_go_of_imports()
                if self._abandoned:  # it may have come with the word to end
                    return "retired"

    def _handled(self, worker: Worker, frame: Frame) -> Frame | None:
        """Do what a frame says; work with no more threads of BLAS than are this worker's."""
        share, blas = self.launcher.share, process.blas
        if frame.kind != WORK or not blas.begin(share):
            return worker.handle(frame)
        try:
            return worker.handle(frame)
        finally:
            blas.end(share)

    def _answer(self, reply: Frame) -> None:
        if not self._abandoned:
            self.launcher.hub.post(lambda: None if self._abandoned else self.launcher.tell(Reply(self, reply)))

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames in order; see `Slot.send`."""
        for frame in frames:
            self._frames.put(frame)

    def running(self) -> Running | None:
        """Tell what the worker is at."""
        return self.cells.running()

    def set_limit(self, chunk: int, n_items: int) -> bool:
        """Have the worker begin no item of the chunk from `n_items` on."""
        self.cells.set_limit(chunk, n_items)
        return True

    def interrupt(self, chunk: int) -> None:
        """Raise KeyboardInterrupt in the item, if the worker is at that chunk."""
        worker, shield = self._worker, self._shield
        if worker is None or shield is None or not self._is_in_item() or self.cells.view[CHUNK] != chunk:
            return
        worker.stop_requested = True
        shield.throw()
        if not self._is_in_item():  # it has ended meanwhile: taken back, lest the next frame is lost by it
            shield.take_back()

    def _is_in_item(self) -> bool:
        return self._worker is not None and self._worker.in_item

    def kill(self, reason: str) -> None:
        """End the worker now."""
        if self._abandoned:
            return
        running = self.running()
        self._abandoned = True
        if running is not None:
            self.interrupt(running.chunk)
        self._frames.put(None)
        self.launcher.hub.post(lambda: self.launcher.tell(SlotDown(self, reason, "")))

    def retire(self) -> None:
        """Let the worker end when it is done."""
        self._frames.put(None)


class ThreadsLauncher(Launcher):
    """Workers as threads of this process."""

    name = "threads"
    shares_memory = True
    can_stop_items = False

    def __init__(self, hub: Hub, tell: Callable[[News], None], setup: Frame | None = None, n_expected: int = 1) -> None:
        super().__init__(hub, tell, setup, n_expected)
        process.blas = process.blas or BlasShare()
        self.ancestors, self.share = here.pools | {hub.token}, cores.share_of(n_expected)
        self._slots: list[ThreadSlot] = []

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here."""
        return Availability(0.5, "")

    def start_slot(self, name: str) -> Slot:
        """Start one worker; see `Launcher.start_slot`."""
        self._slots = [slot for slot in self._slots if slot.thread.is_alive()]
        slot = ThreadSlot(self, name)
        self._slots.append(slot)
        if self.setup is not None:
            slot.send([self.setup])
        return slot

    def resources(self) -> Resources | None:
        """Give what this machine has."""
        return local_resources(usable_cores())

    def close(self) -> None:
        """End all workers; see `Launcher.close`."""
        for slot in self._slots:
            slot.kill("the pool was closed")
        deadline = time.monotonic() + _JOIN_S  # for all together: each may be asleep in an item, and cannot be woken
        for slot in self._slots:
            if slot.thread is not threading.current_thread():
                slot.thread.join(max(0.0, deadline - time.monotonic()))
