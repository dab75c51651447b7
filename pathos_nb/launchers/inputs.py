"""A file of the caller's that items are to have, and whether it is seen from here."""

from __future__ import annotations

import os

from pathos_nb.typed import NamedTuple

__all__ = ["FOLDER", "Input", "is_here"]

FOLDER = "PATHOS_NB_FILES"
"""Where a worker finds the files that were carried to its machine."""


class Input(NamedTuple):
    """A file of the caller's: what it is called in an item's folder, and what it is told by.

    Attributes
    ----------
    name : str
        With folders, if it has any.
    path : str
        Where the caller has it.
    size, mtime_ns, inode : int
        As its file system tells.
    digest : str
        Of its content (SHA-256); empty if nobody is on another machine.
    """

    name: str
    path: str
    size: int
    mtime_ns: int
    inode: int
    digest: str = ""

    def is_told_by(self, found: os.stat_result) -> bool:
        """Whether that is this file, as it was when it was looked at."""
        return (found.st_size, found.st_mtime_ns, found.st_ino) == (self.size, self.mtime_ns, self.inode)


def is_here(told: Input) -> bool:
    """Whether the caller's very file is seen from here, unchanged."""
    try:
        return told.is_told_by(os.stat(told.path))  # noqa: PTH116 - once an item
    except OSError:
        return False
