"""The worker process of a ppft server: ppft's own loop over a private channel, and the one function that it calls.

::

    server ── function, argument ──► ppft's loop ── signed bytes ──► trampoline ── frames ──► Worker
    server ◄── result ────────────── ppft's loop ◄── signed bytes ── trampoline ◄── frames ── Worker

ppft's loop speaks over the standard input and output of its process, where one print to descriptor 1 would break it.
Here it is given a channel of its own, and descriptors 1 and 2 are the worker's output file, as in every worker process.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from ppft.worker import _WorkerProcess

from pathos_nb.launchers.agent_store import BesideStore
from pathos_nb.launchers.child import begin, leave
from pathos_nb.launchers.failing import report
from pathos_nb.launchers.ppft_wire import MAX_RESULT_BYTES
from pathos_nb.launchers.worker import Worker
from pathos_nb.wire.framing import Buffer, Frame, FrameReader, pack
from pathos_nb.wire.protocol import BESIDE, DONE, NOT_RETURNED, Report
from pathos_nb.wire.signing import HEAD_BYTES, Checker, Signer

__all__ = ["main", "trampoline"]


class Post:
    """What the trampoline finds: the worker of this process, and the keys of its conversation."""

    def __init__(self) -> None:
        self.worker: Worker | None = None
        self.key, self.pid = b"", 0
        self.beside = BesideStore()

    def take_up(self, worker: Worker, key: bytes) -> None:
        """Begin to work for a conversation."""
        self.worker, self.pid = worker, os.getpid()
        self._checker, self._signer = Checker(key, b"job"), Signer(key, b"report")
        self._reader = FrameReader()

    def do(self, signed: bytes) -> bytes:
        """Open one job, do what its frames say, and give the signed report."""
        if self.worker is None:
            raise RuntimeError("the trampoline is called in a process that is no worker")
        pieces: list[Buffer] = []
        for frame in self._reader.feed(self._checker.open(signed)):
            if frame.kind == BESIDE:
                self.beside.put(bytes(frame.body))
                frame = Frame(BESIDE, (self.beside.path,))
            reply = self.worker.handle(frame)
            if os.getpid() != self.pid:
                os._exit(0)  # an item forked, and this is the child, which came back from it
            if reply is not None:
                pieces += pack(_within_bounds(reply))
        return b"".join([self._signer.head(pieces), *pieces])


post = Post()


def trampoline(signed: bytes) -> bytes:
    """Give the signed answer to signed bytes: the only function that ppft is ever asked to call.

    Parameters
    ----------
    signed : bytes
        Frames.

    Returns
    -------
    bytes
        Frames.
    """
    return post.do(signed)


def _within_bounds(reply: Frame) -> Frame:
    """Give a report that ppft's pickle can carry: in place of one that is too large, one that says so."""
    size = len(reply.body) + sum(len(buffer) + 64 for buffer in reply.buffers)
    if size + HEAD_BYTES + (1 << 16) < MAX_RESULT_BYTES or reply.kind != DONE:
        return reply
    told = Report(*reply.meta)
    if told.n_run > 1:  # each by itself may do
        return Frame(DONE, tuple(told._replace(n_run=0, ends=b"", failures=(), undecodable="items\n\n")))
    error = OverflowError("ppft carries at most 4 GB in a result")
    failure = tuple(report(0, NOT_RETURNED, error))
    return Frame(DONE, tuple(told._replace(failures=[failure])), b"\x80\x05]\x94Na.")


def main(channel_fd: int, output_fd: int, board_fd: int, index: int) -> None:
    """Run as a worker; never returns.

    Parameters
    ----------
    channel_fd : int
        The stream to the server.
    output_fd : int
        The file for what items write.
    board_fd, index : int
        The board, and which part of it is this worker's.
    """
    worker, status = begin(output_fd, board_fd, index), 1
    try:
        process = _ppft_loop(channel_fd, worker)
        post.take_up(worker, process.t.receive())
        worker.start_from((str(Path.cwd()), list(sys.path), dict(os.environ), []))
        process.run()
        status = 0
    except (RuntimeError, OSError):
        status = 0  # the server has gone, and so shall we
    finally:
        leave(status)


def _ppft_loop(channel_fd: int, worker: Worker) -> Any:
    """Make ppft's worker, which takes its pipes from `sys`; then put what items see there back."""
    stdin, protected = sys.stdin, sys.__stdout__
    with contextlib.ExitStack() as undo:
        undo.callback(worker.capture.restore)
        undo.callback(setattr, sys, "__stdout__", protected)
        undo.callback(setattr, sys, "stdin", stdin)
        sys.stdin = os.fdopen(channel_fd, "rb")
        sys.__stdout__ = os.fdopen(os.dup(channel_fd), "wb")  # type: ignore[assignment,misc]
        return _WorkerProcess()
