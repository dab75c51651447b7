"""Where the ranks of MPI jobs come in: a Unix socket of this machine, which only this user's processes may use.

On Linux its name is in no folder, so that nothing is left of it however the pool ends; elsewhere it lies in a folder of
this user's alone.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import struct
import sys
import tempfile
from pathlib import Path

__all__ = ["Door", "peer_pid"]

_IS_LINUX = sys.platform == "linux"
_BACKLOG = 128
_CREDENTIALS = struct.Struct("3i")


class Door:
    """A socket that listens.

    Attributes
    ----------
    address : str
        Where to connect, as a keeper does; it goes by the command line, and is no secret.

    Raises
    ------
    OSError
        There are no descriptors left.
    """

    def __init__(self) -> None:
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.address = f"@pathos_nb-{secrets.token_hex(8)}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            if not _IS_LINUX:
                self._folder = tempfile.TemporaryDirectory(prefix="pathos_nb-")
                self.address = str(Path(self._folder.name) / "door")
            self._socket.bind(_name(self.address))
            self._socket.listen(_BACKLOG)
            self._socket.setblocking(False)
        except BaseException:
            self.close()
            raise

    def fileno(self) -> int:
        """Give the descriptor to wait for."""
        return self._socket.fileno()

    def take(self) -> socket.socket | None:
        """Let the next one in; None if nobody is there, or it is somebody else's process."""
        try:
            came, _ = self._socket.accept()
        except OSError:
            return None
        if not _is_own(came):
            came.close()
            return None
        came.setblocking(False)
        return came

    def close(self) -> None:
        """Close it."""
        self._socket.close()
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._folder.cleanup()


def _name(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address


def peer_pid(connection: socket.socket, told: int) -> int:
    """Give the number of the process at the other end, as the system has it; elsewhere than on Linux as it was told."""
    return _peer(connection)[0] if _IS_LINUX else told


def _is_own(connection: socket.socket) -> bool:
    """Whether the process at the other end is this user's; elsewhere than on Linux the folder sees to that."""
    return not _IS_LINUX or _peer(connection)[1] == os.getuid()


def _peer(connection: socket.socket) -> tuple[int, ...]:
    """Give process, user and group of the other end."""
    return _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
