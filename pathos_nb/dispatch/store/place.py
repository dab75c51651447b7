"""Where a store lies, whom it belongs to, and what kind of disk that is.

What is read from a store is unpickled, and unpickling runs code: so a store has to be this user's, and nobody else may
write it or put another in its place.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from pathlib import Path

from pathos_nb.errors import StoreError

__all__ = ["check_owned", "default_path", "file_system", "is_on_network", "move_aside", "prepare"]

_NETWORK = {
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "nfs", "nfs4",
    "panfs", "pvfs2", "smb3", "smbfs",
}  # fmt: skip
_MOUNTS = Path("/proc/self/mountinfo")


def default_path() -> Path:
    """Give the store of this user, in the folder for data."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "pathos_nb" / "store.sqlite"


def prepare(path: Path) -> None:
    """Make the folder of a store, and the file itself, for this user only.

    Parameters
    ----------
    path : Path
        The store's file.

    Raises
    ------
    StoreError
        It cannot be written, or is not this user's.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        cure = "choose another file: %config PathosMagics.store = 'PATH', or --store PATH"
        raise StoreError(f"the store {path} cannot be opened: {error.strerror}", cure=cure) from error
    check_owned(path)
    check_owned(path.parent, is_folder=True)


def move_aside(path: Path) -> Path:
    """Rename a store, with all that belongs to it.

    Parameters
    ----------
    path : Path
        Its file. A kernel that has it open begins a new one there.

    Returns
    -------
    Path
        What it is called now, in the same folder; ``--store`` takes it.

    Raises
    ------
    OSError
        It cannot be renamed.
    """
    stem = f"{path.stem}-aside-{time.strftime('%Y%m%d-%H%M%S')}"
    tried = (path.with_name(f"{stem}{n or ''}{path.suffix}") for n in range(1000))
    aside = next(name for name in tried if not name.exists())
    path.rename(aside)
    for ending in ("-wal", "-shm", ".values", ".reserve"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(f"{path.name}{ending}").rename(aside.with_name(f"{aside.name}{ending}"))
    return aside


def check_owned(path: Path, is_folder: bool = False) -> None:
    """See that nobody else can have written something.

    Parameters
    ----------
    path : Path
        A file, or the folder of one.
    is_folder : bool
        Whether it is a folder: one that all may write to will do if they cannot replace each other's files (``/tmp``).

    Raises
    ------
    StoreError
        Somebody else can.
    """
    if os.name != "posix":
        return
    found = path.lstat()
    is_shared = bool(found.st_mode & 0o022)
    if is_folder:
        is_safe = not is_shared or bool(found.st_mode & stat.S_ISVTX)
    else:
        is_safe = not is_shared and found.st_uid == os.getuid() and stat.S_ISREG(found.st_mode)
    if not is_safe:
        what = f"others can write to {path}" if is_shared else f"{path} belongs to somebody else"
        cure = "values are read by unpickling, which runs code: use a file and a folder of your own (chmod go-w)"
        raise StoreError(what, cure=cure)


def file_system(path: Path, mounts: str) -> str:
    """Give the kind of file system that a path lies on.

    Parameters
    ----------
    path : Path
        Absolute.
    mounts : str
        The text of ``/proc/self/mountinfo``.

    Returns
    -------
    str
        Such as ``ext4`` or ``nfs4``; empty if that is not known.
    """
    best, kind = "", ""
    for line in mounts.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split()
        if not dash or len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ")
        is_under = str(path) == point or str(path).startswith(point.rstrip("/") + "/")
        if is_under and len(point) >= len(best):
            best, kind = point, right.split()[0]
    return kind


def is_on_network(path: Path) -> bool:
    """Whether a path lies on a disk that other machines write to as well.

    Parameters
    ----------
    path : Path
        It need not exist.

    Returns
    -------
    bool
        False where the system does not tell.
    """
    try:
        return file_system(Path(os.path.realpath(path)), _MOUNTS.read_text(encoding="utf-8")) in _NETWORK
    except OSError:
        return False
