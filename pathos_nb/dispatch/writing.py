"""Files that a user asks for: why one cannot be written, in words that say what to do."""

from __future__ import annotations

import errno
from pathlib import Path

from pathos_nb.errors import CannotWrite

__all__ = ["Writing", "writing"]

_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Writing:
    """The block of `writing`: a class, so that what it raises has no frames but ours, which are cut off.

    Parameters
    ----------
    path : Path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Say why, if that is what has happened."""
        if isinstance(error, OSError) and not isinstance(error, CannotWrite):
            cause, cure = _why(self._path, error)
            told = CannotWrite(f"{self._path} cannot be written", cause=cause, cure=cure)
            told.errno, told.strerror, told.filename = error.errno, error.strerror, str(self._path)
            raise told from None


def writing(path: Path) -> Writing:
    """Say in plain words, inside the block, why a file cannot be written.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Writing
        For ``with``.

    Raises
    ------
    CannotWrite
        In place of any other error of the disk's; its `errno` is that of the system.
    """
    return Writing(path)


def _why(path: Path, error: OSError) -> tuple[str, str]:
    folder = path.parent
    if path.is_dir():
        return "it is a folder", f"name a file in it, such as {path / 'results.html'}"
    if folder.exists() and not folder.is_dir():
        return f"{folder} is a file and no folder", "name a file in a folder"
    if not folder.exists():
        return f"there is no folder {folder}", f"make it first: Path({str(folder)!r}).mkdir(parents=True)"
    if error.errno in _REFUSED:
        return f"the folder {folder} may not be written to", "name a file in a folder of your own"
    if error.errno in _FULL:
        return "its disk is full", "free some space, or name a file on another disk"
    return error.strerror or str(error), "name another file"
