"""Servers that are none: they are left out in time, and nothing of theirs is loaded."""

from __future__ import annotations

import os
import pickle
import socket
import struct
import time
from pathlib import Path
from typing import Any

import ppft
import pytest

from pathos_nb import known_servers
from pathos_nb.launchers import ppft_line
from pathos_nb.launchers.ppft_call import ask
from pathos_nb.parallel import ParallelPool
from pathos_nb.server import LocalServer
from tests.rpc.rogues import Bomb, Relay, Rogue, framed, read_message

VERSION = ppft.__version__.encode()


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


def a_letter_at_a_time(peer: socket.socket) -> None:
    """Say what a server would, but so slowly that each letter comes in time, and all of it never."""
    told = framed(VERSION) + framed(b"x" * 500)
    for at in range(len(told)):
        peer.sendall(told[at : at + 1])
        time.sleep(0.1)


ROGUES = [
    says_nothing, hangs_up, garbage, is_a_web_server, length_of_2_63, half_a_message, another_version, proves_nothing,
    length_of_2_63_after_the_login, says_ok_and_then_nothing, a_letter_at_a_time,
]  # fmt: skip


@pytest.mark.parametrize("act", ROGUES, ids=lambda f: f.__name__)
def test_a_rogue_server_is_left_out_in_time(act: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ppft_line.Line.__init__, "__defaults__", (2.0,))
    rogue = Rogue(act)
    try:
        known_servers.remember(rogue.address, "secret")
        with pytest.warns(UserWarning, match=f"no server of ours answers at {rogue.address}: it is left out"):
            pool = ParallelPool(1, servers=(rogue.address,))
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
