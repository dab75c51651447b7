"""The files of a sweep in a queue: whole or not there, and a digest tells damage."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pathos_nb.dispatch.store.files import write_atomically
from pathos_nb.dispatch.store.place import check_owned
from pathos_nb.errors import BadFile

__all__ = ["make_folder", "read_sealed", "write_sealed"]

_MAGIC = b"pathos_nb sweep 1\n"
_DIGEST_BYTES = 32


def make_folder(path: Path) -> None:
    """Make a folder that only this user can enter.

    Parameters
    ----------
    path : Path
        Its parents are made too.

    Raises
    ------
    OSError
        It cannot be made.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def write_sealed(path: Path, body: bytes) -> None:
    """Write a file with the digest of what is in it; see `write_atomically`."""
    write_atomically(path, [_MAGIC + hashlib.sha256(body).digest() + body])


def read_sealed(path: Path) -> bytes:
    """Read what `write_sealed` has written.

    Parameters
    ----------
    path : Path
        Which.

    Returns
    -------
    bytes

    Raises
    ------
    FileNotFoundError
        It is not there.
    OSError
        It cannot be read.
    BadFile
        It is damaged.
    StoreError
        Others could have written it: it is to be unpickled, which runs code.
    """
    check_owned(path)
    data = path.read_bytes()
    start = len(_MAGIC) + _DIGEST_BYTES
    if data[: len(_MAGIC)] != _MAGIC or hashlib.sha256(data[start:]).digest() != data[len(_MAGIC) : start]:
        raise BadFile(f"{path} is damaged", cause="its digest is not that of its content")
    return data[start:]
