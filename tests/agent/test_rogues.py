"""Somebody on the way between pool and agent: what he changes, repeats, leaves out or puts in is found, and not used."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pathos_nb import Pool
from tests.agent.test_link import QUICK
from tests.rig import agents
from tests.rig.census import until
from tests.rig.sampling import seldom

pytestmark = pytest.mark.timeout(120)

Meddle = Callable[[bytes], bytes]


def nap(x: int) -> int:
    time.sleep(0.01)
    return x * x


class Relay(agents.LocalCarrier):
    """A carrier with somebody on the way, who does to one piece of what passes what he likes, once he is told to."""

    def __init__(self, command: Sequence[str]) -> None:
        super().__init__(command)
        inner, (self.sock, outer) = self.sock, socket.socketpair()
        self.meddling: dict[str, Meddle] = {}
        self.n_meddled = 0
        ways = ((outer, inner, "down"), (inner, outer, "up"))
        self._ends = (inner, outer)
        self._threads = [threading.Thread(target=self._carry, args=way, daemon=True) for way in ways]
        for thread in self._threads:
            thread.start()

    def _carry(self, source: socket.socket, sink: socket.socket, way: str) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(self._piece()):
                meddle = self.meddling.get(way)
                if meddle is not None and len(data) >= getattr(meddle, "least_bytes", 0):
                    del self.meddling[way]
                    self.n_meddled += 1
                    data = meddle(data)
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _piece(self) -> int:
        return 1 << 16

    def close(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        super().close()
        for thread in self._threads:
            thread.join(10)
        for end in self._ends:
            end.close()


MEDDLING: dict[str, Meddle] = {
    "a bit in the head": lambda data: bytes([data[0] ^ 1]) + data[1:],
    "a bit in the middle": lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 4]) + data[len(data) // 2 + 1 :]
    ),
    "twice": lambda data: data + data,
    "left out": lambda data: b"",
    "a huge length": lambda data: data[:16] + b"\xff" * 16 + data[32:],
    "garbage before": lambda data: b"GET / HTTP/1.1\r\n\r\n" * 9 + data,
}


EVERY_DAY = {("a bit in the middle", "up"), ("twice", "down")}  # the others take the same ways


@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("kind", MEDDLING)
def test_what_was_meddled_with_is_not_used_and_nothing_is_lost(
    kind: str, way: str, request: pytest.FixtureRequest
) -> None:
    if (kind, way) not in EVERY_DAY and not request.config.getoption("--everywhere"):
        pytest.skip("it takes seconds, and goes the same way as others: --everywhere runs it")
    opened: list[Relay] = []

    def carrier(command: Any) -> Relay:
        opened.append(Relay(command))
        return opened[-1]

    agents.register("relayed", carrier, settings=QUICK)
    with Pool("relayed", nodes=2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        run = pool.start(nap, range(60), chunksize=3)
        opened[0].meddling[way] = MEDDLING[kind]
        assert run.wait(100)
        assert run.result() == [x * x for x in range(60)]
        assert until(lambda: opened[0].n_meddled == 1 and len(opened) > 1, 60), "the link is a new one"


@pytest.mark.parametrize("way", ["down", *seldom("up")])
def test_a_part_that_is_left_out_of_something_long_is_found_too(way: str) -> None:
    """What follows is taken for the rest of it, and the signs of life would take minutes to fill it."""
    opened: list[Relay] = []

    def carrier(command: Any) -> Relay:
        opened.append(Relay(command))
        return opened[-1]

    agents.register("holey", carrier, settings=QUICK._replace(orphan_s=3.0))
    with Pool("holey", nodes=1) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        long = os.urandom(4_000_000)
        opened[0].meddling[way] = LeaveOut()
        assert pool.amap(bytes, [long]).get(100) == [long]
        assert until(lambda: opened[0].n_meddled > 0 and len(opened) > 1, 60), "the link is a new one"


class LeaveOut:
    """Leaves a piece out, the first that is large: signs of life come through."""

    least_bytes = 1 << 15

    def __call__(self, data: bytes) -> bytes:
        return b""


class Dripping(Relay):
    """One that gives a letter at a time, from when it is told to."""

    is_slow = False

    def _piece(self) -> int:
        return 1 if self.is_slow else 1 << 16


def test_what_comes_letter_by_letter_is_slow_and_nothing_else(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--everywhere"):
        pytest.skip("it takes seconds: --everywhere runs it")
    opened: list[Dripping] = []

    def carrier(command: Any) -> Relay:
        opened.append(Dripping(command))
        return opened[-1]

    agents.register("dripping", carrier, settings=QUICK._replace(beat_s=5.0))
    with Pool("dripping", nodes=1) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        opened[0].is_slow = True
        assert pool.map(nap, range(20)) == [x * x for x in range(20)]
        assert len(opened) == 1
