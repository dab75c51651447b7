"""Frames come back as they were packed, whatever the pieces in which the stream gives them; garbage is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pathos_nb.wire.framing import Frame, FrameError, FrameReader, pack
from tests.rig.texts import texts

plain = st.none() | st.booleans() | st.integers() | texts(20) | st.binary(max_size=20)
bodies = st.binary(max_size=200) | st.integers(0, 600_000).map(lambda n: bytes(range(256)) * (n // 256))
frames = st.builds(
    Frame,
    kind=st.integers(0, 255),
    meta=st.lists(plain, max_size=4).map(tuple),
    body=bodies,
    buffers=st.lists(bodies, max_size=3),
)


def stream(many: list[Frame]) -> bytes:
    return b"".join(bytes(piece) for frame in many for piece in pack(frame))


def plainly(frame: Frame) -> tuple[Any, ...]:
    return frame.kind, frame.meta, bytes(frame.body), [bytes(b) for b in frame.buffers]


class Pipe:
    """A stream that gives its bytes in pieces of given sizes, in both ways of reading."""

    def __init__(self, data: bytes, cuts: list[int]) -> None:
        self._data, self._cuts, self._at = data, cuts, 0

    def _next(self, most: int) -> bytes:
        size = min(most, self._cuts[self._at % len(self._cuts)] if self._cuts else most)
        self._at += 1
        piece, self._data = self._data[:size], self._data[size:]
        return piece

    def receive(self, most: int) -> bytes:
        return self._next(most)

    def receive_into(self, view: memoryview) -> int:
        piece = self._next(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def read_all(self) -> list[Frame]:
        reader, got = FrameReader(), []
        while (some := reader.pull(self.receive, self.receive_into)) is not None:
            got += [plainly(f) for f in some]
        return got  # type: ignore[return-value]


@given(st.lists(frames, max_size=4), st.lists(st.integers(1, 400_000), max_size=5))
def test_any_frames_in_any_pieces_come_back(many: list[Frame], cuts: list[int]) -> None:
    data = stream(many)
    few = cuts if not cuts or len(data) / (sum(cuts) / len(cuts)) < 5000 else [max(cuts) + 10_000]
    assert Pipe(data, few).read_all() == [plainly(f) for f in many]


@given(st.lists(frames.filter(lambda f: len(f.body) < 300 and not f.buffers), max_size=4))
def test_byte_by_byte(many: list[Frame]) -> None:
    assert Pipe(stream(many), [1]).read_all() == [plainly(f) for f in many]


@given(frames)
def test_buffers_begin_on_a_boundary_of_64_bytes(frame: Frame) -> None:
    reader = FrameReader()
    (back,) = reader.feed(stream([frame]))
    whole = stream([frame])
    for sent, buffer in zip(frame.buffers, back.buffers, strict=True):
        assert bytes(sent) == bytes(buffer)
        if len(sent) > 100:
            assert whole.find(bytes(sent[:100])) >= 0


@given(st.binary(min_size=28, max_size=200))
def test_what_is_no_frame_is_refused_before_it_is_unpickled(garbage: bytes) -> None:
    if garbage.startswith(b"pn\x01"):
        return
    with pytest.raises(FrameError):
        list(FrameReader().feed(garbage))


@given(frames.filter(lambda f: len(f.body) < 300), st.integers(0, 2), st.integers(0, 255))
def test_another_magic_or_version_is_refused(frame: Frame, at: int, wrong: int) -> None:
    data = bytearray(stream([frame]))
    if data[at] == wrong:
        return
    data[at] = wrong
    with pytest.raises(FrameError, match="expected a frame"):
        FrameReader().feed(bytes(data))


def test_an_absurd_size_is_refused_without_taking_the_memory() -> None:
    import struct

    with pytest.raises(FrameError, match="believable"):
        FrameReader().feed(struct.pack("<2sBBIQQ", b"pn", 1, 3, 0, 0, 1 << 60))
