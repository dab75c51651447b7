"""Bytes from one descriptor to another, in as few steps as can be: every other one that runs here waits for each.

From a pipe they are moved by the system where it can (Linux): `os.splice` moves pages, and this process need not touch
them. From a socket, which is no pipe and would need one in between, they are copied by one block of memory.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import Any

__all__ = ["move", "pour", "widen"]

BLOCK_BYTES = 1 << 20
POURED_BYTES = 1 << 18  # a socket of the system's keeps less
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)
_splice: Callable[[int, int, int], int] | None = getattr(os, "splice", None)


def move(source: Any, sink: Any, count: Callable[[int], object]) -> bool:
    """Move from one to the other until the end; one of them is a pipe.

    Parameters
    ----------
    source, sink : socket or file
        Blocking; nobody else reads the one or writes to the other.
    count : callable
        Is told how many bytes went.

    Returns
    -------
    bool
        Whether the end was reached; if not, the system does not move between such two, and nothing was moved.

    Raises
    ------
    OSError
        One of the two was closed.
    """
    has_begun = False
    while _splice is not None:
        try:
            n = _splice(source.fileno(), sink.fileno(), BLOCK_BYTES)
        except OSError as error:
            if has_begun or error.errno not in _CANNOT:
                raise
            return False
        if not n:
            return True
        has_begun = True
        count(n)
    return False


def pour(source: socket.socket, sink: socket.socket, count: Callable[[int], None]) -> None:
    """Copy from a socket to another until the end, by one block of memory.

    Parameters
    ----------
    source, sink : socket.socket
        Blocking; nobody else reads the one or writes to the other.
    count : callable
        Is told how many bytes went.

    Raises
    ------
    OSError
        One of the two was closed.

    Notes
    -----
    Measured between an ``ssh -L`` and its client: what a socket has been sent comes in one piece, of a hundred thousand
    bytes and more, and takes this process half the time that it took to splice it into a pipe, and from there on.
    """
    block = bytearray(POURED_BYTES)
    view = memoryview(block)
    while n := source.recv_into(block):
        sink.sendall(view[:n])
        count(n)


def widen(pipe: Any) -> None:
    """Have the system keep more of a pipe, so that the other end need not wait for this one so often."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, BLOCK_BYTES)
