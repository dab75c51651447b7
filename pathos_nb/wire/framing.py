"""Frames: how a message lies on a byte stream, and how it is read back whatever the pieces it comes in.

::

    | magic 2 | version 1 | kind 1 | buffers 4 | meta 8 | body 8 | table: 24 a buffer | meta | body | pad | buffer | …

The header says all sizes, so a frame is sized and checked before anything in it is unpickled. `meta` is a small pickled
tuple of plain values; `body` is a payload's pickle; buffers are its out-of-band arrays, each on a 64-byte boundary, or
elsewhere: a table entry is (size, segment, offset), and a segment other than 0 names shared memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence

from pathos_nb.typed import NamedTuple
from pathos_nb.wire.quick import dumps, loads

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

Buffer = bytes | bytearray | memoryview
Place = tuple[int, int, int]
Resolve = Callable[[int, int, int], Buffer]

MAGIC, VERSION = b"pn", 1
MAX_BUFFERS, MAX_BYTES = 1 << 22, 1 << 44
ALIGN = 64
_HEADER = struct.Struct("<2sBBIQQ")
_ENTRY = struct.Struct("<QQQ")
_READ_BYTES = (
    1 << 16
)  # more than 128 kB would be mapped, faulted in and unmapped for every message (25 µs instead of 3)
_NOWHERE: Mapping[int, Place] = {}


class FrameError(ValueError):
    """The stream does not carry our frames: wrong magic, version or an absurd size, or fields that cannot be read."""


class Frame(NamedTuple):
    """One message: its kind, its plain fields, and a payload's body and buffers."""

    kind: int
    meta: tuple[Any, ...]
    body: Buffer = b""
    buffers: Sequence[Buffer] = ()


def pack(frame: Frame, places: Mapping[int, Place] = _NOWHERE) -> list[Buffer]:
    """Lay a frame out as pieces to send one after the other.

    Parameters
    ----------
    frame : Frame
        The message.
    places : mapping, optional
        Index of a buffer to its (segment, offset, size), for those that stand in shared memory.

    Returns
    -------
    list of bytes-like
        Copies nothing: large buffers are the caller's own memory.
    """
    meta = dumps(frame.meta, 5)
    body, buffers = frame.body, frame.buffers
    n_buffers = len(buffers)
    head = _HEADER.pack(MAGIC, VERSION, frame.kind, n_buffers, len(meta), len(body))
    if not n_buffers:
        return [head + meta + body] if len(body) < _READ_BYTES else [head + meta, body]
    pieces: list[Buffer] = [head + _table(buffers, places) + meta, body]
    end = len(pieces[0]) + len(body)
    for i, buffer in enumerate(buffers):
        if i in places:
            continue
        pad = -end % ALIGN
        pieces += (bytes(pad), buffer)
        end += pad + len(buffer)
    return pieces


def _only_frame(data: Buffer) -> Frame | None:
    """Give the frame if the bytes are one and nothing else, as is most of what comes, and it has no buffers."""
    if len(data) < _HEADER.size:
        return None
    magic, version, kind, n_buffers, meta, body = _HEADER.unpack_from(data)
    start = _HEADER.size + meta
    if n_buffers or start + body != len(data) or magic != MAGIC or version != VERSION:
        return None
    view = memoryview(data)
    try:
        return Frame(kind, loads(view[_HEADER.size : start]), view[start:])
    except Exception as error:  # a pickle that was damaged may raise anything
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> FrameError:
    return FrameError(f"a frame's fields cannot be read: {type(error).__name__}: {error}")


def _no_segments(segment: int, offset: int, size: int) -> Buffer:
    raise FrameError(f"a frame names shared memory {segment}, which this channel does not carry")


def _table(buffers: Sequence[Buffer], places: Mapping[int, Place]) -> bytes:
    entries = (places.get(i, (0, 0, len(buffer))) for i, buffer in enumerate(buffers))
    return b"".join(_ENTRY.pack(size, segment, offset) for segment, offset, size in entries)


class FrameReader:
    """Puts frames together from the pieces a stream gives.

    Parameters
    ----------
    resolve : callable, optional
        (segment, offset, size) → the bytes of a buffer that stands in shared memory.
    """

    def __init__(self, resolve: Resolve = _no_segments) -> None:
        self._resolve = resolve
        self._kept = bytearray()
        self._large: bytearray | None = None
        self._finished: bytearray | None = None
        self._filled = 0

    def pull(
        self, receive: Callable[[int], bytes], receive_into: Callable[[memoryview], int]
    ) -> Iterator[Frame] | None:
        """Read once from the stream.

        Parameters
        ----------
        receive, receive_into : callable
            ``socket.recv`` and ``socket.recv_into``, or the like; they may raise `BlockingIOError`.

        Returns
        -------
        iterator of Frame or None
            The frames that are now whole; None at the end of the stream.

        Raises
        ------
        FrameError
            The bytes are no frame of ours.
        """
        if self._large is None:
            data = receive(_READ_BYTES)
            return self.feed(data) if data else None
        n = receive_into(memoryview(self._large)[self._filled :])
        self._filled += n
        return self._finish_large() if n else None

    def feed(self, data: bytes | memoryview) -> Iterator[Frame]:
        """Take bytes as they came, give the frames that are now whole.

        Parameters
        ----------
        data : bytes-like
            The next piece of the stream.

        Returns
        -------
        iterator of Frame

        Raises
        ------
        FrameError
            The bytes are no frame of ours.
        """
        if not self._kept and (only := _only_frame(data)) is not None:
            return iter((only,))
        view: Buffer = data
        if self._kept:
            self._kept += data
            view, self._kept = self._kept, bytearray()
        frames, start, size = [], 0, None
        while len(view) - start >= _HEADER.size:
            size = self._size_at(view, start)
            if size is None or start + size > len(view):
                break
            frames.append(self._parse(memoryview(view)[start : start + size]))
            start += size
        else:
            size = None
        if start < len(view):
            self._keep(view, start, size)
        return iter(frames)

    def whole(self, data: bytearray) -> Frame:
        """Give the frame that fills some bytes, which are its own from then on.

        Raises
        ------
        FrameError
            They are no frame of ours, or more or less than one.
        """
        view = memoryview(data)
        if len(view) < _HEADER.size or self._size_at(view, 0) != len(view):
            raise FrameError(f"{len(view)} bytes are not one whole frame")
        self._finished = data
        frame = self._parse(view)
        self._finished = None
        return frame

    def _keep(self, view: Buffer, start: int, size: int | None) -> None:
        rest = memoryview(view)[start:]
        if size is None or size <= _READ_BYTES:
            self._kept = bytearray(rest)
            return
        try:
            self._large = bytearray(size)
        except MemoryError as error:
            raise FrameError(f"there is no memory for a frame of {size:,} bytes") from error
        self._filled = len(rest)
        self._large[: self._filled] = rest

    def _finish_large(self) -> Iterator[Frame]:
        large = self._large
        if large is None or self._filled < len(large):
            return iter(())
        self._large, self._finished = None, large
        frame = self._parse(memoryview(large))
        self._finished = None
        return iter((frame,))

    @staticmethod
    def _size_at(view: Buffer, start: int) -> int | None:
        magic, version, _, n_buffers, meta, body = _HEADER.unpack_from(view, start)
        if magic != MAGIC or version != VERSION:
            raise FrameError(f"expected a frame, got {bytes(view[start : start + 24])!r}")
        if n_buffers > MAX_BUFFERS or meta > MAX_BYTES or body > MAX_BYTES:
            raise FrameError(f"a frame of {n_buffers} buffers, {meta} + {body} bytes is not believable")
        end: int = _HEADER.size + n_buffers * _ENTRY.size
        if n_buffers and len(view) - start < end:
            return None
        table = memoryview(view)[start + _HEADER.size : start + end] if n_buffers else b""
        end += meta + body
        for size, segment, _ in _ENTRY.iter_unpack(table) if n_buffers else ():
            end += 0 if segment else -end % ALIGN + size
        if end > MAX_BYTES:
            raise FrameError(f"a frame of {end} bytes is not believable")
        return end

    def _parse(self, view: memoryview) -> Frame:
        _, _, kind, n_buffers, meta_size, body_size = _HEADER.unpack_from(view)
        if n_buffers and view.obj is not self._finished:
            view = memoryview(bytearray(view))  # arrays must be writable, aligned, and keep nothing else alive
        start = _HEADER.size + n_buffers * _ENTRY.size
        try:
            meta = loads(view[start : start + meta_size])
        except Exception as error:  # as in `_only_frame`
            raise _unreadable(error) from error
        end = start + meta_size + body_size
        body = view[start + meta_size : end]
        if not n_buffers:
            return Frame(kind, meta, body)
        buffers: list[Buffer] = []
        for size, segment, offset in _ENTRY.iter_unpack(view[_HEADER.size : start]):
            if segment:
                buffers.append(self._resolve(segment, offset, size))
                continue
            end += -end % ALIGN
            buffers.append(view[end : end + size])
            end += size
        return Frame(kind, meta, body, buffers)
