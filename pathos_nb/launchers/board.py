"""A page of memory that a pool and its workers both see, so that either may look without asking.

Each slot has 16 cells of 64 bits. The worker writes what it is at; the pool writes how far each chunk may go, and which
chunk it wants interrupted::

    0 chunk now running   1 offset of the item   2 begun (monotonic ns)   3 chunk to interrupt   4 items a step
    5 how much of its output file belongs to items that are past
    8 + chunk % 8         (chunk << 32) | how many of its items may begin

A worker that is stuck in C code can still be asked what it is stuck in, and work that it has not begun can be taken
back without its help. A cell is written by one side only.

A worker may be held up between any two of its cells, for as long as a busy machine likes. So it writes a new chunk's
number before the offset in it, and the pool reads them the other way round, and the width first: what it makes of a
mixture of two moments is that more was begun than was, never less. (Where stores may overtake each other, as on ARM,
that is not certain: so what is taken back is contested, and what comes twice is dropped.)
"""

from __future__ import annotations

import contextlib
import mmap
import os
import time

from pathos_nb.launchers.shared_file import shared_file
from pathos_nb.typed import NamedTuple

CELLS = 16
MAX_SLOTS = 1024
CHUNK, OFFSET, BEGUN, INTERRUPT, WIDTH, SAID, LIMITS = 0, 1, 2, 3, 4, 5, 8
_BYTES = CELLS * 8
IMPORTING_S = 10.0
_LOOK_S = 0.05
_MASK = (1 << 32) - 1
FINISHED = _MASK  # the offset at which a chunk is past its last item
NOTHING = 0


class Running(NamedTuple):
    """What a worker is at: the chunk, the item's offset in it, since when (monotonic), and how many items that is."""

    chunk: int
    offset: int
    since_s: float
    width: int = 1

    def left_s(self, allowed_s: float) -> float:
        """Give in how many seconds to look whether it has been at the item for so long; 0 or less if it has.

        What is being loaded has begun at a time to come (`Cells.load`).
        """
        now = time.monotonic()
        return _LOOK_S if self.since_s > now else self.since_s + allowed_s - now

    def n_begun(self, chunk: int) -> int:
        """Give how many items of a chunk may have been begun."""
        if self.chunk == chunk:
            return min(self.offset, FINISHED) + self.width
        return FINISHED if self.chunk > chunk else 0


class Cells:
    """The cells of one slot, from either side."""

    __slots__ = ("view",)

    def __init__(self, view: memoryview | None = None) -> None:
        self.view = memoryview(bytearray(_BYTES)).cast("Q") if view is None else view

    def begin(self, chunk: int, offset: int) -> None:
        """Say what is begun (worker)."""
        view = self.view
        view[BEGUN], view[CHUNK], view[OFFSET] = time.monotonic_ns(), chunk, offset

    def load(self, chunk: int) -> None:
        """Say that a chunk is being loaded (worker): its items are to blame for what that does, not for its time.

        Imports may take seconds; a load without an end has ten more than an item is allowed.
        """
        view = self.view
        view[BEGUN], view[CHUNK], view[OFFSET] = time.monotonic_ns() + int(IMPORTING_S * 1e9), chunk, 0

    def finish(self, chunk: int) -> None:
        """Say that every item of the chunk is past (worker).

        The chunk stays written down: were the worker "at nothing" while its report is on the way, the pool would take
        the chunk for one that is still to come, and give its items to another.
        """
        view = self.view
        view[CHUNK], view[OFFSET] = chunk, _MASK

    def set_width(self, n_items: int) -> None:
        """Say how many items each `begin` is for (worker)."""
        self.view[WIDTH] = n_items

    def note_said(self, n_bytes: int) -> None:
        """Say how much of the output file belongs to items that are past (worker)."""
        self.view[SAID] = n_bytes

    def said(self) -> int:
        """Tell where in the output file that begins which the last item wrote (pool)."""
        return int(self.view[SAID])

    def limit(self, chunk: int) -> int:
        """How many items of the chunk may begin (worker)."""
        value: int = self.view[LIMITS + chunk % 8]
        return value & _MASK if value >> 32 == chunk & _MASK else _MASK

    def set_limit(self, chunk: int, n_items: int) -> None:
        """Say how many items of the chunk may begin (pool)."""
        self.view[LIMITS + chunk % 8] = (chunk & _MASK) << 32 | min(n_items, _MASK)

    def release(self) -> None:
        """Let the memory go (pool)."""
        self.view.release()

    def running(self) -> Running | None:
        """Tell what the worker is at (pool)."""
        view = self.view
        width, offset, chunk, begun = view[WIDTH], view[OFFSET], view[CHUNK], view[BEGUN]
        return Running(chunk, offset, begun / 1e9, width or 1) if chunk else None


class Board:
    """The cells of all slots of a launcher, in a shared file.

    Parameters
    ----------
    fd : int, optional
        The file, in a worker; without it a new one is made.
    """

    def __init__(self, fd: int | None = None) -> None:
        self.fd = shared_file("pathos-nb-board") if fd is None else fd
        if fd is None:
            os.ftruncate(self.fd, MAX_SLOTS * _BYTES)
        self._map = mmap.mmap(self.fd, MAX_SLOTS * _BYTES)
        self._free = list(range(MAX_SLOTS - 1, -1, -1))

    def cells(self, index: int) -> Cells:
        """Give the cells of one slot."""
        return Cells(memoryview(self._map)[index * _BYTES : (index + 1) * _BYTES].cast("Q"))

    def take(self) -> int:
        """Give a free slot's index, its cells empty.

        Raises
        ------
        IndexError
            All are in use.
        """
        index = self._free.pop()
        self._map[index * _BYTES : (index + 1) * _BYTES] = bytes(_BYTES)
        return index

    def give_back(self, index: int) -> None:
        """Say that a slot's index is free again."""
        self._free.append(index)

    def close(self) -> None:
        """Close the file; cells that are still held keep the memory (which has a descriptor of its own)."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        with contextlib.suppress(BufferError):
            self._map.close()
