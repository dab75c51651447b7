"""The worker process: a fresh fork of the zygote that reads frames, runs them and writes reports until its stream ends.

Signals: SIGALRM ends an item that is past its timeout, SIGINT one that the pool wants interrupted; both do nothing
between items. An interrupt from the keyboard never comes here, since the worker is in a process group of its own.
"""

from __future__ import annotations

import _thread
import atexit
import contextlib
import fcntl
import os
import sys
import time
import types

from pathos_nb.launchers.board import CHUNK, INTERRUPT, Board
from pathos_nb.launchers.capture import FileCapture
from pathos_nb.launchers.chunk import TimeUp
from pathos_nb.launchers.inside import process
from pathos_nb.launchers.seeding import reseed
from pathos_nb.launchers.segments import Inbox, Outbox
from pathos_nb.launchers.spin import Spin
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire.framing import Buffer, FrameReader, pack
from pathos_nb.wire.protocol import BROKEN, RELEASE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable
    from types import FrameType
    from typing import Any, TypeVar

    W = TypeVar("W", bound=Worker)
else:
    import _signal as signal  # signal.py and socket.py make enums of all their numbers, while every start waits
    import _socket as socket

_JOIN_BYTES = 1 << 16
_SPIN_S = 50e-6  # about what it takes to fall asleep and to be woken
_LONGEST_S = 1e8  # the timer refuses more
_LOOK_S = 0.05
_IMPORTER = "<frozen importlib._bootstrap>"


def main(channel_fd: int, output_fd: int, board_fd: int, index: int) -> None:
    """Run as a worker; never returns.

    Parameters
    ----------
    channel_fd : int
        The stream to the pool.
    output_fd : int
        The file for what items write.
    board_fd, index : int
        The board, and which part of it is this worker's.
    """
    worker = begin(output_fd, board_fd, index)
    status = 1
    try:
        with contextlib.closing(socket.socket(fileno=channel_fd)) as channel:
            status = serve(channel, worker)
    except (BrokenPipeError, ConnectionResetError):
        status = 0  # the pool has gone, and so shall we
    finally:
        leave(status)


def begin(output_fd: int, board_fd: int, index: int) -> Worker:
    """Make a worker of this fresh fork.

    Parameters
    ----------
    output_fd, board_fd, index : int
        As for `main`.

    Returns
    -------
    Worker
        Its output caught, its signals set.
    """
    return begin_as(Worker, output_fd, board_fd, index)


def begin_as(kind: type[W], output_fd: int, board_fd: int, index: int) -> W:
    """Make a worker of some class of this fresh fork; see `begin`."""
    sys.modules["__main__"] = types.ModuleType("__main__")
    board = Board(board_fd)
    cells = board.cells(index)
    board.close()  # an item that writes to all descriptors must not reach the others' cells
    # Ranks, and what an item starts, write to it at once: without this, memory files lose what another one writes.
    fcntl.fcntl(output_fd, fcntl.F_SETFL, fcntl.fcntl(output_fd, fcntl.F_GETFL) | os.O_APPEND)
    worker = kind(cells, capture=FileCapture(output_fd, cells.note_said))
    worker.alarm = alarm = Alarm(worker)
    process.is_worker, process.worker = True, worker
    _install_signals(worker, alarm)
    reseed()
    return worker


def serve(channel: socket.socket, worker: Worker) -> int:
    """Do what frames say until their stream ends.

    Parameters
    ----------
    channel : socket
        The stream to the pool.
    worker : Worker
        Who does it.

    Returns
    -------
    int
        The exit status.
    """
    inbox, outbox, pid = Inbox(), Outbox(), os.getpid()
    reader, receive = FrameReader(inbox.resolve), _spinning(channel)
    sending = _thread.allocate_lock()  # a profiled item's samples are sent while it goes on
    worker.post = lambda frame: _send_alone(sending, channel, pack(frame))
    worker.tidies_up = True
    while (frames := reader.pull(receive, channel.recv_into)) is not None:
        for frame in frames:
            if frame.kind == RELEASE:
                outbox.give_back(frame.meta[0])
                continue
            reply = worker.handle(frame)
            if os.getpid() != pid:
                os._exit(0)  # an item forked, and this is the child, which came back from it
            if reply is not None:
                pieces = pack(reply, outbox.stow(reply.buffers)) if reply.buffers else pack(reply)
                for told in inbox.releases():
                    pieces[:0] = pack(told)
                _send_alone(sending, channel, pieces)
                if reply.kind == BROKEN or worker.is_spent:
                    return int(reply.kind == BROKEN)
            del frame, reply
            worker.tidy_up()
    return 0


def _spinning(channel: socket.socket) -> Callable[[int], bytes]:
    """Give a `recv` that looks for a moment before it sleeps: the next message is often on its way already."""
    spin, take, flag = Spin(_SPIN_S), channel.recv, socket.MSG_DONTWAIT

    def receive(n: int) -> bytes:
        def look() -> bytes | None:
            try:
                return take(n, flag)
            except BlockingIOError:
                return None

        return spin(look) or take(n)

    return receive


def _send_alone(sending: _thread.LockType, channel: socket.socket, pieces: list[Buffer]) -> None:
    with sending:
        _send(channel, pieces)


def _send(channel: socket.socket, pieces: list[Buffer]) -> None:
    if len(pieces) > 1 and sum(map(len, pieces)) <= _JOIN_BYTES:
        pieces = [b"".join(pieces)]
    for piece in pieces:
        channel.sendall(piece)


class Alarm:
    """Ends the item that is running when its time is up.

    Items share the process' only timer, and may set it, or take its signal: that is no end of theirs, and none of the
    next one's.

    Parameters
    ----------
    worker : Worker
        Whose items.
    """

    def __init__(self, worker: Worker) -> None:
        self._worker, self._until, self._importing_s = worker, 0.0, 0.0

    def __call__(self, seconds: float, importing_s: float = 0.0) -> None:
        """Ring after so many seconds, and at most so many more while it imports; 0 calls it off."""
        self._until = time.perf_counter() + seconds if seconds else 0.0
        self._importing_s = importing_s
        if seconds:
            signal.signal(signal.SIGALRM, self.ring)
        signal.setitimer(signal.ITIMER_REAL, min(seconds, _LONGEST_S))

    def ring(self, number: int, at: FrameType | None) -> None:
        """End the item, if it is its time."""
        if not self._worker.in_item or not self._until:
            return
        left = self._until - time.perf_counter()
        if -self._importing_s < left <= 0 and _is_importing(at):
            left = _LOOK_S
        if left <= 0:
            raise TimeUp
        signal.setitimer(signal.ITIMER_REAL, min(left, _LONGEST_S))


def _is_importing(at: FrameType | None) -> bool:
    while at is not None and at.f_code.co_filename != _IMPORTER:
        at = at.f_back
    return at is not None


def _install_signals(worker: Worker, alarm: Alarm) -> None:
    def interrupt(number: int, at: FrameType | None) -> None:
        view = worker.cells.view
        if worker.in_item and view[INTERRUPT] == view[CHUNK]:
            worker.stop_requested = True
            raise KeyboardInterrupt

    signal.signal(signal.SIGALRM, alarm.ring)
    signal.signal(signal.SIGINT, interrupt)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def leave(status: int) -> Any:
    """End without the parent's clean-up, of which this fork has a copy.

    Parameters
    ----------
    status : int
        The exit status.
    """
    with contextlib.suppress(BaseException):
        atexit._run_exitfuncs()
    with contextlib.suppress(BaseException):
        sys.stdout.flush()
    os._exit(status)
