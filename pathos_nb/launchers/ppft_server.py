"""The ppft server that is safe to use: on loopback only, one worker process for each caller's connection.

::

    caller ── login ──►  Service.crun (a thread a connection, as ppft has it)
    caller ── calls ──►  Desk ── function, argument ──►  ppft's worker (`ppft_worker`)
    caller ◄─ results ─  Desk ◄─ result ───────────────  ppft's worker
    caller ── orders ─►  Desk: limit, take back, watch, interrupt, kill, status, retire   none waits for the worker
    caller ◄─ words ───  Desk: status; how the worker ended

ppft's own queue hands a job to any worker, forgets it if that dies, and offers it for ever to those that do not answer.
So here a connection has a worker of its own, which ends with it; the queue is the caller's.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ppft.common import start_thread
from ppft.server.__main__ import _NetworkServer

from pathos_nb.errors import PoolBroken
from pathos_nb.launchers import ppft_wire
from pathos_nb.launchers.board import FINISHED
from pathos_nb.launchers.ppft_line import Line, NoLine, answer, facts, greet
from pathos_nb.launchers.ppft_staff import Hand, Staff
from pathos_nb.wire.signing import Checker, NotAuthentic, Signer

_N_CALLERS = 1100  # a pool has at most 1024 workers
_N_QUEUED = 8


class Service(_NetworkServer):  # type: ignore[misc]  # ppft has no types
    """A server for callers that know the secret.

    Parameters
    ----------
    port : int
        Where to listen on 127.0.0.1; 0 for any.
    nodes : int
        How many workers callers are told to use.
    secret : bytes
        What they must know.

    Raises
    ------
    OSError
        The port cannot be had.
    """

    def __init__(self, port: int, nodes: int, secret: bytes) -> None:
        self.ssocket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self.ssocket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.ssocket.bind(("127.0.0.1", port))
            self.ssocket.listen(128)
        except BaseException:
            self.ssocket.close()
            raise
        _begin_unseen(super().__init__, self.ssocket.getsockname()[1])
        self.nodes, self._key = nodes, secret
        self._room = threading.BoundedSemaphore(_N_CALLERS)
        self.staff = Staff(nodes)

    def listen(self) -> None:
        """Take callers until the server is closed."""
        while not self._exiting:
            try:
                sock, _ = self.ssocket.accept()
            except OSError:
                return
            if self._room.acquire(blocking=False):
                start_thread("pathos_nb ppft caller", self.crun, (sock,))
            else:
                sock.close()

    def crun(self, csocket: socket.socket) -> None:
        """Serve one caller until it leaves, or says what none of ours would."""
        line = Line(csocket)
        try:
            with suppress(OSError, ValueError):
                self._serve(line)
        finally:
            line.close()
            self._room.release()

    def _serve(self, line: Line) -> None:
        told = {**facts(), "pid": os.getpid(), "nodes": self.nodes}
        if answer(line, self._key) == "STAT":
            greet(line, **told)
            return
        try:
            hand = self.staff.hire(line.key)
        except (PoolBroken, OSError, RuntimeError) as error:
            greet(line, refused=f"its worker cannot be started: {error}")
            return
        desk = Desk(line, hand)
        try:
            greet(line, **{**told, "pid": hand.pid})
            desk.serve()
        finally:
            hand.end(at_once=desk.is_busy)

    def close(self) -> None:
        """Take no more callers and end all workers; returns when they have gone."""
        self._exiting = True
        with suppress(OSError):
            self.ssocket.shutdown(socket.SHUT_RDWR)
        self.ssocket.close()
        self.staff.close()


def _begin_unseen(begin: Callable[..., None], port: int) -> None:
    """Begin ppft's server without workers of its own, and leave the environment, which it rewrites, as it was."""
    before = os.environ.get("PYTHONPATH")
    # The secret is not given to it: without one it would take the default, which everybody knows.
    begin(ncpus=0, interface="127.0.0.1", port=port, secret=os.urandom(16).hex())
    if before is None:
        os.environ.pop("PYTHONPATH", None)
    else:
        os.environ["PYTHONPATH"] = before


class Desk:
    """Where one caller and its worker meet.

    Parameters
    ----------
    line : Line
        To the caller, after the login.
    hand : Hand
        The worker.
    """

    def __init__(self, line: Line, hand: Hand) -> None:
        self.socket, self.hand = line.socket, hand
        self._orders, self._words = Checker(line.key, b"order"), Signer(line.key, b"word")
        self._messages = ppft_wire.Messages()
        self._results = ppft_wire.Messages(ppft_wire.MAX_RESULT_BYTES + 64)
        self._jobs: deque[tuple[ppft_wire.Buffer, ppft_wire.Buffer]] = deque()
        self._function: ppft_wire.Buffer | None = None
        self._watches: dict[int, tuple[float, str]] = {}
        self._retiring = self.is_busy = False

    def serve(self) -> None:
        """Carry jobs and results until one of the two has gone.

        Raises
        ------
        OSError
            The caller has gone.
        NotPpft, NotAuthentic
            It says what none of ours would.
        """
        self.socket.settimeout(None)
        poll = select.poll()
        poll.register(self.hand.channel, select.POLLIN)
        while True:
            poll.register(self.socket, select.POLLIN if len(self._jobs) < _N_QUEUED else 0)
            ready = dict(poll.poll(self._look()))
            try:
                if self.hand.channel.fileno() in ready:
                    self._hand_up()
                if self.socket.fileno() in ready and not self._listen():
                    return
                if not self._begin_next():
                    return
            except _HandGone:
                self._mourn()
                return

    def _look(self) -> int | None:
        """Kill the worker if it is at an item for too long; give in how many milliseconds to look again."""
        if not self._watches:
            return None
        at, left_s = self.hand.cells.running(), []
        for chunk, (allowed_s, reason) in list(self._watches.items()):
            if at is not None and (at.chunk > chunk or (at.chunk == chunk and at.offset >= FINISHED)):
                del self._watches[chunk]
                continue
            left_s.append(at.left_s(allowed_s) if at is not None and at.chunk == chunk else allowed_s)
            if left_s[-1] <= 0:
                self.hand.reason = self.hand.reason or reason
                self.hand.signal(signal.SIGKILL)
                self._watches.clear()
                return None
        return max(1, int(min(left_s) * 1000) + 1) if left_s else None

    def _take_back(self, chunk: int, n_items: int) -> int:
        """Hold a chunk at an item, and give from which item on it holds: that one may just have begun."""
        cells = self.hand.cells
        cells.set_limit(chunk, n_items)
        at = cells.running()
        if at is not None and at.n_begun(chunk) > n_items:
            n_items = at.n_begun(chunk)
            cells.set_limit(chunk, n_items)
        return n_items

    def _hand_up(self) -> None:
        """Pass results on."""
        try:
            results = self._results.pull(self.hand.channel.recv)
            if results is None:
                raise _HandGone
            for result in results:
                ppft_wire.opened_result(result)
                self.is_busy = False
                self._send(result)
            if not ppft_wire.may_be_result(self._results.begun()):
                raise ppft_wire.NotPpft
        except ppft_wire.NotPpft:
            self.hand.reason = "what came over its channel cannot be read: an item wrote to a descriptor of its own"
            self.hand.signal(signal.SIGKILL)
            raise _HandGone from None
        except ConnectionError:
            raise _HandGone from None

    def _send(self, result: ppft_wire.Buffer) -> None:
        for piece in ppft_wire.framed(result):
            self._tell(piece)

    def _tell(self, data: ppft_wire.Buffer) -> None:
        try:
            self.socket.sendall(data)
        except OSError:
            raise NoLine("the caller has gone") from None

    def _begin_next(self) -> bool:
        """Give the worker its next job, if it is free; false if there will be none."""
        if self.is_busy:
            return True
        if not self._jobs:
            if self._retiring:
                self._tell(ppft_wire.word(self._words, down="retired", tail="", at=None))
            return not self._retiring
        try:
            for piece in ppft_wire.framed(*self._jobs.popleft()):
                self.hand.channel.sendall(piece)
        except OSError:
            raise _HandGone from None
        self.is_busy = True
        return True

    def _listen(self) -> bool:
        """Take what the caller says; false if it has gone."""
        messages = self._messages.pull(self.socket.recv)
        if messages is None:
            return False
        for message in messages:
            if self._function is None:
                self._function = bytes(message)
                continue
            function, self._function = self._function, None
            if ppft_wire.is_order(function):
                self._obey(ppft_wire.fields_of(self._orders, message, of_word=False))
            elif ppft_wire.is_call(function):
                ppft_wire.check_argument(message)
                self._jobs.append((function, message))
            else:
                raise ppft_wire.NotPpft("a caller wants another function")
        return True

    def _obey(self, order: dict[str, Any]) -> None:
        verb, chunk, hand = order.get("do"), int(order.get("chunk", 0)), self.hand
        if verb == "limit":
            hand.cells.set_limit(chunk, int(order["n"]))
        elif verb == "take back":
            self._tell(ppft_wire.word(self._words, taken=[chunk, self._take_back(chunk, int(order["n"]))]))
        elif verb == "watch":
            self._watches[chunk] = float(order["s"]), str(order["reason"])
        elif verb == "interrupt":
            hand.interrupt(chunk)
        elif verb == "kill":
            hand.reason = hand.reason or "killed"
            hand.signal(signal.SIGKILL)
        elif verb == "retire":
            self._retiring = True
        elif verb == "status":
            self._tell(ppft_wire.word(self._words, at=hand.at()))

    def _mourn(self) -> None:
        """Say how the worker ended."""
        reason, tail = self.hand.last_words()
        self._tell(ppft_wire.word(self._words, down=reason, tail=tail, at=self.hand.at()))
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_WR)


class _HandGone(Exception):
    """The worker's channel has closed."""


__all__ = ["Desk", "NoLine", "NotAuthentic", "Service"]
