"""Names of files as sftp carries them: bytes, which are UTF-8 mostly; those that are not travel as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import paramiko

__all__ = ["names_in", "path", "real_path", "shown", "text"]


def path(name: str) -> bytes:
    """Give a path's bytes."""
    return name.encode("utf-8", "surrogateescape")


def text(name: bytes) -> str:
    """Give a path as Python has it: bytes that are no UTF-8 are surrogates in it."""
    return name.decode("utf-8", "surrogateescape")


def shown(name: str) -> str:
    r"""Give a path that can be printed: bytes that are no UTF-8 are told as ``\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def names_in(sftp: paramiko.SFTPClient, folder: str) -> Iterator[bytes]:
    """Give the names in a folder; paramiko's own listing takes all of them for UTF-8, and fails."""
    import paramiko

    sent, ask = paramiko.sftp, sftp._request  # type: ignore[attr-defined]
    handle = ask(sent.CMD_OPENDIR, path(folder))[1].get_binary()
    try:
        while True:
            answer = ask(sent.CMD_READDIR, handle)[1]
            yield from _listed(answer)
    except EOFError:
        pass
    finally:
        ask(sent.CMD_CLOSE, handle)


def real_path(sftp: paramiko.SFTPClient, name: str) -> bytes:
    """Give a path without links in it; paramiko's own takes that for UTF-8, too."""
    import paramiko

    answer = sftp._request(paramiko.sftp.CMD_REALPATH, path(name))[1]  # type: ignore[attr-defined]
    answer.get_int()
    return bytes(answer.get_string())


def _listed(answer: paramiko.Message) -> Iterator[bytes]:
    import paramiko

    for _ in range(answer.get_int()):
        name, _ = answer.get_string(), answer.get_string()
        paramiko.SFTPAttributes._from_msg(answer)  # type: ignore[attr-defined]
        if name not in (b".", b".."):
            yield name
