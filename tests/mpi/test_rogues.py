"""Callers at the door by which ranks come in, who are none: they are hung up on, and the pool works on."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb import Pool
from pathos_nb.launchers import mpi_jobs
from tests.rig.census import until

pytestmark = [
    pytest.mark.timeout(120),
    pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the door lies in a folder of this user's alone"),
]


def doors() -> set[str]:
    """Give the doors of this process, as anybody on this machine can see them."""
    own = {os.readlink(path) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}
    known = re.findall(r"(\d+) @(pathos_nb-[0-9a-f]{16})$", Path("/proc/net/unix").read_text(), re.MULTILINE)
    return {name for inode, name in known if f"socket:[{inode}]" in own}


@pytest.fixture(scope="module")
def before() -> set[str]:
    return doors()


@pytest.fixture(scope="module")
def pool(before: set[str]) -> Iterator[Pool]:
    with Pool("mpi", nodes=1) as held:
        assert held.map(abs, [-1]) == [1]
        yield held


@pytest.fixture(scope="module")
def door(before: set[str], pool: Pool) -> str:
    [name] = doors() - before
    return f"\0{name}"


@pytest.fixture
def caller(door: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(door)
        yield peer


def is_hung_up_on(pool: Pool, peer: socket.socket) -> bool:
    """Whether a caller is, while the pool is at work: it looks at its door then."""
    peer.settimeout(0.05)

    def has_ended() -> bool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        try:
            return peer.recv(4096) == b""
        except TimeoutError:
            return False
        except (ConnectionResetError, BrokenPipeError):
            return True

    return until(has_ended, 60)


SAID = {
    "garbage": bytes(range(256)) * 16 + b"\n",
    "no line at all": b"x" * 300,
    "a huge number": b"keeper 1 " + b"9" * 100 + b"\n",
    "words that are no numbers": b"keeper one two\n",
    "no words": b"\n",
    "letters of no alphabet": b"\xff\xfe 1 2\n",
    "a job that there is not": b"keeper 4711 1\n",
    "a rank more than a job has": b"keeper 1 1\n",
    "another verb": b"exit 1 0\n",
    "a web browser": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.leaves("children", "threads", "files")  # the module's pool
@pytest.mark.parametrize("said", SAID.values(), ids=SAID.keys())
def test_who_is_no_keeper_is_hung_up_on_and_handed_nothing(pool: Pool, caller: socket.socket, said: bytes) -> None:
    caller.sendall(said)
    assert is_hung_up_on(pool, caller)


@pytest.mark.leaves("children", "threads", "files")
def test_who_says_it_letter_by_letter_is_hung_up_on_all_the_same(pool: Pool, caller: socket.socket) -> None:
    for _ in range(300):
        try:
            caller.sendall(b"x")
        except (BrokenPipeError, ConnectionResetError):
            break
        pool.map(abs, [-1])
    assert is_hung_up_on(pool, caller)


@pytest.mark.leaves("children", "threads", "files")
def test_who_says_nothing_is_hung_up_on_in_time(pool: Pool, door: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mpi_jobs, "_SILENT_S", 0.05)
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(door)
        assert is_hung_up_on(pool, peer)


AS_ANOTHER = """
import os, socket, sys
os.setgid(65534), os.setuid(65534)
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(60)
peer.connect("\\0" + sys.argv[1])
try:
    peer.sendall(b"keeper 1 1\\n")
    print(peer.recv(100))
except (BrokenPipeError, ConnectionResetError):
    print(b"")
"""


@pytest.mark.leaves("children", "threads", "files")
@pytest.mark.skipif(os.getuid() != 0, reason="only root can be another user")
def test_another_user_does_not_come_in(pool: Pool, door: str) -> None:
    command = [sys.executable, "-c", AS_ANOTHER, door[1:]]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
        assert until(lambda: pool.map(abs, [-1]) == [1] and other.poll() is not None, 60)
        assert other.stdout is not None and other.stdout.read() == "b''\n"
