"""Envelopes: the frames of many slots on one stream; each is sized, numbered and sealed, and only then read.

::

    | magic 2 | version 1 | kind 1 | slot 4 | number 8 | signed 8 | bare 8 | digest 16 | seal 16 | frame: signed, bare |

The seal is a keyed hash of the header, so that a size is believed, and memory taken for it, only if it comes from the
other end; the digest is one of the frame's first part, which is all that is ever unpickled. The buffers behind it are
bytes and nothing else: they come bare, at the stream's full speed. Both ends count, and each direction has a key of its
own, so that nothing can be sent twice, left out, or sent back.

References
----------
RFC 7693 (BLAKE2, keyed).
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from typing import NamedTuple

from pathos_nb.wire.framing import MAX_BYTES, Buffer, Frame, FrameError, FrameReader, pack

__all__ = ["KEY_BYTES", "Envelope", "EnvelopeReader", "Sealer"]

KEY_BYTES = 32
_MAGIC, _VERSION = b"pe", 1
_HEAD = struct.Struct("<2sBBIQQQ16s")
_SEAL_BYTES = 16
_SIZE = _HEAD.size + _SEAL_BYTES
_READ_BYTES = 1 << 16
_JOIN_BYTES = 1 << 14
_LEAST_BYTES = 1 << 14  # signs of life alone come to less in half a minute, and a link that carries no more is none


class Envelope(NamedTuple):
    """A frame, what kind of message it is, and the slot that it is about."""

    kind: int
    slot: int
    frame: Frame


def _hash(key: bytes, *parts: Buffer) -> bytes:
    state = hashlib.blake2b(digest_size=_SEAL_BYTES, key=key)
    for part in parts:
        state.update(part)
    return state.digest()


def _own_key(key: bytes, direction: str) -> bytes:
    return hashlib.blake2b(direction.encode(), key=key).digest()[:KEY_BYTES]


class Sealer:
    """Lays envelopes out for one direction of a stream.

    Parameters
    ----------
    key : bytes
        What both ends know, and nobody else.
    direction : str
        ``"down"`` or ``"up"``.
    """

    def __init__(self, key: bytes, direction: str) -> None:
        self._key, self._number = _own_key(key, direction), 0

    def seal(self, envelope: Envelope) -> list[Buffer]:
        """Give the pieces to send one after the other; large buffers are the caller's own memory."""
        pieces = pack(envelope.frame)
        signed, bare = pieces[:2], pieces[2:]
        sizes = sum(map(len, signed)), sum(map(len, bare))
        self._number += 1
        digest = _hash(self._key, *signed)
        head = _HEAD.pack(_MAGIC, _VERSION, envelope.kind, envelope.slot, self._number, *sizes, digest)
        head += _hash(self._key, head)
        if sizes[0] <= _JOIN_BYTES:
            return [b"".join([head, *signed]), *bare]
        return [head, *signed, *bare]


class EnvelopeReader:
    """Puts envelopes together from the pieces a stream gives, and refuses what the other end has not sent.

    Parameters
    ----------
    key, direction
        As the other end's `Sealer` has them.

    Attributes
    ----------
    n_moves : int
        Grows with each envelope that is whole, and while much of one comes. If it stands still though something comes,
        then a part has been left out: what follows is taken for the rest of what has begun.
    """

    def __init__(self, key: bytes, direction: str) -> None:
        self._key, self._number = _own_key(key, direction), 0
        self._head = bytearray()
        self._expected: tuple[int, int, int, bytes] | None = None
        self._body, self._filled = bytearray(), 0
        self._frames = FrameReader()
        self.n_moves = self._n_since = 0

    @property
    def missing_bytes(self) -> int:
        """How much of an envelope that has begun is still to come."""
        return len(self._body) - self._filled

    def pull(self, receive: Callable[[int], bytes], receive_into: Callable[[memoryview], int]) -> list[Envelope] | None:
        """Read once from the stream.

        Parameters
        ----------
        receive, receive_into : callable
            ``socket.recv`` and ``socket.recv_into``, or the like; they may raise `BlockingIOError`.

        Returns
        -------
        list of Envelope or None
            Those that are now whole; None at the end of the stream.

        Raises
        ------
        FrameError
            What came is not what the other end sent.
        """
        if len(self._body) - self._filled < _READ_BYTES:
            data = receive(_READ_BYTES)
            return self.feed(data) if data else None
        n = receive_into(memoryview(self._body)[self._filled :])
        self._filled += n
        return self._moved(n, self._finished()) if n else None

    def feed(self, data: Buffer) -> list[Envelope]:
        """Take bytes as they came, give the envelopes that are now whole.

        Raises
        ------
        FrameError
            They are not what the other end sent.
        """
        view, found = memoryview(data), []
        while view:
            if self._expected is None:
                view = self._fill_head(view)
            if self._expected is not None:
                view = self._fill_body(view)
                found += self._finished()
        return self._moved(len(data), found)

    def _moved(self, n_bytes: int, found: list[Envelope]) -> list[Envelope]:
        self._n_since += n_bytes
        if found or self._n_since >= _LEAST_BYTES:
            self.n_moves, self._n_since = self.n_moves + 1, 0
        return found

    def _fill_head(self, view: memoryview) -> memoryview:
        n = _SIZE - len(self._head)
        self._head += view[:n]
        if len(self._head) == _SIZE:
            head, self._head = bytes(self._head), bytearray()
            self._open(head)
        return view[n:]

    def _open(self, head: bytes) -> None:
        if head[:3] != _MAGIC + bytes([_VERSION]):
            raise FrameError(f"expected an envelope, got {head[:24]!r}")
        if not hmac.compare_digest(_hash(self._key, head[: _HEAD.size]), head[_HEAD.size :]):
            raise FrameError("an envelope has a seal that is not the other end's")
        _, _, kind, slot, number, signed, bare, digest = _HEAD.unpack_from(head)
        self._number += 1
        if number != self._number:
            raise FrameError(f"envelope {number} came where {self._number} was due")
        if signed + bare > MAX_BYTES:
            raise FrameError(f"an envelope of {signed} + {bare} bytes is not believable")
        self._expected = kind, slot, signed, digest
        try:
            self._body, self._filled = bytearray(signed + bare), 0
        except MemoryError as error:
            raise FrameError(f"there is no memory for an envelope of {signed + bare:,} bytes") from error

    def _fill_body(self, view: memoryview) -> memoryview:
        n = min(len(view), len(self._body) - self._filled)
        self._body[self._filled : self._filled + n] = view[:n]
        self._filled += n
        return view[n:]

    def _finished(self) -> list[Envelope]:
        if self._expected is None or self._filled < len(self._body):
            return []
        kind, slot, signed, digest = self._expected
        body, self._body, self._filled, self._expected = self._body, bytearray(), 0, None
        if not hmac.compare_digest(_hash(self._key, memoryview(body)[:signed]), digest):
            raise FrameError("an envelope's content is not what the other end sealed")
        return [Envelope(kind, slot, self._frames.whole(body))]
