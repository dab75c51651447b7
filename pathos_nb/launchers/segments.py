"""Large buffers between processes of one machine, through memory instead of through a stream.

::

    sender: Outbox ── copies buffers into an unnamed file ──►  frame names (process, descriptor, offset, size)
    receiver: Inbox ── opens /proc/PID/fd/N, maps it ──►  arrays are views of the map
    receiver ── RELEASE, when the last view is gone ──►  sender writes the next buffers there

Files are kept and written again, because fresh pages cost more than the copy. Space is claimed before it is written, so
that a machine without memory gives an error, and the buffers go through the stream, instead of a SIGBUS.

What a function captured is written once and mapped copy-on-write by every worker, so that what an item writes there
stays with that worker and that run; arguments and results have one reader, who may write to them. Unnamed files leave
nothing behind, however a process ends. Contents are never hashed; a function's buffers that are the same as before are
found by comparing, which is as fast as copying, and saves fresh memory.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import sys
import weakref
from collections import Counter, deque
from collections.abc import Sequence

from pathos_nb.launchers.shared_file import shared_file
from pathos_nb.wire.framing import Buffer, Frame, Place
from pathos_nb.wire.protocol import RELEASE

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

STOW_BYTES = 1 << 20
_GRAIN = 1 << 16
_KEEP, _KEEP_BYTES = 8, 1 << 28
_MAX_LEASES = 128  # a map holds a descriptor before Python 3.13
_PRIVATE = 1 << 62
_ENABLED = os.path.isdir("/proc/self/fd")  # noqa: PTH112 - pathlib would cost every start 3 ms


class Segment:
    """One unnamed file, mapped for writing.

    Parameters
    ----------
    size : int
        In bytes; claimed at once.

    Raises
    ------
    OSError
        There is no space, or no descriptor.
    """

    def __init__(self, size: int) -> None:
        self.fd = shared_file("pathos-nb-segment")
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(self.fd, 0, size)
            else:
                os.ftruncate(self.fd, size)
            self.map = mmap.mmap(self.fd, size)
        except BaseException:
            os.close(self.fd)
            raise
        self.size, self.n_lent = size, 0
        self.number = os.getpid() << 32 | self.fd
        self.kept: list[int] = []

    def write(self, buffers: Sequence[Buffer]) -> list[Place]:
        """Copy buffers in, give their places."""
        places, offset = [], 0
        for buffer in buffers:
            n = len(buffer)
            self.map[offset : offset + n] = buffer
            places.append((self.number, offset, n))
            offset += _rounded(n)
        self.kept = list(map(len, buffers))
        return places

    def places(self) -> list[Place]:
        """Give the places of what was written last."""
        places, offset = [], 0
        for n in self.kept:
            places.append((self.number, offset, n))
            offset += _rounded(n)
        return places

    def holds(self, buffers: Sequence[Buffer]) -> bool:
        """Whether it has just these contents; without numpy the answer is no, since comparing would take too long."""
        numpy = sys.modules.get("numpy")
        if numpy is None or self.kept != list(map(len, buffers)):
            return False
        here = memoryview(self.map)
        for (_, offset, n), buffer in zip(self.places(), buffers, strict=True):
            ours, theirs = numpy.frombuffer(here[offset : offset + n], "u1"), numpy.frombuffer(buffer, "u1")
            if not _are_same(numpy, ours, theirs):
                return False
        return True

    def close(self) -> None:
        """Let the memory go; those who still have it mapped keep it."""
        with contextlib.suppress(BufferError):
            self.map.close()
        os.close(self.fd)


def _are_same(numpy: Any, ours: Any, theirs: Any) -> bool:
    """Compare as fast as memory is read, where numpy has brought ctypes; numpy itself takes half as long again."""
    if ctypes := sys.modules.get("ctypes"):
        start, other = (ctypes.c_void_p(each.__array_interface__["data"][0]) for each in (ours, theirs))
        return not ctypes.CDLL(None).memcmp(start, other, ctypes.c_size_t(len(ours)))
    whole = len(ours) - len(ours) % 8
    is_same = numpy.array_equal(ours[:whole].view("u8"), theirs[:whole].view("u8"))
    return bool(is_same and numpy.array_equal(ours[whole:], theirs[whole:]))


def _rounded(n: int) -> int:
    return n + -n % _GRAIN


def bare(number: int) -> int:
    """Give a segment's number as both sides count it."""
    return number & ~_PRIVATE


class Outbox:
    """The segments a process writes to."""

    def __init__(self) -> None:
        self._lent: dict[int, Segment] = {}
        self._free: deque[Segment] = deque()
        self._of_run: dict[int, Segment] = {}

    def stow(self, buffers: Sequence[Buffer], run: int = 0) -> dict[int, Place]:
        """Put large buffers into shared memory.

        Parameters
        ----------
        buffers : sequence of bytes-like
            Of one frame.
        run : int, optional
            The run whose function they belong to: written once for all workers, and found again if they are the same.

        Returns
        -------
        dict
            Index of a buffer to its place; small ones, and all if there is no space, are left out.
        """
        large = [i for i, buffer in enumerate(buffers) if len(buffer) >= STOW_BYTES] if _ENABLED else []
        if not large:
            return {}
        chosen = [buffers[i] for i in large]
        segment = self._of_run.get(run) if run else None
        if segment is None:
            segment = self._find_again(chosen) if run else None
        try:
            places = segment.places() if segment else self._write(chosen)
        except OSError:
            return {}
        segment = segment or self._lent[places[0][0]]
        segment.n_lent += 1
        self._lent[segment.number] = segment
        if run:
            self._of_run[run] = segment
        mark = _PRIVATE if run else 0
        return {i: (number | mark, offset, size) for i, (number, offset, size) in zip(large, places, strict=True)}

    def _find_again(self, buffers: Sequence[Buffer]) -> Segment | None:
        for segment in {id(s): s for s in (*self._of_run.values(), *self._free)}.values():
            if segment.holds(buffers):
                if segment in self._free:
                    self._free.remove(segment)
                return segment
        return None

    def _write(self, buffers: Sequence[Buffer]) -> list[Place]:
        size = sum(map(_rounded, map(len, buffers)))
        fitting = [segment for segment in self._free if size <= segment.size <= 2 * size]
        if fitting:
            segment = min(fitting, key=lambda s: s.size)
            self._free.remove(segment)
        else:
            segment = Segment(size)
        self._lent[segment.number] = segment
        return segment.write(buffers)

    def give_back(self, numbers: Sequence[int]) -> None:
        """Take note that a receiver is done with these."""
        for number in numbers:
            segment = self._lent.get(number)
            if segment is not None:
                segment.n_lent -= 1
                if segment.n_lent <= 0:
                    self._to_free(segment)

    def _to_free(self, segment: Segment) -> None:
        del self._lent[segment.number]
        for run in [run for run, other in self._of_run.items() if other is segment]:
            del self._of_run[run]
        self._free.append(segment)
        while len(self._free) > _KEEP or (sum(s.size for s in self._free) > _KEEP_BYTES and len(self._free) > 1):
            self._free.popleft().close()

    def close(self) -> None:
        """Let all memory go."""
        for segment in {id(s): s for s in (*self._lent.values(), *self._free)}.values():
            segment.close()
        self._lent.clear()
        self._free.clear()
        self._of_run.clear()


def _open(number: int) -> int:
    return os.open(f"/proc/{number >> 32}/fd/{number & 0xFFFFFFFF}", os.O_RDWR | os.O_CLOEXEC)


def _map(number: int, offset: int, size: int, access: int) -> mmap.mmap:
    fd = _open(number)
    try:
        return mmap.mmap(fd, size, access=access, offset=offset)
    finally:
        os.close(fd)


def _spare() -> int | None:
    try:
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None


class Inbox:
    """Maps what the other side has stowed.

    One descriptor is kept for the worst: where no other is left, a buffer is read by it instead of mapped.
    """

    def __init__(self) -> None:
        self._reserve = _spare()
        self._leases: Counter[int] = Counter()
        self._done: deque[int] = deque()

    def resolve(self, number: int, offset: int, size: int) -> Buffer:
        """Give a buffer of shared memory.

        Parameters
        ----------
        number : int
            Process and descriptor of the segment.
        offset, size : int
            Where in it.

        Returns
        -------
        memoryview
            Its space is given back when the last view of it is gone.

        Raises
        ------
        OSError
            It cannot be opened or mapped.
        """
        access = mmap.ACCESS_COPY if number & _PRIVATE else mmap.ACCESS_WRITE
        number &= ~_PRIVATE
        try:
            mapped = _map(number, offset, size, access)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE) or self._reserve is None:
                raise
            return self._copy(number, offset, size)
        self._leases[number] += 1
        if sum(self._leases.values()) > _MAX_LEASES:
            copy = bytearray(mapped)
            mapped.close()
            self._end(number)
            return copy
        weakref.finalize(mapped, self._end, number).atexit = False
        return memoryview(mapped)

    def _copy(self, number: int, offset: int, size: int) -> bytearray:
        """Read a buffer where no descriptor is left, by the one that is kept for it."""
        if self._reserve is not None:
            os.close(self._reserve)
        self._reserve = None
        fd = _open(number)
        try:
            copy = bytearray(size)
            os.preadv(fd, [copy], offset)
        finally:
            os.close(fd)
            self._reserve = _spare()
        self._done.append(number)
        return copy

    def close(self) -> None:
        """Let the descriptor go that is kept for the worst."""
        if self._reserve is not None:
            os.close(self._reserve)
            self._reserve = None

    def _end(self, number: int) -> None:
        self._leases[number] -= 1
        if not self._leases[number]:
            del self._leases[number]
            self._done.append(number)

    def releases(self) -> list[Frame]:
        """Give the frame that tells what is not needed any more, if there is any."""
        if not self._done:
            return []
        numbers = []
        while self._done:
            numbers.append(self._done.popleft())
        return [Frame(RELEASE, (numbers,))]
