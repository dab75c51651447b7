"""What comes over a stream: frames, envelopes, ppft's messages, an agent's first words, a worker's reports."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from array import array
from typing import Any

from hypothesis import strategies as st

from pathos_nb.launchers import ppft_wire
from pathos_nb.launchers.agent_archive import Archive
from pathos_nb.launchers.agent_birth import LinkFailed, ask_cores, converse
from pathos_nb.launchers.agent_boot import MARK
from pathos_nb.wire import protocol
from pathos_nb.wire.envelopes import KEY_BYTES, Envelope, EnvelopeReader, Sealer
from pathos_nb.wire.framing import Frame, FrameError, FrameReader, pack
from pathos_nb.wire.signing import Checker, NotAuthentic, Signer
from tests.fuzz.probe import Target
from tests.fuzz.spoiling import Cut, in_pieces, spoil, wounds

__all__ = ["TARGETS"]

_KEY = bytes(range(KEY_BYTES))
_REPORT = protocol.Report(3, 2, 1.5, array("d", [1.6, 1.7]).tobytes(), 1, (), ((0, b"said"),), "")
_FRAMES = (
    Frame(protocol.DONE, tuple(_REPORT), b"values" * 9),
    Frame(protocol.WORK, (3, 1, range(4), 4), b"items", [bytes(100), bytes(70_000)]),
    Frame(protocol.RELEASE, ((4, 5, 6),)),
    Frame(200, ()),
)
_places = st.lists(st.integers(0, 1 << 20), max_size=5)


def _packed(frames: tuple[Frame, ...]) -> bytes:
    return b"".join(bytes(piece) for frame in frames for piece in pack(frame))


def _sealed(frames: tuple[Frame, ...]) -> bytes:
    sealer = Sealer(_KEY, "up")
    return b"".join(bytes(piece) for i, frame in enumerate(frames) for piece in sealer.seal(Envelope(2, i, frame)))


def _signed(frames: tuple[Frame, ...]) -> bytes:
    signer = Signer(_KEY, b"job")
    return b"".join(
        bytes(piece) for i, frame in enumerate(frames) for piece in ppft_wire.call(signer, pack(frame), not i)
    )


_PACKED, _SEALED, _SIGNED = _packed(_FRAMES), _sealed(_FRAMES), _signed(_FRAMES)


class _Pipe:
    """A stream that gives bytes in pieces, in both ways of reading."""

    def __init__(self, data: bytes, places: list[int]) -> None:
        self._pieces = in_pieces(data, places)[::-1]

    def receive(self, most: int) -> bytes:
        if not self._pieces:
            return b""
        piece = self._pieces.pop()
        if piece[most:]:
            self._pieces.append(piece[most:])
        return piece[:most]

    def receive_into(self, view: memoryview) -> int:
        piece = self.receive(len(view))
        view[: len(piece)] = piece
        return len(piece)


_Given = tuple[list[Cut] | bytes, list[int]]


def _read_frames(given: _Given) -> None:
    data, places = spoil(_PACKED, given[0]), given[1]
    pipe, reader = _Pipe(data, places), FrameReader()
    n_bytes = 0
    while (frames := reader.pull(pipe.receive, pipe.receive_into)) is not None:
        for frame in frames:
            assert type(frame.meta) is tuple, frame
            n_bytes += len(frame.body) + sum(map(len, frame.buffers))
    assert n_bytes <= len(data), "it made up what nobody sent"


def _read_envelopes(given: _Given) -> None:
    pipe, reader = _Pipe(spoil(_SEALED, given[0]), given[1]), EnvelopeReader(_KEY, "up")
    n_read = 0
    while (found := reader.pull(pipe.receive, pipe.receive_into)) is not None:
        for envelope in found:
            meant = _FRAMES[n_read]
            assert (envelope.slot, envelope.frame.meta) == (n_read, meant.meta), "nobody sealed it"
            assert bytes(envelope.frame.body) == meant.body, "nobody sealed it"
            n_read += 1


def _read_ppft(given: _Given) -> None:
    pipe, messages, checker = (
        _Pipe(spoil(_SIGNED, given[0]), given[1]),
        ppft_wire.Messages(1 << 20),
        Checker(_KEY, b"job"),
    )
    got: list[bytes] = []
    while (whole := messages.pull(pipe.receive)) is not None:
        got += map(bytes, whole)
    n_opened = 0
    for function, argument in zip(got[::2], got[1::2], strict=False):
        if not ppft_wire.is_call(function):
            continue
        ppft_wire.check_argument(argument)
        inside = bytes(checker.open(argument[11:-2]))
        assert inside == _packed(_FRAMES[n_opened : n_opened + 1]), "nobody signed it"
        n_opened += 1


# --- what a program says that is to become an agent: JSON behind a mark, in lines, amid anything


class _Carrier:
    """A stream at whose other end somebody says what was given, and goes."""

    where = "here"

    def __init__(self, data: bytes) -> None:
        self.sock, self._theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._say, args=(data,))
        self._thread.start()

    def _say(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self._theirs.sendall(data)
            self._theirs.shutdown(socket.SHUT_WR)

    def fileno(self) -> int:
        return self.sock.fileno()

    def error_text(self) -> str:
        return ""

    def why_ended(self) -> str:
        return "exit status 1"

    def close(self) -> None:
        self.sock.close()
        self._thread.join()
        self._theirs.close()


_odd: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["", "3.11", "x", "NaN", "1" * 5000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "python"]), inner, max_size=2),
    max_leaves=4,
)
_HELLO = {"python": [3, 11, 0], "at": "python", "host": "h", "pid": 1}
_READY = {"ready": True, "kept": "", "time": 0.0, "cores": 2, "memory": 5, "gpus": ["0"]}


def _said(good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Give words of an agent, some of them wrong, or missing."""
    names = st.sampled_from([*good, "old", "error", "have"])
    wrong = st.dictionaries(names, _odd, max_size=2)
    gone = st.sets(st.sampled_from([*good]), max_size=1)
    return st.builds(lambda more, less: {k: v for k, v in {**good, **more}.items() if k not in less}, wrong, gone)


def _line(said: Any) -> bytes:
    return MARK + json.dumps(said).encode() + b"\n"


def _talk(given: tuple[list[Any], list[Cut] | bytes]) -> None:
    said, wounded = given
    carrier = _Carrier(spoil(b"hello there\n" + b"".join(map(_line, said)) + b"more", wounded))
    try:
        hello = converse(carrier, Archive(b"archive", "digest"), _KEY, {}, time.monotonic() + 30)
        assert isinstance(hello.cores, int) and all(isinstance(part, int) for part in hello.python), hello
    finally:
        carrier.close()


def _ask(said: dict[str, Any]) -> None:
    assert ask_cores(_Carrier(_line(said)), 30.0) > 0


_talks = st.tuples(st.tuples(_said(_HELLO), _said({"have": True}), _said(_READY)), wounds(1))
_streams = st.tuples(wounds(), _places)
TARGETS = (
    Target("frames", _streams, _read_frames, (FrameError,), 100),
    Target("envelopes", _streams, _read_envelopes, (FrameError,), 80),
    Target("ppft messages", _streams, _read_ppft, (ppft_wire.NotPpft, NotAuthentic), 80),
    Target("an agent's first words", _talks, _talk, (LinkFailed,), 50),
    Target("how many cores", _said({"cores": 4}), _ask, (LinkFailed,), 25),
)
