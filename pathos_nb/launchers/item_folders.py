"""The folders in which items run that have files, and how they go when a worker is killed under one.

A folder's name tells its machine, the process that keeps the worker, and the worker: who sees a worker end clears away
what it has left.
"""

from __future__ import annotations

import os

__all__ = ["clear", "folder_of_this"]

_NAME = "pathos_nb-item"


def folder_of_this() -> str:
    """Make an empty folder for an item of this worker.

    Returns
    -------
    str

    Raises
    ------
    OSError
        There is no room.
    """
    import tempfile

    return tempfile.mkdtemp(prefix=_beginning(os.getppid(), os.getpid()), dir=_above())


def clear(pid: int | None = None) -> None:
    """Clear away what a worker of this process has left; what all of them have if none is named."""
    beginning = _beginning(os.getpid(), pid)
    try:
        with os.scandir(_above()) as entries:
            left = [entry.path for entry in entries if entry.name.startswith(beginning)]
    except OSError:
        return
    for path in left:
        _remove(path)


def _above() -> str:
    return os.environ.get("TMPDIR") or "/tmp"


def _beginning(keeper: int, worker: int | None) -> str:
    begin = f"{_NAME}-{os.uname().nodename}-{keeper}-"
    return begin if worker is None else f"{begin}{worker}-"


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
