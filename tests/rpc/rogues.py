"""What the tests of rogues are made of: a bomb, a server that is none, and somebody in between."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pathos_nb import Pool, known_servers
from pathos_nb.server import LocalServer


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


def serves_on(server: LocalServer) -> bool:
    """Say whether a server still serves who knows its secret."""
    with Pool(f"ppft:{server.address}", nodes=1) as pool:
        return bool(pool.map(abs, [-1, -2]) == [1, 2])
