"""A carrier by itself, with a far end that needs no host."""

from __future__ import annotations

import socket
import threading

import pytest

from pathos_nb.secure.carrier import Carrier

pytestmark = pytest.mark.timeout(60)


class Gone:
    """A command that ends while it is written to, as one does whose disk is full."""

    where = "me@node7"

    def __init__(self) -> None:
        self.is_over = threading.Event()

    def read(self) -> bytes:
        self.is_over.wait(50)
        return b""

    def read_error(self) -> bytes:
        return b""

    def flow_to(self, sink: socket.socket) -> None:
        """Leave it to `read`."""

    def write(self, data: memoryview) -> None:
        self.is_over.set()
        raise BrokenPipeError("Socket is closed")

    def end_input(self) -> None:
        """There is nobody."""

    def status(self, timeout: float) -> int:
        return 1

    def signal(self, name: str, pid: int) -> None:
        """There is nobody."""

    def lost(self) -> str:
        return ""

    def close(self) -> None:
        self.is_over.set()


def test_who_writes_to_a_command_that_has_ended_hears_of_it() -> None:
    carrier = Carrier(Gone(), None)
    try:
        with pytest.raises(BrokenPipeError):
            carrier.sock.sendall(b"x" * 50_000_000)  # more than what lies between the two holds
        assert carrier.wait_ended(30) and carrier.exit_status == 1
    finally:
        carrier.close()
