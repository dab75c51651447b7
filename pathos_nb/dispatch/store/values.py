"""Values as bytes in the store and back: small ones in the table, large ones in files beside it.

The first byte says which: ``p`` a pickle of data, ``c`` one with code in it, which only the same Python can load, ``f``
the name of a file. A file is written whole, flushed and then named, so that one that is there is complete.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from pathos_nb.dispatch.store.files import write_atomically
from pathos_nb.dispatch.store.place import check_owned
from pathos_nb.errors import StoreError
from pathos_nb.wire.quick import loads
from pathos_nb.wire.serialization import dump

__all__ = ["LARGE_BYTES", "NotStorable", "Values", "read_bytes"]

LARGE_BYTES = 1 << 20
_IN_BAND = 1 << 62
MINOR = bytes(sys.version_info[:2])


class NotStorable(Exception):
    """A value that cannot be pickled: it is delivered, and that is all."""


class Values:
    """Puts values into the bytes of a row, and takes them out.

    Parameters
    ----------
    folder : Path
        Where large ones lie.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def path(self) -> Path:
        """The store's file, which they lie beside."""
        return self.folder.with_suffix("")

    def pack(self, value: object, name: str) -> bytes:
        """Give the bytes of a row; a large value is in its file when this returns.

        Parameters
        ----------
        value : object
            Anything.
        name : str
            What its file would be called, with its folder: ``12/7``.

        Returns
        -------
        bytes

        Raises
        ------
        NotStorable
            It cannot be pickled.
        OSError
            Its file cannot be written.
        """
        try:
            payload = dump(value, _IN_BAND)
            body = bytes(payload.body)
        except Exception as error:  # whatever the value's own pickling raises
            raise NotStorable(f"{type(error).__name__}: {error}") from error
        packed = b"c" + MINOR + body if payload.by_value else b"p" + body
        if len(packed) < LARGE_BYTES:
            return packed
        self._write(self.folder / name, packed)
        return b"f" + name.encode()

    def unpack(self, packed: bytes) -> Any:
        """Give the value back.

        Parameters
        ----------
        packed : bytes
            Of a row.

        Returns
        -------
        object

        Raises
        ------
        StoreError
            Its file is missing or not this user's, or it has code of another Python.
        Exception
            Whatever unpickling raises.
        """
        if packed[:1] == b"f":
            packed = read_bytes(self.folder / packed[1:].decode())
        if packed[:1] == b"c":
            if packed[1:3] != MINOR:
                told = ".".join(map(str, packed[1:3]))
                raise StoreError(f"it has code of Python {told} in it", cure=f"open it with Python {told}")
            return loads(packed[3:])
        return loads(packed[1:])

    def linked(self, packed: bytes | None, name: str) -> bytes | None:
        """Give the bytes of a row for a second point of the same value; its file has two names then.

        Parameters
        ----------
        packed : bytes or None
            Of the first point's row.
        name : str
            As in `pack`, of the second.

        Returns
        -------
        bytes or None
        """
        if packed is None or packed[:1] != b"f":
            return packed
        source, target = self.folder / packed[1:].decode(), self.folder / name
        target.parent.mkdir(mode=0o700, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(source)
        except OSError:  # a file system without links
            self._write(target, read_bytes(source))
        return b"f" + name.encode()

    def _write(self, path: Path, packed: bytes) -> None:
        for folder in (self.folder, path.parent):
            folder.mkdir(mode=0o700, exist_ok=True)
        write_atomically(path, [packed])


def read_bytes(path: Path) -> bytes:
    """Read a file of this user's.

    Parameters
    ----------
    path : Path
        Which.

    Returns
    -------
    bytes

    Raises
    ------
    StoreError
        It is missing, or others may have written it.
    """
    try:
        check_owned(path)
        return path.read_bytes()
    except OSError as error:
        cure = "the point can run again: %pathos rerun RUN --failed"
        raise StoreError(f"a large value is not in its file {path}: {error.strerror}", cure=cure) from error
