"""Callers that are none, or say what none of ours would: hung up on, and nothing of theirs is loaded."""

from __future__ import annotations

import hashlib
import os
import pickle
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import ppft
import pytest

from pathos_nb import known_servers
from pathos_nb.launchers import ppft_line, ppft_wire
from pathos_nb.server import LocalServer
from pathos_nb.wire.signing import Signer
from tests.rpc.rogues import Bomb, framed, read_message, serves_on

VERSION = ppft.__version__.encode()


@pytest.fixture
def server(kept: LocalServer) -> LocalServer:
    """One server for all, which bears what its callers do."""
    return kept


def called(server: LocalServer, timeout_s: float) -> socket.socket:
    return socket.create_connection(("localhost", int(server.address.split(":")[1])), timeout=timeout_s)


@pytest.fixture(scope="module", autouse=True)
def silent(kept_server: LocalServer) -> Iterator[socket.socket]:
    """A caller that says nothing while the tests go on; the last of them looks at it."""
    with called(kept_server, 50) as peer:
        yield peer


@pytest.fixture
def caller(server: LocalServer) -> Iterator[socket.socket]:
    with called(server, 20) as peer:
        yield peer


def is_hung_up_on(peer: socket.socket) -> bool:
    try:
        while peer.recv(4096):
            pass
    except ConnectionResetError:
        return True
    return True


SAID = {
    "garbage": os.urandom(4000),
    "length of 2^63": struct.pack("!Q", 1 << 63),
    "a wrong answer": framed(b"0" * 40),
    "the secret of ppft that everybody knows": None,
    "a web browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_a_stranger_is_hung_up_on_and_the_server_serves_on(
    server: LocalServer, caller: socket.socket, said: bytes | None
) -> None:
    assert read_message(caller) == VERSION
    challenge = read_message(caller)
    if said is None:
        said = framed(hashlib.sha1(challenge + ppft.Server.default_secret.encode()).hexdigest().encode())
    caller.sendall(said)
    assert is_hung_up_on(caller)
    assert serves_on(server)


def test_many_silent_callers_keep_nobody_out(server: LocalServer) -> None:
    port = int(server.address.split(":")[1])
    silent = [socket.create_connection(("localhost", port)) for _ in range(100)]
    try:
        assert serves_on(server)
    finally:
        for peer in silent:
            peer.close()


@pytest.fixture
def line(server: LocalServer) -> Iterator[ppft_line.Line]:
    """A caller that knows the secret, and may say what it likes."""
    made = ppft_line.Line(socket.socket())
    secret = (known_servers.recall(server.address) or "").encode()
    ppft_line.knock(made, known_servers.canonical(server.address), secret, "EXEC")
    made.socket.settimeout(20)
    yield made
    made.close()


def test_source_text_is_never_run(server: LocalServer, line: ppft_line.Line, tmp_path: Path) -> None:
    source = f"def f():\n    open({str(tmp_path / 'boom')!r}, 'w')\n"
    function = pickle.dumps(("f", [source], ()), 2)
    line.socket.sendall(framed(b"N" + function) + framed(pickle.dumps((), 2)))
    assert is_hung_up_on(line.socket)
    assert not (tmp_path / "boom").exists()
    assert serves_on(server)


def arguments(path: Path) -> dict[str, bytes]:
    bomb = pickle.dumps((Bomb(path),), 4)
    head, tail = b"\x80\x04\x8e", b"\x85."
    inside = bomb[2:-2]
    return {
        "a pickle": bomb,
        "a pickle behind the head": head + struct.pack("<Q", 3) + b"abc" + inside + tail,
        "a wrong length": head + struct.pack("<Q", 1 << 63) + b"abc" + tail,
        "nothing": b"",
        "the head alone": head,
    }


@pytest.mark.parametrize("kind", sorted(arguments(Path("x"))))
def test_an_argument_of_another_shape_is_not_loaded(
    server: LocalServer, line: ppft_line.Line, tmp_path: Path, kind: str
) -> None:
    argument = arguments(tmp_path / "boom")[kind]
    line.socket.sendall(framed(b"N" + ppft_wire.FUNCTION) + framed(argument))
    assert is_hung_up_on(line.socket)
    assert not (tmp_path / "boom").exists()


def test_frames_that_are_not_signed_are_not_loaded(line: ppft_line.Line, tmp_path: Path) -> None:
    bomb = pickle.dumps(Bomb(tmp_path / "boom"))
    frame = struct.pack("<2sBBIQQ", b"pn", 1, 2, 0, len(bomb), 0) + bomb
    stranger = Signer(b"another key", b"job")
    line.socket.sendall(b"".join(bytes(piece) for piece in ppft_wire.call(stranger, [frame], True)))
    assert is_hung_up_on(line.socket)
    assert not (tmp_path / "boom").exists()


def test_an_order_that_is_not_signed_is_not_obeyed(line: ppft_line.Line) -> None:
    line.socket.sendall(ppft_wire.order(Signer(b"another key", b"order"), do="status"))
    assert is_hung_up_on(line.socket)


def test_an_order_that_came_before_is_not_obeyed(line: ppft_line.Line) -> None:
    status = ppft_wire.order(Signer(line.key, b"order"), do="status")
    line.socket.sendall(status)
    assert ppft_wire.is_word(read_message(line.socket))
    line.socket.sendall(status)
    assert is_hung_up_on(line.socket)


def test_a_caller_that_says_nothing_is_hung_up_on_in_time(silent: socket.socket) -> None:
    assert is_hung_up_on(silent)
