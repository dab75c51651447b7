"""A function as bytes: it goes on to the workers as it came, and is loaded there only."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from pathos_nb.wire.quick import loads

__all__ = ["Packed", "unpack"]


class Packed:
    """What is called, as it was pickled in the kernel.

    Parameters
    ----------
    body : bytes
        The pickle of (function, fixed keyword arguments).
    buffers : sequence of bytes
        Its large buffers.
    """

    def __init__(self, body: bytes, buffers: Sequence[bytes]) -> None:
        self._parts = body, tuple(buffers)

    def __call__(self, *args: Any) -> Any:
        """Load it and call it; workers have the function itself instead."""
        return unpack(*self._parts)(*args)

    def __reduce__(self) -> tuple[Any, ...]:
        return unpack, self._parts


def unpack(body: bytes, buffers: Sequence[bytes]) -> Any:
    """Give the function."""
    function, kwargs = loads(body, buffers=buffers)
    return functools.partial(function, **kwargs) if kwargs else function
