"""Room that a store keeps for itself: on a full disk even forgetting has to write a little first."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["RESERVE_BYTES", "Reserve"]

RESERVE_BYTES = 1 << 20


class Reserve:
    """A file of zeros beside a store, which is given up while runs are forgotten.

    Parameters
    ----------
    path : Path
        The store's file.
    is_held : bool
        Not so of a store that is only read.
    """

    def __init__(self, path: Path, *, is_held: bool = True) -> None:
        self.path, self._is_held = path.with_name(f"{path.name}.reserve"), is_held
        self.hold()

    def hold(self) -> None:
        """Take the room, where there is some: without it the store works all the same."""
        if not self._is_held:
            return
        with contextlib.suppress(OSError):
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                if os.fstat(descriptor).st_size != RESERVE_BYTES:
                    os.write(descriptor, bytes(RESERVE_BYTES))
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def given_up(self) -> Iterator[None]:
        """Have the room for something else, inside the block."""
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
        try:
            yield
        finally:
            self.hold()
