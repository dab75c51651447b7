"""Sealed memory: a pickle and its buffers, written once, and mapped read-only by any process of the same user.

::

    | key 16 | parts 8 | table: offset 8, size 8 a part | pad | pickle | pad | buffer | pad | buffer ...

On Linux it is a memory file that has no name; others open it as ``/proc/<pid>/fd/<n>``, and compare the key, since
numbers of descriptors and of processes are used again. Elsewhere it is a file with a path, which goes when it is freed.
The data is written through the file and not through a mapping, and the room is taken first: where there is none, that
is an error at once and no SIGBUS later.

References
----------
memfd_create(2), posix_fallocate(3), proc_pid_fd(5).
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
import struct
import sys
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from pathos_nb.errors import CannotSend, ShareClosed
from pathos_nb.wire.carried import carried_path
from pathos_nb.wire.serialization import MINOR, Buffer, Payload, load

__all__ = ["Memory", "Token", "attach", "copy_of", "forget", "known", "owned", "seal"]

_ALIGN = 64
_HEAD = struct.Struct("<16sQ")
_PART = struct.Struct("<QQ")
_WRITE_BYTES = 1 << 30  # one write takes 2 GB at most
_PREFIX = "pathos_nb-share-"
_N_KEPT = 8


class Token(NamedTuple):
    """Where sealed memory is.

    Attributes
    ----------
    key : bytes
        16 random bytes, which stand at its beginning.
    pid : int
        The process that owns it.
    place : int or str
        A descriptor of that process, or a path.
    size : int
        In bytes.
    minor : tuple of int or None
        The Python version that can load it; None if any can.
    """

    key: bytes
    pid: int
    place: int | str
    size: int
    minor: tuple[int, ...] | None


class Memory:
    """A value as this process has it; `free` is there in the owner only.

    Parameters
    ----------
    value : object
        What was unpickled from the mapping, or the owner's own object.
    """

    __slots__ = ("__weakref__", "free", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.free: weakref.finalize[[int, str, int], Memory] | None = None


# What this process owns or has attached, by key; and the few it attached last: every chunk of items brings its tokens
# anew, and would else map and unpickle anew. A process has one address space, hence one of each of these.
_known: weakref.WeakValueDictionary[bytes, Memory] = weakref.WeakValueDictionary()
_latest: OrderedDict[bytes, Memory] = OrderedDict()


def known(key: bytes) -> Memory | None:
    """Give what this process has of that key already."""
    return _known.get(key)


def forget() -> None:
    """Let go of what was kept for the next chunk: for a worker whose run is over."""
    _latest.clear()


# --- the owner ---------------------------------------------------------------------------------------------------


def seal(payload: Payload, value: object) -> tuple[Token, Memory]:
    """Put a payload into sealed memory.

    Parameters
    ----------
    payload : Payload
        The pickle and its buffers.
    value : object
        What it was made of: the owner's value if there are no buffers. With buffers the owner reads the sealed bytes
        as the workers do, so that the original can go.

    Returns
    -------
    Token, Memory
        The memory is freed when the latter is collected, or by its `free`.

    Raises
    ------
    CannotSend
        There is no room for it.
    """
    parts = [payload.body, *payload.buffers]
    key, (table, size) = os.urandom(16), _layout([len(part) for part in parts])
    fd, path = _new_file(key, size)
    try:
        _write(fd, _HEAD.pack(key, len(parts)), table, parts, size)
        memory = Memory(_read_back(fd, size) if payload.buffers else value)
    except BaseException:
        _free(fd, path, os.getpid())
        raise
    memory.free = weakref.finalize(memory, _free, fd, path, os.getpid())
    _known[key] = memory
    return Token(key, os.getpid(), path or fd, size, MINOR if payload.by_value else None), memory


def owned() -> list[bytes]:
    """Give the keys of what this process has sealed and not freed."""
    return [key for key, memory in list(_known.items()) if memory.free is not None and memory.free.alive]


def copy_of(key: bytes) -> tuple[memoryview, Memory] | None:
    """Give the bytes of what this process has sealed, to be carried to another machine, and what they live as long as.

    Parameters
    ----------
    key : bytes
        One of `owned`.

    Returns
    -------
    (memoryview, Memory) or None
        None if it has been freed meanwhile.
    """
    memory = _known.get(key)
    told = memory.free.peek() if memory is not None and memory.free is not None else None
    if memory is None or told is None:
        return None
    fd = told[2][0]
    return memoryview(mmap.mmap(fd, os.fstat(fd).st_size, access=mmap.ACCESS_READ)), memory


def _read_back(fd: int, size: int) -> Any:
    try:
        return _read(fd, size)
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise CannotSend("cannot share a value that no worker could load", cause=cause) from error


def _layout(sizes: Sequence[int]) -> tuple[list[tuple[int, int]], int]:
    table, at = [], _HEAD.size + _PART.size * len(sizes)
    for size in sizes:
        at = -(-at // _ALIGN) * _ALIGN
        table.append((at, size))
        at += size
    return table, at


def _new_file(key: bytes, size: int) -> tuple[int, str]:
    """Give a descriptor, and the path if others need one to get at it."""
    try:
        if hasattr(os, "memfd_create") and os.access("/proc/self/fd", os.R_OK):
            return os.memfd_create("pathos_nb-share", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), ""
        return _named_file(f"{_PREFIX}{os.getpid()}-{key.hex()}")
    except OSError as error:
        raise _no_room(size, error) from error


def _named_file(name: str) -> tuple[int, str]:
    folder = os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp"
    _sweep(folder)
    path = f"{folder}/{name}"
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), path


def _write(fd: int, head: bytes, table: Sequence[tuple[int, int]], parts: Sequence[Buffer], size: int) -> None:
    try:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(fd, 0, size)
        _write_at(fd, 0, head + b"".join(_PART.pack(*row) for row in table))
        for (at, _), part in zip(table, parts, strict=True):
            _write_at(fd, at, part)
    except OSError as error:
        raise _no_room(size, error) from error
    _seal(fd)


def _write_at(fd: int, at: int, data: Buffer) -> None:
    os.lseek(fd, at, os.SEEK_SET)
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(fd, rest[:_WRITE_BYTES]) :]


def _seal(fd: int) -> None:
    """See to it that no process can change or shorten it any more, where the kernel offers that."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)


def _no_room(size: int, error: OSError) -> CannotSend:
    cure = "free some, or share less"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        cure = "close what you no longer use, or raise the limit of open files"
    return CannotSend(f"no room to share {size:,} bytes", cause=str(error), cure=cure)


def _free(fd: int, path: str, pid: int) -> None:
    with suppress(OSError):
        os.close(fd)
    if path and os.getpid() == pid:  # a fork of the owner has the descriptor too, but the file is not its own
        _unlink(path)


def _unlink(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)  # noqa: PTH108 - every worker would pay for pathlib, and only this needs it


def _sweep(folder: str) -> None:
    """Remove the files of owners that were killed: there are such only where a file must have a name."""
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(_PREFIX)]
    for name in names if os.name == "posix" else ():
        if not _is_alive(name[len(_PREFIX) :].partition("-")[0]):
            _unlink(f"{folder}/{name}")


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True  # it is another user's
    return True


# --- everybody else ----------------------------------------------------------------------------------------------


def attach(token: Token) -> Memory:
    """Give the value of sealed memory of another process.

    Parameters
    ----------
    token : Token
        From its owner.

    Returns
    -------
    Memory
        The same for all tokens of one key, for as long as one is in use.

    Raises
    ------
    ShareClosed
        The owner has freed it, or has ended, or is on another machine.
    CannotSend
        This process may not or cannot open it, or has another version of Python.
    """
    memory = _known.get(token.key)
    if memory is None:
        memory = _known[token.key] = _attach(token)
    _latest[token.key] = memory
    _latest.move_to_end(token.key)
    if len(_latest) > _N_KEPT:
        _latest.popitem(last=False)
    return memory


def _attach(token: Token) -> Memory:
    if token.minor not in (None, tuple(MINOR)):
        raise CannotSend("a shared value carries code of another Python", version=".".join(map(str, token.minor or ())))
    fd = _open(token)
    try:
        head = os.read(fd, _HEAD.size) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        if head[:16] != token.key:  # the number has gone to another file, or to another process
            raise _gone(token)
        return Memory(_read(fd, token.size))
    finally:
        os.close(fd)


def _open(token: Token) -> int:
    path = token.place if isinstance(token.place, str) else f"/proc/{token.pid}/fd/{token.place}"
    path = carried_path(token.key) or path
    # Without O_NONBLOCK a number that has gone to a pipe since would block here.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM):
            raise CannotSend("cannot open a shared value", cause=str(error), pid=token.pid) from error
        raise _gone(token) from error


def _gone(token: Token) -> ShareClosed:
    cause = "its owner closed it, or dropped its last handle"
    if not isinstance(token.place, str) and not os.access(f"/proc/{token.pid}", os.F_OK):
        cause = "its owner has ended, or is on another machine"
    cure = "keep the handle until the last run that uses it is over"
    return ShareClosed("a shared value is no longer there", cause=cause, cure=cure, pid=token.pid)


def _read(fd: int, size: int) -> Any:
    # From 3.13 on a mapping need not keep a descriptor of its own.
    more = {"trackfd": False} if sys.version_info >= (3, 13) else {}
    body, *buffers = _cut(memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ, **more)))
    return load(Payload(body, buffers))


def _cut(view: memoryview) -> Iterator[memoryview]:
    _, n_parts = _HEAD.unpack_from(view)
    for number in range(n_parts):
        at, size = _PART.unpack_from(view, _HEAD.size + number * _PART.size)
        yield view[at : at + size]
