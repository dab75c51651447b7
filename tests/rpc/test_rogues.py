"""Peers that are not what they should be, on either side and in between: nothing of theirs is loaded, and nothing hangs."""

from __future__ import annotations

import hashlib
import os
import pickle
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ppft
import pytest

from pathos_nb import Pool, known_servers
from pathos_nb.errors import PathosNbError
from pathos_nb.launchers import ppft_line, ppft_wire
from pathos_nb.launchers.ppft_call import ask
from pathos_nb.parallel import ParallelPool
from pathos_nb.server import LocalServer
from pathos_nb.wire.signing import Signer

VERSION = ppft.__version__.encode()


class Bomb:
    """Whoever unpickles it makes the file."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> Any:
        return open, (self.path, "w")


def framed(message: bytes) -> bytes:
    return struct.pack("!Q", len(message)) + message


def read_message(peer: socket.socket) -> bytes:
    head = b""
    while len(head) < 8:
        head += peer.recv(8 - len(head)) or b"\0" * 8
    size, data = struct.unpack("!Q", head[:8])[0], b""
    while len(data) < size and (piece := peer.recv(size - len(data))):
        data += piece
    return data


# --- servers that are none ---


class Rogue:
    """Listens, and does to each caller what it is told."""

    def __init__(self, act: Callable[[socket.socket], None]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self._listening.getsockname()[1]}"
        self._act, self._peers = act, list[socket.socket]()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._listening.accept()
            except OSError:
                return
            self._peers.append(peer)
            peer.settimeout(10)
            try:
                self._act(peer)
            except OSError:
                continue

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for peer in self._peers:
            peer.close()
        self._thread.join(20)


def login(peer: socket.socket) -> None:
    peer.sendall(framed(VERSION) + framed(b"challenge"))
    read_message(peer)
    peer.sendall(framed(b"OK"))
    read_message(peer)


def says_nothing(peer: socket.socket) -> None:
    pass


def hangs_up(peer: socket.socket) -> None:
    peer.close()


def garbage(peer: socket.socket) -> None:
    peer.sendall(os.urandom(5000))


def is_a_web_server(peer: socket.socket) -> None:
    peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def length_of_2_63(peer: socket.socket) -> None:
    peer.sendall(struct.pack("!Q", 1 << 63))


def half_a_message(peer: socket.socket) -> None:
    peer.sendall(struct.pack("!Q", 5) + VERSION[:2])


def another_version(peer: socket.socket) -> None:
    peer.sendall(framed(b"1.6.4"))


def proves_nothing(peer: socket.socket) -> None:
    login(peer)
    peer.sendall(framed(os.urandom(16) + b"W" + os.urandom(40) + b"{}"))


def length_of_2_63_after_the_login(peer: socket.socket) -> None:
    login(peer)
    peer.sendall(struct.pack("!Q", 1 << 63))


def says_ok_and_then_nothing(peer: socket.socket) -> None:
    login(peer)


ROGUES = [
    says_nothing, hangs_up, garbage, is_a_web_server, length_of_2_63, half_a_message, another_version, proves_nothing,
    length_of_2_63_after_the_login, says_ok_and_then_nothing,
]  # fmt: skip


@pytest.mark.parametrize("act", ROGUES, ids=lambda f: f.__name__)
def test_a_rogue_server_is_left_out_in_time(act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ppft_line.Line.__init__, "__defaults__", (2.0,))
    rogue = Rogue(act)
    try:
        known_servers.remember(rogue.address, "secret")
        begun = time.monotonic()
        with pytest.warns(UserWarning, match=f"no server of ours answers at {rogue.address}: it is left out"):
            pool = ParallelPool(1, servers=(rogue.address,))
        assert time.monotonic() - begun < 20
        assert pool.pipe(abs, -1) == 1
    finally:
        rogue.close()


def test_a_pickle_in_place_of_the_servers_word_is_not_loaded(tmp_path: Path) -> None:
    bomb = pickle.dumps((Bomb(tmp_path / "boom"), ""))

    def act(peer: socket.socket) -> None:
        login(peer)
        peer.sendall(framed(bomb) + framed(b"W" + bomb))

    rogue = Rogue(act)
    try:
        host, port = known_servers.canonical(rogue.address)
        with pytest.raises(OSError, match="not proven that it knows the secret"):
            ask((host, port), b"secret")
    finally:
        rogue.close()
    assert not (tmp_path / "boom").exists()


def test_what_a_true_server_said_once_proves_nothing_to_the_next_caller(server: LocalServer) -> None:
    """A stranger records a login, and plays it to another caller."""
    said: list[bytes] = []
    with Relay(server, heard_up=said.append) as relay:
        host, port = known_servers.canonical(relay.address)
        secret = (known_servers.recall(server.address) or "").encode()
        assert ask((host, port), secret)["nodes"] == 2
    rogue = Rogue(lambda peer: peer.sendall(b"".join(said)))
    try:
        with pytest.raises(OSError, match="not proven that it knows the secret"):
            ask(known_servers.canonical(rogue.address), secret)
    finally:
        rogue.close()


# --- callers that are none ---


@pytest.fixture
def caller(server: LocalServer) -> Iterator[socket.socket]:
    with socket.create_connection(("localhost", int(server.address.split(":")[1])), timeout=20) as peer:
        yield peer


def serves_on(server: LocalServer) -> bool:
    with Pool(f"ppft:{server.address}", nodes=1) as pool:
        return bool(pool.map(abs, [-1, -2]) == [1, 2])


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


def test_a_caller_that_says_nothing_is_hung_up_on_in_time(server: LocalServer, caller: socket.socket) -> None:
    begun = time.monotonic()
    assert is_hung_up_on(caller)
    assert time.monotonic() - begun < 20


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


# --- somebody in between ---


class Relay:
    """Carries bytes between callers and a server, and lets a test meddle."""

    def __init__(
        self,
        server: LocalServer,
        down: Callable[[bytes], bytes] = bytes,
        up: Callable[[bytes], bytes] = bytes,
        heard_up: Callable[[bytes], object] = bytes,
    ) -> None:
        self._target = ("localhost", int(server.address.split(":")[1]))
        self._down, self._up, self._heard_up = down, up, heard_up
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"localhost:{self._listening.getsockname()[1]}"
        known_servers.remember(self.address, known_servers.recall(server.address) or "")
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._serve)]
        self._threads[0].start()

    def _serve(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [near, far]
            for way in ((near, far, self._down, bytes), (far, near, self._up, self._heard_up)):
                self._threads.append(threading.Thread(target=self._carry, args=way))
                self._threads[-1].start()

    @staticmethod
    def _carry(source: socket.socket, sink: socket.socket, meddle: Any, heard: Any) -> None:
        try:
            while data := source.recv(1 << 16):
                heard(data)
                sink.sendall(meddle(data))
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *exc: object) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for one in self._sockets:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(20)
        for one in self._sockets:
            one.close()


def marked(path: str, x: int) -> int:
    with open(path, "a") as file:
        file.write(f"{x}\n")
    return x


def flipped_in(marker: bytes) -> Callable[[bytes], bytes]:
    """Change a byte behind the marker, wherever it passes."""

    def meddle(data: bytes) -> bytes:
        at = data.find(marker)
        if at < 0 or at + 60 > len(data):
            return data
        return data[: at + 55] + bytes([data[at + 55] ^ 1]) + data[at + 56 :]

    return meddle


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_changed_byte_is_noticed_and_nothing_of_it_is_used(server: LocalServer, way: str) -> None:
    marker = b"\x80\x04\x8e" if way == "down" else b"\x80\x03"
    with Relay(server, **{way: flipped_in(marker)}) as relay, Pool(f"ppft:{relay.address}", nodes=1) as pool:
        with pytest.raises(PathosNbError, match=r"died|gives no workers"):
            pool.map(abs, [-1], retries=0)
        pool.terminate()


def test_a_job_that_is_played_again_is_not_done_again(server: LocalServer, tmp_path: Path) -> None:
    path = tmp_path / "marks"

    def twice(data: bytes) -> bytes:
        return data + data if ppft_wire.FUNCTION in data else data

    with Relay(server, down=twice) as relay, Pool(f"ppft:{relay.address}", nodes=1) as pool:
        run = pool.start(marked, [str(path)], [7], retries=0)
        assert run.wait(40)
        pool.terminate()
    assert not path.exists() or path.read_text() == "7\n"


def test_a_relay_that_does_nothing_is_a_tunnel(server: LocalServer) -> None:
    with Relay(server) as relay, ParallelPool(0, servers=(relay.address,)) as pool:
        assert pool.map(abs, range(-300, 0)) == list(range(300, 0, -1))
        pool.clear()
