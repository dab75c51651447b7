"""The zygote: a small single-threaded process that forks workers, and says how they ended.

::

    pool ── "fork 3" + descriptors ──► zygote ── fork ──► worker 3
    pool ◄── "forked 3 4711" ───────── zygote
    pool ◄── "exit 4711 9" ─────────── zygote ◄── SIGCHLD
    pool ── "kill 4711 9" ───────────► zygote ── the worker's whole process group

A kernel always has threads, and a fork of a process with threads may hang in a lock that nobody will release. So the
kernel is never forked. When the pool's end of the socket closes, for whatever reason, every worker is killed with all
that it started, and the zygote ends.
"""

from __future__ import annotations

import array
import contextlib
import errno
import gc
import os
import select
import sys
import time

from pathos_nb.launchers.item_folders import clear
from pathos_nb.launchers.zygote_start import REQUEST_BYTES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
    from collections.abc import Callable
    from typing import Any
else:
    import _signal as signal  # signal.py and socket.py make enums of all their numbers, while every start waits
    import _socket as socket

_LEAVE_S = 0.1


def main() -> None:
    """Serve the pool whose socket is this process' standard input; never returns."""
    child = __import__(sys.argv[2], fromlist=["main"])
    for module in sys.argv[3:]:
        with contextlib.suppress(ImportError):
            __import__(module)
    control = socket.socket(fileno=os.dup(0))
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    zygote = Zygote(control, child.main)
    gc.freeze()
    try:
        zygote.serve()
    finally:
        zygote.end()
        os._exit(0)


class Zygote:
    """Forks on request and reaps.

    Parameters
    ----------
    control : socket
        The stream to the pool.
    child_main : callable
        What a worker does: takes its channel, its output file, the board and its place there; never returns.
    """

    def __init__(self, control: socket.socket, child_main: Callable[[int, int, int, int], object]) -> None:
        self.control, self._child_main = control, child_main
        self.children: set[int] = set()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)

    on_interrupt: Any = signal.SIG_IGN  # of the keyboard, which is no business of its

    def serve(self) -> None:
        """Answer requests and report exits until the pool has gone."""
        signal.set_wakeup_fd(self._wake_w, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, self.on_interrupt)
        while True:
            ready, _, _ = select.select([self.control.fileno(), self._wake_r], [], [])
            if self._wake_r in ready:
                with contextlib.suppress(BlockingIOError):
                    os.read(self._wake_r, 4096)
                self._reap()
            if self.control.fileno() in ready and not self._answer():
                return

    def _answer(self) -> bool:
        descriptors = array.array("i")
        size = socket.CMSG_LEN(3 * descriptors.itemsize)
        data, ancillary, _, _ = self.control.recvmsg(REQUEST_BYTES, size)
        if not data:
            return False
        while len(data) < REQUEST_BYTES:
            more = self.control.recv(REQUEST_BYTES - len(data))
            if not more:  # the pool has gone in the middle of a request
                return False
            data += more
        for _, _, raw in ancillary:
            descriptors.frombytes(raw[: len(raw) - len(raw) % descriptors.itemsize])
        verb, first, second = data.split()[:3]
        if verb == b"fork":
            self._fork(int(first), list(descriptors))
        elif int(first) in self.children:
            self.send_signal(int(first), int(second))
        return True

    def send_signal(self, pid: int, number: int) -> None:
        """Send a signal to a worker's process group."""
        _kill_group(pid, number)

    def _fork(self, index: int, descriptors: list[int]) -> None:
        if len(descriptors) < 3:
            self._say("unable", index, errno.EMFILE)
            return
        try:
            pid = os.fork()
        except OSError as error:
            self._say("unable", index, error.errno or 0)
            return
        if pid:
            with contextlib.suppress(OSError):
                os.setpgid(pid, pid)
            self.children.add(pid)
            for fd in descriptors:
                os.close(fd)
            self._say("forked", index, pid)
            return
        self._become_child(index, descriptors)

    def _become_child(self, index: int, descriptors: list[int]) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with contextlib.suppress(OSError):
            os.setpgid(0, 0)
        self.control.close()
        os.close(self._wake_r)
        os.close(self._wake_w)
        channel, output, board = descriptors[:3]
        self._child_main(channel, output, board, index)

    def _reap(self) -> None:
        while self.children:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | os.WCONTINUED)
            except ChildProcessError:
                return
            if not pid:
                return
            if os.WIFSTOPPED(status):
                self._say("stop", pid, 0)
            elif os.WIFCONTINUED(status):
                self._say("cont", pid, 0)
            else:
                self.children.discard(pid)
                _kill_group(pid, signal.SIGKILL)
                clear(pid)
                self._say("exit", pid, os.waitstatus_to_exitcode(status))

    def _say(self, verb: str, first: int, second: int) -> None:
        with contextlib.suppress(OSError):  # the pool has gone: the next read tells
            self.control.sendall(f"{verb} {first} {second}\n".encode())

    def end(self) -> None:
        """Let idle workers leave by themselves, then kill every worker with all that it started."""
        deadline = time.monotonic() + _LEAVE_S
        while self.children and (left := deadline - time.monotonic()) > 0:
            select.select([self._wake_r], [], [], left)
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_r, 4096)
            self._reap()
        for pid in self.children:
            _kill_group(pid, signal.SIGKILL)
        for pid in self.children:
            with contextlib.suppress(OSError):
                os.waitpid(pid, 0)
        clear()


def _kill_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)
