"""Bytes from one descriptor to another, moved by the system where it can (Linux): this process need not touch them.

A thread that reads and writes what comes has to have the interpreter for every block, and everybody else waits for it.
`os.splice` moves pages, and holds nothing; one end of it is always a pipe.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

__all__ = ["move", "move_by_pipe", "widen"]

BLOCK_BYTES = 1 << 20
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


def move_by_pipe(source: socket.socket, sink: socket.socket, count: Callable[[int], None]) -> bool:
    """Move from a socket to another until the end, by a pipe of our own; see `move`.

    Parameters
    ----------
    source, sink : socket.socket
        Blocking; nobody else reads the one or writes to the other.
    count : callable
        Is told how many bytes went.

    Returns
    -------
    bool

    Raises
    ------
    OSError
        One of the two was closed.
    """
    if _splice is None:
        return False
    splice = _splice
    with _pipe() as (out_end, in_end):

        def on(n_bytes: int) -> None:
            left = n_bytes
            while left:
                left -= splice(out_end.fileno(), sink.fileno(), left)
            count(n_bytes)

        return move(source, in_end, on)


@contextlib.contextmanager
def _pipe() -> Iterator[tuple[Any, Any]]:
    out_fd, in_fd = os.pipe()
    with os.fdopen(out_fd, "rb", 0) as out_end, os.fdopen(in_fd, "wb", 0) as in_end:
        widen(out_end)
        yield out_end, in_end


def widen(pipe: Any) -> None:
    """Have the system keep more of a pipe, so that the other end need not wait for this one so often."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, BLOCK_BYTES)
