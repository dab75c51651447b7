"""What looks after a way by ``ssh -L`` outlives what is done to it meanwhile: closed, or led elsewhere under the look."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from pathos_nb.errors import HostUnreachable
from pathos_nb.secure.ssh_forward import SshForward
from tests.rig.bed import wait_until


class Carrier:
    """One whose far end is here, and says each byte again, if it is one that answers."""

    def __init__(self, *, answers: bool) -> None:
        self.sock, self._far = socket.socketpair()
        self.is_asked = threading.Event()
        self._thread = threading.Thread(target=self._echo, args=(answers,))
        self._thread.start()

    def _echo(self, answers: bool) -> None:
        while data := self._far.recv(1):
            self.is_asked.set()
            if answers:
                self._far.sendall(data)

    def why_ended(self) -> str:
        return ""

    def close(self) -> None:
        """End it; the socket is closed later, as a true carrier's: else its number is the next one's under who reads it."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._far.close()


class Host:
    """A host whose first way does not answer, and the next ones do; its ssh is an old one, which listens itself."""

    where = name = "node7"
    master = None

    @property
    def ssh(self) -> Host:
        return self

    def tells_of_endings(self) -> bool:
        return False

    def __init__(self) -> None:
        self.made: list[Carrier] = []

    def open_beside(self, *_: object) -> Carrier:
        self.made.append(Carrier(answers=bool(self.made)))
        return self.made[-1]


@pytest.fixture
def host() -> Iterator[Host]:
    host = Host()
    yield host
    for carrier in host.made:
        carrier.sock.close()


@pytest.fixture
def forward(host: Host) -> Iterator[SshForward]:
    made = SshForward(host, ("localhost",), 9)  # type: ignore[arg-type]
    yield made
    made.close()


def test_who_looks_while_it_is_led_elsewhere_looks_at_the_new_way(host: Host, forward: SshForward) -> None:
    found: list[Any] = []
    looking = threading.Thread(target=lambda: found.append(forward.round_trip(60.0)))
    looking.start()
    assert wait_until(host.made[0].is_asked.is_set)
    forward.lead_to(10)
    looking.join(30)
    assert found and 0 < found[0] < 60


def test_one_that_was_closed_is_lost_and_not_a_fault(host: Host, forward: SshForward) -> None:
    host.made[0].close()
    with pytest.raises(HostUnreachable, match="the link to node7 was lost"):
        forward.round_trip(1.0)
    forward.mended()
    assert forward.round_trip(30.0) > 0
