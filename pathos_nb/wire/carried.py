"""Shared values on a host: copies of sealed memory that an agent holds for its workers.

Sealed memory is opened by its owner's process and descriptor, which mean nothing on another machine. The agent there
holds a copy under a name made of the key; the workers know the agent's process by a variable.
"""

from __future__ import annotations

import os

__all__ = ["HOLDER", "Holder", "carried_path"]

HOLDER = "PATHOS_NB_HOLDER"
_NAME = "pathos_nb-carried-"


def carried_path(key: bytes) -> str | None:
    """Give the path of a copy that this worker's agent holds; None if there is no agent, or no such copy."""
    holder = os.environ.get(HOLDER, "")
    if not holder.isdigit():
        return None
    folder, wanted = f"/proc/{holder}/fd", _NAME + key.hex()
    try:
        for number in os.listdir(folder):  # noqa: PTH208 - a worker loads no pathlib for it
            if wanted in os.readlink(f"{folder}/{number}"):  # noqa: PTH115 - a worker loads no pathlib for it
                return f"{folder}/{number}"
    except OSError:
        return None
    return None


class Holder:
    """The copies that an agent holds, in memory that nothing is left of when it ends."""

    def __init__(self) -> None:
        self._held: dict[bytes, int] = {}

    def put(self, key: bytes, data: bytes | bytearray | memoryview) -> None:
        """Take a copy in."""
        if key in self._held or not hasattr(os, "memfd_create"):
            return
        fd = os.memfd_create(_NAME + key.hex())
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(fd, rest[: 1 << 30]) :]
        except OSError:  # no memory for it: who wants it is told that it is not there
            os.close(fd)
            return
        self._held[key] = fd

    def drop(self, key: bytes) -> None:
        """Let a copy go; who has it open keeps it."""
        fd = self._held.pop(key, -1)
        if fd >= 0:
            os.close(fd)

    def close(self) -> None:
        """Let all of them go."""
        for key in list(self._held):
            self.drop(key)
