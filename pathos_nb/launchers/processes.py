"""The launcher "processes": workers are processes of this machine, forked from a zygote of our own.

::

    pool ◄────── socket pair ──────► worker      frames both ways
    pool ───────── board ─────────── worker      shared page: what runs, how far it may go
    pool ───────── output ────────── worker      shared file: what items print
    pool ◄── socket pair ──► zygote ── fork ──►  worker
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter, deque
from collections.abc import Callable, Sequence

from pathos_nb.errors import PoolBroken
from pathos_nb.launchers.board import CHUNK, INTERRUPT, Board, Cells
from pathos_nb.launchers.capture import tail_of
from pathos_nb.launchers.contract import Availability, Hub, Launcher, News, Reply, Running, Slot, SlotDown, SourceBroken
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.resources import Resources, local_resources
from pathos_nb.launchers.segments import Inbox, Outbox, bare
from pathos_nb.launchers.shared_file import shared_file
from pathos_nb.launchers.zygote_client import ZygoteClient
from pathos_nb.launchers.zygote_start import ZygoteStart
from pathos_nb.typed import Any, Protocol
from pathos_nb.wire.framing import Buffer, Frame, FrameReader, Place, pack
from pathos_nb.wire.protocol import DEFINE, RELEASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
else:
    import _signal as signal
    import _socket as socket  # socket.py makes enums of all its numbers, while a script's first map waits

_NOT_OURS = "what came over its channel cannot be read: an item wrote to a descriptor that it did not open"
_STOPPED_S = 5.0
_CLOSE_S = 2.0
_MAX_BARREN = 3  # zygotes in a row that end before they have forked: it is not by chance
_SEND_AT_ONCE = 1 << 16
_HOST = socket.gethostname()


class Starter(Protocol):
    """What forks the workers, as far as they are concerned."""

    @property
    def is_gone(self) -> bool:
        """Whether it has ended by itself."""

    def fork(self, index: int, descriptors: Sequence[int]) -> None:
        """Ask for a worker, who is handed the descriptors."""

    def kill(self, pid: int, number: int) -> None:
        """Send a signal to a worker's process group."""

    def log(self) -> str:
        """Give what it wrote."""

    def context(self) -> tuple[Any, ...]:
        """Give what a worker must take over before a run."""

    def close(self) -> None:
        """End it, and by that every worker; returns when it is gone."""


class ProcessSlot(Slot):
    """One worker process.

    Parameters
    ----------
    launcher : ProcessesLauncher
        Who started it.
    name : str
        Its name in reports.
    index : int
        Its place on the board.
    """

    host, place = _HOST, "processes"
    takes_calls = True

    def __init__(self, launcher: ProcessesLauncher, name: str, index: int) -> None:
        self.launcher, self.name, self.index, self.pid = launcher, name, index, 0
        self.cells: Cells = launcher.board.cells(index)
        self.channel, self.remote = socket.socketpair()
        self.output_fd = shared_file("pathos-nb-output")
        self.channel.setblocking(False)
        self._inbox = Inbox()
        self._borrowed: Counter[int] = Counter()
        self._reader = FrameReader(self._inbox.resolve)
        self._unsent: deque[Buffer] = deque()
        self._reason, self._ended, self._kill_asked, self._is_full = "", False, False, False
        self.stop_timer: Any = None
        self._was_at: Running | None = None
        launcher.hub.watch(self.channel.fileno(), self._on_readable)

    def send(self, frames: Sequence[Frame]) -> None:
        """Send frames in order; see `Slot.send`."""
        told = self._inbox.releases()
        if len(frames) == 1 and not (told or frames[0].buffers or self._unsent):
            self._unsent.extend(pack(frames[0]))
            self._flush()
            return
        pieces: list[Buffer] = []
        for frame in (*told, *frames) if told else frames:
            pieces += pack(frame, self._stow(frame)) if frame.buffers else pack(frame)
        if len(pieces) > 1 and not self._unsent and sum(map(len, pieces)) <= _SEND_AT_ONCE:
            pieces = [b"".join(pieces)]
        self._unsent.extend(pieces)
        self._flush()

    def _stow(self, frame: Frame) -> dict[int, Place]:
        places = self.launcher.outbox.stow(frame.buffers, frame.meta[0] if frame.kind == DEFINE else 0)
        self._borrowed.update({bare(place[0]) for place in places.values()})
        return places

    def _flush(self) -> None:
        unsent = self._unsent
        piece: Buffer = b""
        try:
            while unsent:
                piece = unsent.popleft()
                n = self.channel.send(piece)
                if n < len(piece):
                    unsent.appendleft(memoryview(piece)[n:])
        except BlockingIOError:
            unsent.appendleft(piece)
        except OSError:
            unsent.clear()  # its end is news of its own
        if bool(unsent) != self._is_full and not self._ended:
            self._is_full = bool(unsent)
            self.launcher.hub.watch(self.channel.fileno(), self._on_readable, self._flush if unsent else None)

    def _on_readable(self) -> None:
        try:
            frames = self._reader.pull(self.channel.recv, self.channel.recv_into)
        except BlockingIOError:
            return
        except OSError:
            frames = None
        except Exception:  # not our frames: an item wrote to the worker's channel
            self.kill(_NOT_OURS)
            frames = None
        if frames is None:
            self.launcher.hub.unwatch(self.channel.fileno())
            self.launcher.hub.call_later(1.0, lambda: self.ended("its stream closed"))
            return
        for frame in frames:
            self._hand_up(frame)

    def _hand_up(self, frame: Frame) -> None:
        if frame.kind != RELEASE:
            self.launcher.tell(Reply(self, frame))
            return
        try:
            self._borrowed.subtract(frame.meta[0])
            self.launcher.outbox.give_back(frame.meta[0])
        except (TypeError, LookupError):
            self.kill(_NOT_OURS)

    def running(self) -> Running | None:
        """Tell what the worker is at; of one that has gone, what it was at."""
        return self._was_at if self._ended else self.cells.running()

    def set_limit(self, chunk: int, n_items: int) -> bool:
        """Have the worker begin no item of the chunk from `n_items` on."""
        if not self._ended:
            self.cells.set_limit(chunk, n_items)
        return not self._ended

    def interrupt(self, chunk: int) -> None:
        """Raise KeyboardInterrupt in the item, if the worker is at that chunk."""
        if self._ended:
            return
        view = self.cells.view
        view[INTERRUPT] = chunk
        if view[CHUNK] == chunk:
            self._signal(signal.SIGINT)

    def kill(self, reason: str) -> None:
        """End the worker now."""
        self._reason = self._reason or reason
        self._kill_asked = True
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self.pid and not self._ended:
            self.launcher.zygote.kill(self.pid, number)

    def retire(self) -> None:
        """Let the worker end when it is done."""
        self._reason = self._reason or "retired"
        if self._unsent:
            self.launcher.hub.call_later(0.05, self.retire)
            return
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_WR)

    def forked(self, pid: int) -> None:
        """Take the process id, which comes after the first frames may have been sent."""
        self.pid = pid
        if self._kill_asked:
            self._signal(signal.SIGKILL)

    def ended(self, reason: str) -> None:
        """Hand up what it sent last, and that it has gone."""
        if self._ended:
            return
        with contextlib.suppress(Exception):
            while (frames := self._reader.pull(self.channel.recv, self.channel.recv_into)) is not None:
                for frame in frames:
                    self._hand_up(frame)
        tail = tail_of(self.output_fd, self.cells.said())
        self.release()
        self.launcher.tell(SlotDown(self, self._reason or reason, tail))

    def release(self) -> None:
        """Close all that is held for it."""
        if self._ended:
            return
        self._was_at, self._ended = self.cells.running(), True
        self._inbox.close()
        self.cells.release()
        self.launcher.forget(self)
        self.launcher.outbox.give_back(list(self._borrowed.elements()))
        if self.stop_timer is not None:
            self.stop_timer.cancel()
        self.launcher.hub.unwatch(self.channel.fileno())
        self.channel.close()
        self.remote.close()
        os.close(self.output_fd)


class ProcessesLauncher(Launcher):
    """Workers as processes of this machine."""

    name = "processes"
    is_closed_in_turn = True

    def __init__(
        self,
        hub: Hub,
        tell: Callable[[News], None],
        setup: Frame | None = None,
        n_expected: int = 1,
        head_start: ZygoteStart | None = None,
    ) -> None:
        super().__init__(hub, tell, setup, n_expected)
        self.zygote = self._starter(head_start)
        self.board, self.outbox = Board(), Outbox()
        self.slots: dict[int, ProcessSlot] = {}
        self._n_barren = 0

    def _starter(self, head_start: ZygoteStart | None = None) -> Starter:
        """Give what forks the workers."""
        return ZygoteClient(self.hub, self._on_zygote, self.n_expected, head_start)

    def _slot(self, name: str, index: int) -> ProcessSlot:
        """Make the slot of a worker that is about to be started."""
        return ProcessSlot(self, name, index)

    @classmethod
    def availability(cls) -> Availability:
        """Tell whether it can run here."""
        if not hasattr(os, "fork"):
            return Availability(0.0, "this system cannot fork")
        if not sys.executable:
            return Availability(0.0, "sys.executable does not say where the interpreter is")
        return Availability(1.0, "")

    def start_slot(self, name: str) -> Slot:
        """Start one worker; see `Launcher.start_slot`."""
        if self.zygote.is_gone:
            self.zygote.close()
            self.zygote = self._starter()
        try:
            index = self.board.take()
        except IndexError:
            raise PoolBroken("a pool has at most 1024 worker processes", cure="ask for fewer nodes") from None
        try:
            slot = self._slot(name, index)
        except OSError as error:
            self.board.give_back(index)
            raise _no_worker(error) from error
        self.slots[index] = slot
        try:
            with contextlib.suppress(ConnectionError):  # it has just been killed: that news comes, and ends the slot
                self.zygote.fork(index, [slot.remote.fileno(), slot.output_fd, self.board.fd])
            slot.remote.close()  # what was passed is on its way, whatever we hold
        except OSError as error:
            slot.release()
            raise _no_worker(error) from error
        if self.setup is not None:
            slot.send([self.setup._replace(meta=(self.context(),))])
        return slot

    def _on_zygote(self, verb: str, first: int, second: int) -> None:
        if verb == "gone":
            self._zygote_gone()
        elif verb in ("forked", "unable"):
            self._on_forked(verb, first, second)
        else:
            self._on_child(verb, first, second)

    def _on_forked(self, verb: str, index: int, value: int) -> None:
        slot = self.slots.get(index)
        if slot is None:
            return
        if verb == "forked":
            self._n_barren = 0
            slot.forked(value)
        else:
            slot.ended(f"it could not be forked: {os.strerror(value)}")

    def _on_child(self, verb: str, pid: int, status: int) -> None:
        slot = next((slot for slot in self.slots.values() if slot.pid == pid), None)
        if slot is None:
            return
        if slot.stop_timer is not None:
            slot.stop_timer.cancel()
        if verb == "exit":
            slot.ended(told_exit(status))
        elif verb == "stop":
            slot.stop_timer = self.hub.call_later(_STOPPED_S, lambda: slot.kill("it was stopped (SIGSTOP) for 5 s"))

    def _zygote_gone(self) -> None:
        slots = list(self.slots.values())
        self._n_barren += 1  # one that could fork set it to 0
        if any(not slot.pid for slot in slots) and self._n_barren >= _MAX_BARREN:
            self.tell(SourceBroken(self, self.zygote.log() or "the process that starts them is killed each time"))
        for slot in slots:
            if slot.pid:
                with contextlib.suppress(OSError):
                    os.killpg(slot.pid, signal.SIGKILL)
            slot.ended("the process that started it was killed")

    def forget(self, slot: ProcessSlot) -> None:
        """Free a slot's place."""
        if self.slots.pop(slot.index, None) is not None:
            self.board.give_back(slot.index)

    def close(self) -> None:
        """End all workers; see `Launcher.close`."""
        for slot in list(self.slots.values()):
            slot.release()
        self.zygote.close()
        self.board.close()
        self.outbox.close()

    def resources(self) -> Resources | None:
        """Give what this machine has."""
        return local_resources(usable_cores())

    def context(self) -> tuple[Any, ...] | None:
        """Give what a worker must take over; see `Launcher.context`."""
        return self.zygote.context()


def _no_worker(error: OSError) -> PoolBroken:
    cure = (
        "close files, or raise the limit (ulimit -n), then call the pool's restart()" if error.errno in (23, 24) else ""
    )
    return PoolBroken(f"a worker process cannot be started: {error.strerror}", cure=cure)


def told_exit(status: int) -> str:
    """Say in words how a process ended.

    Parameters
    ----------
    status : int
        Its exit status, negative for a signal.

    Returns
    -------
    str
    """
    if status >= 0:
        return f"it exited with status {status}"
    from signal import Signals

    try:
        name = Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    hint = " (by hand, or by the system for want of memory)" if name == "SIGKILL" else ""
    return f"it was killed by {name}{hint}"
