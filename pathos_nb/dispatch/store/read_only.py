"""A store on a disk that cannot be written: opened so that its runs can be listed and loaded.

SQLite keeps, beside a file with a write-ahead log, the log and an index of it, and makes both when it opens the file.
Where it cannot, it reads a log that is there with its index, or a file without a log that is said to change no more.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from pathos_nb.errors import StoreError

if TYPE_CHECKING:
    import sqlite3

__all__ = ["connected", "is_read_only"]


def is_read_only(path: Path) -> bool:
    """Whether a store is there that can be read, and not written where it lies.

    Parameters
    ----------
    path : Path
        Its file.

    Returns
    -------
    bool
        False if there is none.
    """
    return os.access(path, os.R_OK) and not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def connected(path: Path) -> sqlite3.Connection:
    """Open a store to read it.

    Parameters
    ----------
    path : Path
        Its file.

    Returns
    -------
    sqlite3.Connection
        What would write raises SQLite's own error.

    Raises
    ------
    StoreError
        What was written last is in a log that cannot be read there.
    sqlite3.Error
        It is damaged.
    """
    import sqlite3

    try:
        return _tried(path, "mode=ro")
    except sqlite3.OperationalError as error:
        log = path.with_name(f"{path.name}-wal")
        with contextlib.suppress(OSError):
            if log.stat().st_size:
                what = f"the store {path} has what was written last in its log, which cannot be read on such a disk"
                cure = f"copy both to another disk (cp {path}* FOLDER): %pathos runs FOLDER/{path.name}"
                raise StoreError(what, cause=str(error), cure=cure) from error
    return _tried(path, "immutable=1")


def _tried(path: Path, how: str) -> sqlite3.Connection:
    import sqlite3

    address = f"file:{quote(str(path))}?{how}"
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection
