"""What carries bytes: windows that grow as the way is long, and streams that the system moves."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from pathos_nb.secure import moving
from pathos_nb.secure.credit import FIRST_BYTES, LONGEST_BYTES, Credit

DATA = os.urandom(3 << 20)


def grown(trip_s: float, window_s: Callable[[int], float], n_windows: int = 12) -> int:
    """Give the window after some windows' worth of data, each of which took so long."""
    now = [0.0]
    credit = Credit(trip_s, lambda: now[0])
    for _ in range(n_windows):
        now[0] += window_s(credit.window_bytes)
        credit.more(credit.window_bytes)
    return credit.window_bytes


def test_a_window_grows_while_the_host_waits_for_leave_to_send():
    assert grown(0.02, lambda _: 0.025) == LONGEST_BYTES


def test_a_window_stays_where_something_else_is_slow():
    assert grown(0.02, lambda n: n / 40e6) == FIRST_BYTES


def test_a_window_grows_as_far_as_it_helps():
    assert FIRST_BYTES < grown(0.02, lambda n: max(0.025, n / 400e6)) < LONGEST_BYTES


def test_what_is_granted_is_the_growth():
    now = [0.0]
    credit = Credit(1.0, lambda: now[0])
    assert credit.more(FIRST_BYTES - 1) == 0
    assert credit.more(1) == FIRST_BYTES
    assert credit.window_bytes == 2 * FIRST_BYTES


def received(sock: socket.socket) -> tuple[bytearray, threading.Thread]:
    found = bytearray()

    def read() -> None:
        while block := sock.recv(1 << 16):
            found.extend(block)

    thread = threading.Thread(target=read)
    thread.start()
    return found, thread


def by_pipe(sink: socket.socket, count: Callable[[int], Any]) -> bool:
    out_fd, in_fd = os.pipe()
    with os.fdopen(out_fd, "rb", 0) as source:
        writer = threading.Thread(target=lambda: written(in_fd))
        writer.start()
        is_moved = moving.move(source, sink, count)
        if not is_moved:
            while block := source.read(1 << 16):
                sink.sendall(block)
        writer.join()
    return is_moved


def written(fd: int) -> None:
    with os.fdopen(fd, "wb") as pipe:
        pipe.write(DATA)


def by_socket(sink: socket.socket, count: Callable[[int], Any]) -> bool:
    theirs, source = socket.socketpair()
    with theirs, source:
        writer = threading.Thread(target=lambda: (theirs.sendall(DATA), theirs.shutdown(socket.SHUT_WR)))
        writer.start()
        moving.pour(source, sink, count)
        writer.join()
    return True


@pytest.mark.parametrize(("way", "can"), [(by_pipe, True), (by_pipe, False), (by_socket, True)])
def test_all_of_it_arrives_whether_the_system_moves_it_or_not(way, can, monkeypatch):
    if can and moving._splice is None:
        pytest.skip("this system has no splice")
    if not can:
        monkeypatch.setattr(moving, "_splice", cannot)
    sink, end = socket.socketpair()
    counted: list[int] = []
    with sink, end:
        found, reader = received(end)
        assert way(sink, counted.append) is can
        sink.shutdown(socket.SHUT_WR)
        reader.join(20)
    assert found == DATA
    assert sum(counted) == (len(DATA) if can else 0)


def cannot(*_: int) -> int:
    raise OSError(errno.EINVAL, "not between such two")


def test_a_sink_that_is_closed_is_an_error():
    sink, end = socket.socketpair()
    end.close()
    theirs, source = socket.socketpair()
    with sink, theirs, source, pytest.raises(BrokenPipeError):
        theirs.sendall(b"for nobody")
        moving.pour(source, sink, bool)
