"""Envelopes: what the other end has not sealed is refused, before memory is taken for it and before it is read."""

from __future__ import annotations

import os
import pickle
from typing import Any

import pytest
from hypothesis import strategies as st

from pathos_nb.wire.envelopes import KEY_BYTES, Envelope, EnvelopeReader, Sealer
from pathos_nb.wire.framing import Frame, FrameError, pack
from tests.rig.examples import given

KEY = bytes(range(KEY_BYTES))


class Bomb:
    def __reduce__(self) -> Any:
        return os._exit, (99,)


def sealed(*envelopes: Envelope, key: bytes = KEY, direction: str = "down") -> bytes:
    sealer = Sealer(key, direction)
    return b"".join(bytes(piece) for envelope in envelopes for piece in sealer.seal(envelope))


def note(slot: int = 1, **more: Any) -> Envelope:
    return Envelope(3, slot, Frame(7, ("hello", 5), **more))


@given(
    st.lists(st.tuples(st.integers(0, 2**32 - 1), st.binary(max_size=300), st.lists(st.binary(max_size=99), max_size=4)),
             max_size=5),
    st.integers(1, 200),
)  # fmt: skip
def test_they_come_out_as_they_went_in_whatever_the_pieces(told, step):
    sent = [Envelope(3, slot, Frame(7, (slot,), body, buffers)) for slot, body, buffers in told]
    stream, reader, got = sealed(*sent), EnvelopeReader(KEY, "down"), []
    for at in range(0, len(stream), step):
        got += reader.feed(stream[at : at + step])
    assert [(e.kind, e.slot, e.frame.meta, bytes(e.frame.body), list(map(bytes, e.frame.buffers))) for e in got] == [
        (e.kind, e.slot, e.frame.meta, e.frame.body, list(e.frame.buffers)) for e in sent
    ]


def test_large_ones_come_through_too():
    stream = memoryview(sealed(note(body=b"x" * 1_000_000, buffers=[bytes(3_000_000)]), note()))
    reader, got, at = EnvelopeReader(KEY, "down"), [], 0

    def receive(n: int) -> bytes:
        nonlocal at
        at += n
        return bytes(stream[at - n : at])

    def receive_into(view: memoryview) -> int:
        nonlocal at
        n = min(len(view), 100_001, len(stream) - at)
        view[:n] = stream[at : at + n]
        at += n
        return n

    while found := reader.pull(receive, receive_into) if at < len(stream) else []:
        got += found
        continue
    while at < len(stream):
        got += reader.pull(receive, receive_into) or []
    assert [len(e.frame.body) for e in got] == [1_000_000, 0]
    assert len(got[0].frame.buffers[0]) == 3_000_000


@pytest.mark.parametrize("at", [0, 2, 3, 5, 9, 17, 25, 34, 50, 66, 100, 150])
def test_a_bit_that_was_turned_is_seen_before_anything_is_read(at):
    stream = bytearray(sealed(Envelope(3, 1, Frame(7, (1, 2), pickle.dumps("x" * 60)))))
    stream[at] ^= 1
    with pytest.raises(FrameError, match=r"envelope|content"):
        EnvelopeReader(KEY, "down").feed(bytes(stream))


def test_what_another_key_sealed_is_refused():
    with pytest.raises(FrameError, match="seal"):
        EnvelopeReader(KEY, "down").feed(sealed(note(), key=bytes(KEY_BYTES)))


def test_what_was_sent_up_is_not_taken_from_above():
    with pytest.raises(FrameError, match="seal"):
        EnvelopeReader(KEY, "down").feed(sealed(note(), direction="up"))


def test_a_replay_is_refused():
    stream = sealed(note())
    reader = EnvelopeReader(KEY, "down")
    assert len(reader.feed(stream)) == 1
    with pytest.raises(FrameError, match="envelope 1 came where 2 was due"):
        reader.feed(stream)


def test_a_gap_is_refused():
    first, second = sealed(note()), sealed(note(), note())
    with pytest.raises(FrameError, match="envelope 2 came where 1 was due"):
        EnvelopeReader(KEY, "down").feed(second[len(first) :])


@pytest.mark.parametrize(
    "garbage",
    [b"\0" * 4096, b"HTTP/1.1 400 Bad Request\r\n" * 9, b"\xff" * 4096, b"".join(map(bytes, pack(Frame(1, ("x",), b"y" * 99))))],
    ids=["zeros", "http", "ones", "a bare frame"],
)  # fmt: skip
def test_garbage_is_refused(garbage):
    with pytest.raises(FrameError, match="envelope"):
        EnvelopeReader(KEY, "down").feed(garbage)


def test_a_size_of_2_to_the_63_takes_no_memory():
    stream = bytearray(sealed(note()))
    stream[16:24] = (1 << 63).to_bytes(8, "little")
    with pytest.raises(FrameError, match="seal"):
        EnvelopeReader(KEY, "down").feed(bytes(stream))


def test_a_pickle_that_was_put_in_is_never_loaded():
    frame = Frame(7, ("x" * 200,))
    stream = bytearray(sealed(Envelope(3, 1, frame)))
    bomb = pickle.dumps(Bomb())
    at = bytes(stream).index(b"x" * 200)
    stream[at : at + len(bomb)] = bomb
    with pytest.raises(FrameError, match="content"):
        EnvelopeReader(KEY, "down").feed(bytes(stream))
