"""Envelopes on their way through dask: what is large travels out of band, as it lies, and is copied by nobody of ours.

dask is told how a parcel lies in its messages (`register`), in both processes, when this is imported there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from distributed.protocol import dask_deserialize, dask_serialize

from pathos_nb.wire.envelopes import Envelope
from pathos_nb.wire.framing import Buffer, Frame
from pathos_nb.wire.quick import dumps, loads

__all__ = ["Parcel"]

_SMALL_BYTES = 1 << 12
_APART = -1


class Parcel:
    """Envelopes that go together.

    Parameters
    ----------
    number : int
        How many parcels went this way before: they may overtake each other.
    envelopes : sequence of Envelope
        In order.
    """

    __slots__ = ("envelopes", "number")

    def __init__(self, number: int, envelopes: Sequence[Envelope]) -> None:
        self.number, self.envelopes = number, envelopes

    def __sizeof__(self) -> int:
        return 64 + sum(_size(envelope.frame) for envelope in self.envelopes)


def _size(frame: Frame) -> int:
    return len(frame.body) + sum(map(len, frame.buffers))


@dask_serialize.register(Parcel)  # type: ignore[untyped-decorator]
def to_frames(parcel: Parcel) -> tuple[dict[str, Any], list[Buffer]]:
    """Lay a parcel out for dask: what is small in one piece, what is large apart."""
    apart: list[Buffer] = []
    told = [(*envelope[:2], *_laid_out(envelope.frame, apart)) for envelope in parcel.envelopes]
    return {}, [dumps((parcel.number, told), 5), *apart]


def _laid_out(frame: Frame, apart: list[Buffer]) -> tuple[Any, ...]:
    return frame.kind, frame.meta, _put(frame.body, apart), [_put(buffer, apart) for buffer in frame.buffers]


def _put(buffer: Buffer, apart: list[Buffer]) -> bytes | int:
    if len(buffer) <= _SMALL_BYTES:
        return bytes(buffer)
    apart.append(memoryview(buffer))
    return _APART


@dask_deserialize.register(Parcel)  # type: ignore[untyped-decorator]
def from_frames(header: dict[str, Any], frames: list[Any]) -> Parcel:
    """Put a parcel together again; its buffers are those that dask received, which may be written to."""
    number, told = loads(bytes(frames[0]))
    apart = iter(frames[1:])
    return Parcel(number, [Envelope(kind, slot, _put_together(frame, apart)) for kind, slot, *frame in told])


def _put_together(frame: list[Any], apart: Any) -> Frame:
    kind, meta, body, buffers = frame
    return Frame(kind, meta, _got(body, apart), [_got(buffer, apart) for buffer in buffers])


def _got(told: Any, apart: Any) -> Buffer:
    """Give a buffer; arrays are made on it, so it must be one that may be written to."""
    if told != _APART:
        return bytearray(told)
    buffer = memoryview(next(apart))
    return memoryview(bytearray(buffer)) if buffer.readonly else buffer
