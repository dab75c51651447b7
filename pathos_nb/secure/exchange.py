"""All of a command's input sent, and all of its output read, at the same time."""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from typing import Any

from pathos_nb.secure.ends import Ends

__all__ = ["exchange"]

BLOCK_BYTES = 1 << 18
FOREVER_S = 1e6


def exchange(sock: socket.socket, stdin: bytes, deadline: float | None, into: Ends | None = None) -> bytes | None:
    """Send all of stdin and read all of stdout; None if the deadline passes before."""
    sock.setblocking(False)
    unsent = memoryview(stdin)
    blocks: bytearray | Ends = bytearray() if into is None else into
    with selectors.DefaultSelector() as selector:
        selector.register(sock, selectors.EVENT_READ | selectors.EVENT_WRITE)
        while (left := deadline - time.monotonic() if deadline else FOREVER_S) > 0:
            for _, events in selector.select(left):
                if events & selectors.EVENT_WRITE:
                    unsent = _send_some(sock, unsent, selector)
                if events & selectors.EVENT_READ:
                    block = _receive_some(sock)
                    if block == b"":
                        return bytes(blocks)
                    blocks.extend(block or b"")
    return None


def _send_some(sock: socket.socket, unsent: memoryview, selector: selectors.BaseSelector) -> memoryview:
    with contextlib.suppress(BlockingIOError):
        if unsent:
            unsent = unsent[sock.send(unsent) :]
    if not unsent:
        sock.shutdown(socket.SHUT_WR)
        selector.modify(sock, selectors.EVENT_READ)
    return unsent


def _receive_some(sock: socket.socket) -> Any:
    """Give a block, an empty one at the end, None if there is none yet."""
    with contextlib.suppress(BlockingIOError):
        return sock.recv(BLOCK_BYTES)
    return None
