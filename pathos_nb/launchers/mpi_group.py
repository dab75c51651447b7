"""How the ranks of one worker speak with each other: over a communicator of their own, beside the items'.

::

    rank 0: leader ── FRAME: what the pool sent ──► members        once, to all
    rank 0: leader ── GO ─────────────────────────► members        now the next item
    all: throw away what the item before has sent and nobody received, wait for each other, and call the function
    rank 0: leader ◄── status ───────────────────── members        it is done, or what was raised
    rank 0: leader ── END ────────────────────────► members        no more items of this chunk

A blocking receive of MPI takes a whole core to wait. So whoever waits looks, and sleeps a little longer each time.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import sys
import time
from typing import Any

from pathos_nb.wire.framing import Frame

__all__ = ["END", "FRAME", "GO", "LEAVE", "Group", "Patience", "flush", "may_watch", "speak_in_lines"]

FRAME, GO, END, LEAVE = range(4)
_TAG_DOWN, _TAG_UP = 11, 12
_IN_HEAD_BYTES = 1 << 14
_SPINS = 50
_SHORTEST_S, _LONGEST_S = 2e-5, 1e-2


class Patience:
    """Waiting by looking: at once, then less and less often.

    Parameters
    ----------
    longest_s : float
        The longest pause between two looks.
    """

    def __init__(self, longest_s: float = _LONGEST_S) -> None:
        self._n, self._pause_s, self._longest_s = 0, _SHORTEST_S, longest_s

    def pause(self) -> None:
        """Wait before the next look."""
        self._n += 1
        if self._n > _SPINS:
            time.sleep(self._pause_s)
            self._pause_s = min(1.1 * self._pause_s, self._longest_s)
        else:
            time.sleep(0)


class Group:
    """The communicator of a worker's ranks.

    Parameters
    ----------
    world : mpi4py.MPI.Comm
        The job's; a copy of it is used, so that no message of an item's is taken for one of these.
    """

    def __init__(self, world: Any) -> None:
        self._comm, self._world = world.Dup(), world
        self.rank, self.size = world.Get_rank(), world.Get_size()

    # --- the leader's side ---

    def tell(self, verb: int, told: Any = None) -> None:
        """Say something to all members."""
        for member in range(1, self.size):
            self._comm.send((verb, told), member, _TAG_DOWN)

    def relay(self, frame: Frame) -> None:
        """Send a frame to all members."""
        parts = [frame.body, *frame.buffers]
        is_small = sum(map(len, parts)) <= _IN_HEAD_BYTES
        self.tell(FRAME, (frame.kind, frame.meta, list(map(len, parts)), list(map(bytes, parts)) if is_small else None))
        if not is_small:
            for part in parts:
                self._share(part)

    def statuses(self) -> list[tuple[int, Any]]:
        """Give what members have said and nobody has taken: (rank, what); what far ones have printed is printed."""
        found = []
        while (message := self._comm.improbe(tag=_TAG_UP)) is not None:
            rank, told, text = message.recv()
            found.append((rank, told))
            while text:
                text = text[os.write(1, text) :]
        return found

    # --- all ranks ---

    def clear(self) -> None:
        """Throw away what an item has sent and none received, in the copy of it that all have; then nobody has any.

        The leader has heard from all that they are through with it, so nothing of it is still to be sent; and none
        goes on before all have looked, so that nothing is thrown away that the next item sends. Collective.
        """
        status = _status()
        while (message := self._world.Improbe(status=status)) is not None:
            message.Recv([bytearray(status.Get_count(_byte())), _byte()])
        all_have, patience = self._comm.Ibarrier(), Patience()
        while not all_have.Test():
            patience.pause()

    # --- a member's side ---

    def hear(self, patience_s: float = math.inf) -> tuple[int, Any]:
        """Wait for what the leader says next; a frame comes as one.

        Raises
        ------
        TimeoutError
            It has said nothing for so long.
        """
        patience, until_s = Patience(), time.monotonic() + patience_s
        while (message := self._comm.improbe(0, _TAG_DOWN)) is None:
            if time.monotonic() > until_s:
                raise TimeoutError("rank 0 says nothing")
            patience.pause()
        verb, told = message.recv()
        return (verb, self._frame(*told)) if verb == FRAME else (verb, told)

    def answer(self, told: Any, text: bytes = b"") -> None:
        """Say something to the leader, and what was printed where it cannot see it."""
        self._comm.send((self.rank, told, text), 0, _TAG_UP)

    def _frame(self, kind: int, meta: tuple[Any, ...], sizes: list[int], parts: list[bytes] | None) -> Frame:
        whole: list[Any] = [self._share(bytearray(size)) for size in sizes] if parts is None else list(parts)
        return Frame(kind, meta, whole[0], whole[1:])

    def _share(self, part: Any) -> Any:
        """Give the members what the leader has; collective."""
        if len(part):
            self._comm.Bcast([part, _byte()], 0)
        return part


def speak_in_lines() -> None:
    """Have what this rank prints come in whole lines, for all ranks write to one file; what is left, by `flush`."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True, write_through=False)


def flush() -> None:
    """Write what was printed since the last line."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # an item has closed it
            stream.flush()


def _status() -> Any:
    from mpi4py import MPI

    return MPI.Status()


def _byte() -> Any:
    from mpi4py import MPI

    return MPI.BYTE


def may_watch() -> bool:
    """Whether one thread may look for messages while another one is in a call of MPI."""
    from mpi4py import MPI

    return bool(MPI.Query_thread() >= MPI.THREAD_MULTIPLE)
