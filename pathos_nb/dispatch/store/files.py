"""Files that are there as a whole or not at all: written under another name, flushed, then named."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any

__all__ = ["write_atomically"]


def write_atomically(path: Path, parts: Iterable[Any]) -> None:
    """Write a file for this user only, which is there whole or not at all, whenever this process or the machine stops.

    Parameters
    ----------
    path : Path
        Where; a file that is there is replaced when the new one is whole.
    parts : iterable of bytes-like
        What is in it.

    Raises
    ------
    OSError
        The disk is full, or the folder is not there or may not be written; nothing has changed then.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(beside, flags, 0o600), "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """See that the name is on the disk too, where folders can be opened."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
