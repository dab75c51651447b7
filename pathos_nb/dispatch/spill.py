"""A file without a name, for what need not be in memory: it ends with this process, however that ends."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import BinaryIO

from pathos_nb.dispatch.store.place import default_path

__all__ = ["SpillFile"]

_ELSEWHERE = Path("/var/tmp")


class SpillFile:
    """Bytes that were put aside; only ever added to.

    Parameters
    ----------
    folder : Path, optional
        Where; else beside the user's own store, if there is one, or where temporary files lie that may be large.

    Raises
    ------
    OSError
        No file can be made.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._file = _made(folder)
        self._end = 0
        self._lock = threading.Lock()

    def write(self, packed: bytes) -> int:
        """Add bytes.

        Parameters
        ----------
        packed : bytes
            What.

        Returns
        -------
        int
            Where they are.

        Raises
        ------
        OSError
            The disk does not take them; what was there is as it was.
        """
        with self._lock:
            at, rest = self._end, memoryview(packed)
            while rest:
                rest = rest[os.pwrite(self._file.fileno(), rest, at + len(packed) - len(rest)) :]
            self._end = at + len(packed)
            return at

    def read(self, at: int, size: int) -> bytes:
        """Give bytes back.

        Parameters
        ----------
        at, size : int
            Where, and how many.

        Returns
        -------
        bytes
        """
        parts = bytearray()
        while len(parts) < size and (part := os.pread(self._file.fileno(), size - len(parts), at + len(parts))):
            parts += part
        return bytes(parts)

    def __del__(self) -> None:
        file: BinaryIO | None = getattr(self, "_file", None)
        if file is not None:
            file.close()


def _made(folder: Path | None) -> BinaryIO:
    import tempfile

    for place in (folder, default_path().parent, _ELSEWHERE):
        if place is not None and place.is_dir():
            try:
                return tempfile.TemporaryFile(dir=place, buffering=0)
            except OSError:  # not to be written, or full
                continue
    return tempfile.TemporaryFile(buffering=0)
