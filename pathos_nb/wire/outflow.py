"""Writing what waits to a stream that does not block, as far as it takes it."""

from __future__ import annotations

TYPE_CHECKING = False  # an agent's start waits for this file, so it loads little
if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from pathos_nb.wire.framing import Buffer

__all__ = ["write_some"]

_AT_ONCE_BYTES = 1 << 20


def write_some(unsent: deque[Buffer], write: Callable[[memoryview], int]) -> None:
    """Write pieces, the first one first, until none is left or the stream is full; what was not taken stays.

    Parameters
    ----------
    unsent : deque of bytes-like
        What waits.
    write : callable
        Takes some bytes, and gives how many of them the stream took.

    Raises
    ------
    OSError
        The stream is broken.
    """
    try:
        while unsent:
            piece = memoryview(unsent[0])
            n = write(piece[:_AT_ONCE_BYTES])
            if n < len(piece):
                unsent[0] = piece[n:]
            else:
                unsent.popleft()
    except BlockingIOError:
        return
