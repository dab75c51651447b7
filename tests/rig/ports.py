"""Ports that nobody else takes meanwhile: other tests, and whoever connects, are given theirs by the system."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["free_port", "refusing_port"]

LEAST, MOST = 20_000, 32_000  # the system gives those from 32768 on to who asks for any


def free_port() -> int:
    """Give a port of loopback that is free, and that the system gives to nobody: it may be taken later, or again."""
    while True:
        port = random.randrange(LEAST, MOST)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


@contextmanager
def refusing_port() -> Iterator[int]:
    """Give a port of loopback at which nobody listens, until the end of the block: it is taken, and that is all."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]
