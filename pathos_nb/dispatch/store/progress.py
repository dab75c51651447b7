"""When a store's writer was last seen to come on: what tells a disk that takes nothing from one that is busy."""

from __future__ import annotations

import time

__all__ = ["Progress"]


class Progress:
    """The writer's latest step, of whichever run: a transaction of half a million points has many."""

    __slots__ = ("_at_s",)

    def __init__(self) -> None:
        self._at_s = time.monotonic()

    def step(self) -> None:
        """Say that something was written, or made ready to be."""
        self._at_s = time.monotonic()

    @property
    def still_s(self) -> float:
        """For how long there was none, in seconds."""
        return time.monotonic() - self._at_s
