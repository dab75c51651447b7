"""What a host has of a pool elsewhere: the user's own modules, and the surroundings that its workers take over."""

from __future__ import annotations

import hashlib
import os
import sys
from typing import Any

__all__ = ["BesideStore", "far_context"]


class BesideStore:
    """The user's modules on a host: an archive in memory; on disk, while the agent lives, where there is no such."""

    def __init__(self) -> None:
        self.path, self._digest = "", b""
        self._files: list[int] = []
        self._folder: Any = None

    def put(self, data: bytes) -> None:
        """Take a new archive in place of the last."""
        digest = hashlib.sha256(data).digest()
        if digest == self._digest:
            return
        self._digest = digest
        # The old one stays open: its number must not name the new one, of which importers would keep the old index.
        self.path = self._in_memory(data) if hasattr(os, "memfd_create") else self._on_disk(data)

    def _in_memory(self, data: bytes) -> str:
        fd = os.memfd_create("pathos_nb-beside")
        self._files.append(fd)
        with os.fdopen(fd, "wb", closefd=False) as file:
            file.write(data)
        return f"/proc/{os.getpid()}/fd/{fd}"

    def _on_disk(self, data: bytes) -> str:
        import tempfile

        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="pathos_nb-")
        path = f"{self._folder.name}/{self._digest.hex()[:16]}.zip"
        with open(path, "wb") as file:  # noqa: PTH123 - this file is also read where pathlib is not loaded
            file.write(data)
        return path

    def close(self) -> None:
        """Let go of it."""
        for fd in self._files:
            os.close(fd)
        self._files.clear()
        if self._folder is not None:
            self._folder.cleanup()


def far_context(sent: tuple[Any, ...], here: tuple[Any, ...] | None, beside: str) -> tuple[Any, ...]:
    """Make of what a pool elsewhere sent what a worker here takes over.

    Parameters
    ----------
    sent : tuple
        What `OwnContext` gave there.
    here : tuple
        What the launcher here would give by itself.
    beside : str
        Where the pool's modules are; empty if there are none.

    Returns
    -------
    tuple
        Current folder, module path, environment, hooks.
    """
    folder, local, changed, hooks = sent[:4]
    own_folder, path, environ, _ = here or ("/", list(sys.path), dict(os.environ), [])
    shared = [entry for entry in local if entry not in path and os.path.isdir(entry)]  # noqa: PTH112 - for each run
    environ = {name: value for name, value in environ.items() if changed.get(name, "") is not None}
    environ.update({name: value for name, value in changed.items() if value is not None})
    found = os.path.isdir(folder) and os.access(folder, os.X_OK)  # noqa: PTH112 - for each run
    first = [beside] if beside else []
    return (folder if found else own_folder), [*first, *path, *shared], environ, hooks
