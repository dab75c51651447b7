"""Small files by sftp, many at once: their requests go out together, so that a folder does not wait for each answer.

::

    OPEN OPEN OPEN …  ──►        ◄── handles
    WRITE WRITE …     ──►        ◄── written, or why not
    SETSTAT, CLOSE …  ──►        a time is set only where all was written: it is what says that a file is whole
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pathos_nb.secure import wire

if TYPE_CHECKING:
    import paramiko

__all__ = ["Small", "Sunk", "put_all"]

REQUEST_BYTES = 1 << 15  # what any server takes in one request


@dataclass(frozen=True, slots=True)
class Small:
    """A small file as it is to be: where, what is in it, its permissions and the time of its last change."""

    path: str
    data: bytes
    mode: int
    mtime: int


Sunk = Exception | None  # why a file was not written


class _Answers:
    """What comes back, by the number of its request."""

    def __init__(self, sftp: paramiko.SFTPClient) -> None:
        self._sftp: Any = sftp
        self._came: dict[int, Any] = {}

    def ask(self, kind: int, *what: Any) -> int:
        """Send a request, and give its number."""
        return int(self._sftp._async_request(self, kind, *what))

    def _async_response(self, kind: int, message: Any, number: int) -> None:
        self._came[number] = (kind, message)

    def of(self, number: int) -> Any:
        """Give the answer to a request; what the host refuses is raised."""
        import paramiko

        while number not in self._came:
            self._sftp._read_response()
        kind, message = self._came.pop(number)
        if kind == paramiko.sftp.CMD_STATUS:
            self._sftp._convert_status(message)
        return message

    def refusal(self, number: int) -> Sunk:
        """Give what the host refuses as a value."""
        try:
            self.of(number)
        except OSError as error:
            return error
        return None


def put_all(sftp: paramiko.SFTPClient, files: Sequence[Small]) -> list[Sunk]:
    """Write small files.

    Parameters
    ----------
    sftp : paramiko.SFTPClient
        Which nobody else uses meanwhile.
    files : sequence of Small
        Together no more than fits into memory and the connection's window.

    Returns
    -------
    list of Exception or None
        For each file why it was not written; None where it was.
    """
    import paramiko

    answers, sent = _Answers(sftp), paramiko.sftp
    flags, fresh = sent.SFTP_FLAG_WRITE | sent.SFTP_FLAG_CREATE | sent.SFTP_FLAG_TRUNC, paramiko.SFTPAttributes()
    opening = [answers.ask(sent.CMD_OPEN, wire.path(file.path), flags, fresh) for file in files]
    sunk: list[Sunk] = [None] * len(files)
    handles: dict[int, bytes] = {}
    for i, number in enumerate(opening):
        try:
            handles[i] = answers.of(number).get_binary()
        except OSError as error:
            sunk[i] = error
    for i, written in [(i, _write(answers, handle, files[i].data)) for i, handle in handles.items()]:
        sunk[i] = next(filter(None, [answers.refusal(number) for number in written]), None)
    _finish(answers, files, handles, sunk)
    return sunk


def _write(answers: _Answers, handle: bytes, data: bytes) -> list[int]:
    import paramiko

    pieces = range(0, len(data), REQUEST_BYTES)
    write, place = paramiko.sftp.CMD_WRITE, paramiko.sftp.int64
    return [answers.ask(write, handle, place(at), data[at : at + REQUEST_BYTES]) for at in pieces]


def _finish(answers: _Answers, files: Sequence[Small], handles: dict[int, bytes], sunk: list[Sunk]) -> None:
    """Set what is written to what it is to be, and close all."""
    import paramiko

    asked: list[tuple[int, int]] = []
    for i, handle in handles.items():
        if sunk[i] is None:
            told = paramiko.SFTPAttributes()
            told.st_mode, told.st_atime, told.st_mtime = files[i].mode, files[i].mtime, files[i].mtime
            asked.append((i, answers.ask(paramiko.sftp.CMD_FSETSTAT, handle, told)))
        asked.append((i, answers.ask(paramiko.sftp.CMD_CLOSE, handle)))
    for i, number in asked:
        refusal = answers.refusal(number)
        sunk[i] = sunk[i] or refusal
