"""The secrets of the servers that this user has started: one small file each, which nobody else can read.

A ppft server is known by the address at which it is reached from here, ``localhost:port``: its own, or that of the
tunnel that leads to it. Who starts a server, or opens a tunnel to one, remembers it; `ParallelPool`, in this process or
another one of the same user, looks it up by the address alone. So a secret need not be typed, nor be in a script, an
argument or the environment.

The files are in ``pathos_nb/servers`` of the data folder (``XDG_DATA_HOME``), folders 0700, files 0600.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pathos_nb.errors import BadOption

__all__ = ["called", "canonical", "folder", "forget", "is_kept", "known", "recall", "remember"]

_LOOPBACK = ("", "localhost", "127.0.0.1", "::1", "ip6-localhost")
_MAX_BYTES = 4096
_KEPT = "kept"


def canonical(address: str) -> tuple[str, int]:
    """Give host and port of an address.

    Parameters
    ----------
    address : str
        ``host:port``; any name of loopback is the same host.

    Returns
    -------
    tuple of str and int

    Raises
    ------
    BadOption
        It is no address.
    """
    host, _, port = address.rpartition(":")
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16):
        raise BadOption(f"{address!r} is no server", cure="write it as 'host:port'")
    host = host.strip("[]")
    return ("localhost" if host.lower() in _LOOPBACK else host), int(port)


def folder() -> Path:
    """Give the folder of the files, made if it is missing."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    for path in (ours := Path(base) / "pathos_nb", ours / "servers"):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = ours / "servers"
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def _file_of(address: str) -> Path:
    host, port = canonical(address)
    safe = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in host)
    return folder() / f"{safe}_{port}"


def remember(address: str, secret: str, name: str = "", *, is_kept: bool = False) -> None:
    """Keep a server's secret, and what it is called.

    Parameters
    ----------
    address : str
        Where the server is reached from here, ``localhost:port``.
    secret : str
        One line.
    name : str
        For messages, such as ``server-1 on node7``; an address alone says little of a tunnel's far end.
    is_kept : bool
        Whether this process starts it again, at the same address, when it is lost.
    """
    path = _file_of(address)
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    with contextlib.suppress(FileNotFoundError):
        fresh.unlink()
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(f"{secret}\n{' '.join(name.split())}\n{f'{_KEPT} {os.getpid()}' if is_kept else ''}\n")
    fresh.replace(path)


def recall(address: str) -> str | None:
    """Give a server's secret, if it is known here.

    Parameters
    ----------
    address : str
        ``host:port``.

    Returns
    -------
    str or None

    Raises
    ------
    BadOption
        It is no address, or others can read the file or have written it.
    """
    return _lines(address)[0] or None


def called(address: str) -> str:
    """Give what a server is called, with its address.

    Parameters
    ----------
    address : str
        ``host:port``.

    Returns
    -------
    str
        The address alone, if it has no name.
    """
    try:
        name = _lines(address)[1]
    except (BadOption, OSError):
        name = ""
    return f"{name} ({address})" if name else address


def is_kept(address: str) -> bool:
    """Whether a server is started again, at the same address, when it is lost: not if who would do so has ended.

    Parameters
    ----------
    address : str
        ``host:port``.

    Returns
    -------
    bool
    """
    try:
        word, _, keeper = _lines(address)[2].partition(" ")
    except (BadOption, OSError):
        return False
    return word == _KEPT and _is_running(keeper)


def _is_running(pid: str) -> bool:
    """Whether a process of this user runs; where that cannot be asked, it is believed."""
    if os.name != "posix" or not pid.isdecimal():
        return True
    try:
        os.kill(int(pid), 0)
    except (ProcessLookupError, PermissionError, OverflowError):
        return False
    return True


def _lines(address: str) -> tuple[str, str, str]:
    """Give secret, name, and whether it is kept."""
    path = _file_of(address)
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
    except FileNotFoundError:
        return "", "", ""
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        told = os.fstat(descriptor)
        if told.st_mode & 0o077 or (hasattr(os, "getuid") and told.st_uid != os.getuid()):
            raise BadOption(f"others can read or write {path}", cure="remove it, and start the server again")
        secret, name, kept = [*(line.strip() for line in file.read(_MAX_BYTES).splitlines()), "", "", ""][:3]
        return secret, name, kept


def forget(address: str) -> None:
    """Keep a server's secret no longer.

    Parameters
    ----------
    address : str
        ``host:port``; one that is not known is no error.
    """
    with contextlib.suppress(FileNotFoundError):
        _file_of(address).unlink()


def known() -> list[str]:
    """Give the addresses of the servers that are known, whether they still run or not."""
    names = sorted(path.name for path in folder().iterdir() if not path.name.endswith(".new"))
    return [":".join(name.rsplit("_", 1)) for name in names]
