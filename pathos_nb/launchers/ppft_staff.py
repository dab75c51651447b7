"""The worker processes of a ppft server: forked by a zygote when a caller wants one, watched, ended with the server.

::

    caller's thread ── hire ──► Staff ── "fork 3" ──► zygote ── fork ──► ppft's worker
                                  ▲ the staff's own thread hears of forks, stops and exits
    server killed ──► zygote reads the end of its socket ──► every worker is killed with all that it started
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ppft import _Worker
from ppft.transport import CPipeTransport

from pathos_nb.errors import PoolBroken
from pathos_nb.launchers.board import CHUNK, INTERRUPT, Board
from pathos_nb.launchers.capture import tail_of
from pathos_nb.launchers.ppft_wire import RESULT_PROTOCOL
from pathos_nb.launchers.processes import told_exit
from pathos_nb.launchers.shared_file import shared_file
from pathos_nb.launchers.zygote_client import ZygoteClient
from pathos_nb.launchers.zygote_start import ZygoteStart

_BIRTH_S = 30.0
_LEAVE_S, _EXIT_S = 0.5, 2.0
_STOPPED_S = 5.0
_CHILD = "pathos_nb.launchers.ppft_worker"


class Ear:
    """Waits for a zygote's words in a thread of its own.

    Parameters
    ----------
    on_tick : callable
        Called once a second and after each word.
    """

    def __init__(self, on_tick: Callable[[], None]) -> None:
        self._fd, self._on_tick = -1, on_tick
        self._on_readable: Callable[[], None] = on_tick
        self._wake_r, self._wake_w = os.pipe()
        self._thread = threading.Thread(target=self._listen, name="pathos_nb ppft staff", daemon=True)

    def watch(self, fd: int, on_readable: Callable[[], None], on_writable: Callable[[], None] | None = None) -> None:
        """Call back, in this thread, when the one descriptor is readable."""
        self._fd, self._on_readable = fd, on_readable
        self._thread.start()

    def unwatch(self, fd: int) -> None:
        """Forget it; returns when nobody listens any more."""
        if self._fd >= 0:
            self._fd = -1
            os.write(self._wake_w, b"!")
        if self._thread is not threading.current_thread():
            self._thread.join(_EXIT_S)

    def _listen(self) -> None:
        while self._fd >= 0:
            ready, _, _ = select.select([self._fd, self._wake_r], [], [], 1.0)
            if self._fd >= 0 and self._fd in ready:
                self._on_readable()
            self._on_tick()
        os.close(self._wake_r)
        os.close(self._wake_w)


class Hand(_Worker):  # type: ignore[misc]  # ppft has no types
    """One worker process: ppft's worker, with a channel instead of pipes.

    Parameters
    ----------
    staff : Staff
        Who has it started.
    index : int
        Its place on the board.
    key : bytes
        Of the conversation that it works for.
    """

    def __init__(self, staff: Staff, index: int, key: bytes) -> None:
        self.staff, self.index, self.key = staff, index, key
        self.cells = staff.board.cells(index)
        self.reason, self.process_id = "", 0
        self.stopped_at_s: float | None = None
        self.has_ended = threading.Event()
        self.output_fd = shared_file("pathos-nb-output")
        self.channel, self.remote = socket.socketpair()

    def begin(self) -> None:
        """Start it, as ppft's constructor does.

        Raises
        ------
        PoolBroken, OSError, RuntimeError
            It cannot be started.
        """
        super().__init__(restart_on_free=False, pickle_proto=RESULT_PROTOCOL)

    def start(self) -> None:
        """Have it forked, and go through ppft's greeting; called by ppft's constructor."""
        self.staff.fork(self, [self.remote.fileno(), self.output_fd, self.staff.board.fd])
        self.remote.close()
        readable = os.fdopen(os.dup(self.channel.fileno()), "rb")
        self.t = CPipeTransport(readable, os.fdopen(os.dup(self.channel.fileno()), "wb"))
        poll = select.poll()
        poll.register(self.channel, select.POLLIN)
        if not poll.poll(_BIRTH_S * 1000):
            raise PoolBroken(f"a worker of the server does not begin within {_BIRTH_S:.0f} s")
        self.pid = int(self.t.receive())
        self.t.send(str(self.pickle_proto))
        self.t.send(self.key)
        self.is_free = True

    def at(self) -> list[Any] | None:
        """Tell what it is at: chunk, offset, seconds since, width."""
        running = self.cells.running()
        if running is None:
            return None
        return [running.chunk, running.offset, time.monotonic() - running.since_s, running.width]

    def interrupt(self, chunk: int) -> None:
        """Raise KeyboardInterrupt in its item, if it is at that chunk."""
        self.cells.view[INTERRUPT] = chunk
        if self.cells.view[CHUNK] == chunk:
            self.signal(signal.SIGINT)

    def signal(self, number: int) -> None:
        """Send its process group a signal."""
        if self.process_id and not self.has_ended.is_set():
            self.staff.kill(self.process_id, number)

    def end(self, at_once: bool = True) -> None:
        """End it, and let go of all that was held for it; an idle one may leave by itself."""
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)
        if at_once or not self.has_ended.wait(_LEAVE_S):
            self.signal(signal.SIGKILL)
            self.has_ended.wait(_EXIT_S)
        self.release()

    def hear(self, verb: str, number: int) -> None:
        """Take what the zygote says of it."""
        if verb == "forked":
            self.process_id = number
        elif verb == "stop":
            self.stopped_at_s = time.monotonic()
        elif verb == "cont":
            self.stopped_at_s = None
        else:
            self._gone(told_exit(number) if verb == "exit" else f"it could not be forked: {os.strerror(number)}")

    def orphaned(self) -> None:
        """End it, now that the zygote cannot."""
        if self.process_id and not self.has_ended.is_set():
            with suppress(OSError):
                os.killpg(self.process_id, signal.SIGKILL)
        self._gone("the process that started it was killed")

    def _gone(self, reason: str) -> None:
        self.reason = self.reason or reason
        self.has_ended.set()
        with suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)

    def last_words(self) -> tuple[str, str]:
        """Give how it ended, and the last it wrote; its channel has closed."""
        if not self.has_ended.wait(_EXIT_S):
            self.signal(signal.SIGKILL)
        return self.reason or "its stream closed", tail_of(self.output_fd, self.cells.said())

    def release(self) -> None:
        """Close what is held here."""
        for file in (getattr(self, "t", None), self.channel, self.remote):
            with suppress(OSError, AttributeError):
                file.close()  # type: ignore[union-attr]
        if self.output_fd >= 0:
            os.close(self.output_fd)
            self.output_fd = -1
            self.cells.release()
            self.staff.forget(self)


class Staff:
    """All worker processes of a server.

    Parameters
    ----------
    n_expected : int
        Among how many the cores will be shared.
    """

    def __init__(self, n_expected: int) -> None:
        self._lock, self._n_expected = threading.RLock(), n_expected
        self._hands: dict[int, Hand] = {}
        self.board = Board()
        self._zygote = self._new_zygote()

    def _new_zygote(self) -> ZygoteClient:
        return ZygoteClient(Ear(self._look), self._hear, self._n_expected, ZygoteStart(self._n_expected, _CHILD))

    def hire(self, key: bytes) -> Hand:
        """Start a worker for a conversation.

        Raises
        ------
        PoolBroken, OSError
            None can be had.
        """
        with self._lock:
            try:
                index = self.board.take()
            except IndexError:
                raise PoolBroken("a server has at most 1024 workers", cure="ask for fewer nodes") from None
        try:
            hand = Hand(self, index, key)
        except OSError:
            self.board.give_back(index)
            raise
        try:
            hand.begin()
        except BaseException:
            hand.end()
            raise
        return hand

    def fork(self, hand: Hand, descriptors: list[int]) -> None:
        """Ask the zygote for a process."""
        with self._lock:
            if self._zygote.is_gone:
                self._zygote.close()
                self._zygote = self._new_zygote()
            self._hands[hand.index] = hand
            self._zygote.fork(hand.index, descriptors)

    def kill(self, pid: int, number: int) -> None:
        """Send a signal to a worker's process group."""
        with self._lock:
            self._zygote.kill(pid, number)

    def forget(self, hand: Hand) -> None:
        """Free a worker's place."""
        with self._lock:
            if self._hands.pop(hand.index, None) is not None:
                self.board.give_back(hand.index)

    def _hear(self, verb: str, first: int, second: int) -> None:
        with self._lock:
            if verb == "gone":
                for hand in self._hands.values():
                    hand.orphaned()
                return
            hand_meant = self._hands.get(first) if verb in ("forked", "unable") else self._of_process(first)
        if hand_meant is not None:
            hand_meant.hear(verb, second)

    def _of_process(self, pid: int) -> Hand | None:
        return next((hand for hand in self._hands.values() if hand.process_id == pid), None)

    def _look(self) -> None:
        """Kill workers that have been stopped for too long."""
        with self._lock:
            hands = list(self._hands.values())
        for hand in hands:
            since_s = hand.stopped_at_s
            if since_s is not None and time.monotonic() - since_s > _STOPPED_S:
                hand.reason = f"it was stopped (SIGSTOP) for {_STOPPED_S:.0f} s"
                hand.signal(signal.SIGKILL)

    def close(self) -> None:
        """End all of them; returns when they have gone."""
        self._zygote.close()
