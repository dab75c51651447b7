"""`share(x)`: put x where every worker of this machine reads it, once.

::

     owner                                         worker
     share(x) ── pickle 5, buffers out of band     item(handle)
        │  one copy                                   │ the handle came as a token of some 60 bytes
        ▼                                             ▼
     memory file, sealed  ◄── /proc/<pid>/fd/<n> ── open, compare the key, map read-only
        ▲                     (elsewhere: a path)     │
     handle.value: a read-only view                handle.value: a read-only view

A mapping outlives the file it was made from: an owner that closes or ends takes nothing from a worker that has the
value; one that comes later is told so. The data is written through the file, never through a mapping, and the room is
taken first: where there is none it is an error here and no SIGBUS in a worker.

References
----------
memfd_create(2), posix_fallocate(3), proc_pid_fd(5); PEP 574 (out-of-band buffers).
"""

from __future__ import annotations

import errno
import mmap
import os
import pickle
import stat
import struct
import sys
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, NamedTuple, TypeVar

from pathos_nb.errors import CannotSend, ShareClosed

__all__ = ["Shared", "forget", "share"]

T = TypeVar("T")

_ALIGN = 64
_HEAD = struct.Struct("<16sQ")
_PART = struct.Struct("<QQ")
_WRITE_BYTES = 1 << 30  # a single write gives at most 2 GB on Linux
_KEPT = 8


class _Token(NamedTuple):
    """Where a shared value is; this is all that travels. `place` is a descriptor of process `pid`, or a path."""

    key: bytes
    pid: int
    place: int | str
    size: int


class _Memory:
    """A value as this process has it; the owner's has the file too."""

    __slots__ = ("__weakref__", "free", "value")

    def __init__(self, value: Any) -> None:  # the user's own object, of any type
        self.value = value
        self.free: weakref.finalize[[int, str, int], _Memory] | None = None


# What this process owns or has attached, by key, and the few attached last: each chunk of items brings its handles
# anew, and without the latter each would map and unpickle again. A process has one address space, hence one of these.
_known: weakref.WeakValueDictionary[bytes, _Memory] = weakref.WeakValueDictionary()
_latest: OrderedDict[bytes, _Memory] = OrderedDict()


def share(value: T) -> Shared[T]:
    """Put a value where all workers on this machine see it, and give the handle to send in its place.

    Parameters
    ----------
    value : object
        Anything that can be pickled. Arrays (of numpy, pandas, Arrow, …: whatever gives its buffers out of band) are
        not copied again by any worker.

    Returns
    -------
    Shared
        ``.value`` is the value as it was now. Its arrays are read-only, here as in the workers.

    Raises
    ------
    CannotSend
        The value cannot be pickled, or there is no room for it.

    Notes
    -----
    Sending the handle costs about a microsecond whatever the size, and opening it in a worker some 50; the worker keeps
    it while it is in use.

    Examples
    --------
    >>> with share([3, 1, 4]) as digits:
    ...     sorted(digits.value)
    [1, 3, 4]
    """
    if isinstance(value, Shared):
        return value
    parts = _parts(value)
    token, memory = _put(parts, value)
    _known[token.key] = memory
    return Shared(token, memory)


class Shared(Generic[T]):
    """A value in shared memory: what `share` gives, and what a worker gets.

    It is freed when the owner's last handle is closed or collected. `numpy.asarray` takes it as it is.
    """

    __slots__ = ("__weakref__", "_closed", "_memory", "_token")

    def __init__(self, token: _Token, memory: _Memory | None = None) -> None:
        self._token, self._memory, self._closed = token, memory, False

    @property
    def value(self) -> T:
        """The value itself; in a worker it is attached when first asked for.

        Raises
        ------
        ShareClosed
            The handle, or the owner's, was closed, or the owner has ended.
        """
        self._check()
        if self._memory is None:
            self._memory = _attached(self._token)
        return self._memory.value  # type: ignore[no-any-return]

    @property
    def nbytes(self) -> int:
        """How much memory it takes, once for all workers."""
        return self._token.size

    @property
    def is_closed(self) -> bool:
        """Whether this handle gives its value no longer."""
        return self._closed or _is_freed(self._memory)

    def close(self) -> None:
        """Let go of the value; in the owner this frees it. Arrays taken from it before stay good."""
        memory, self._memory, self._closed = self._memory, None, True
        if memory is not None and memory.free is not None and os.getpid() == self._token.pid:
            memory.free()
            _known.pop(self._token.key, None)

    def _check(self) -> None:
        if self.is_closed:
            raise ShareClosed("this shared value has been closed", cure="share it again, and close it after the last run")

    def __enter__(self) -> Shared[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:  # numpy's protocol; numpy is optional
        import numpy

        array = numpy.asarray(self.value, dtype=dtype)
        if copy is False and array is not self.value:
            raise ValueError("this shared value is no array of that type, so that it must be copied")
        return array.copy() if copy and array is self.value else array

    def __reduce__(self) -> tuple[Any, ...]:
        self._check()
        return _arrive, tuple(self._token)

    def __repr__(self) -> str:
        state = "closed" if self.is_closed else f"{self.nbytes:,} bytes of process {self._token.pid}"
        return f"<Shared: {state}>"


def forget() -> None:
    """Let go of the values kept for the next chunk: for a worker whose run is over."""
    _latest.clear()


def _arrive(key: bytes, pid: int, place: int | str, size: int) -> Shared[Any]:
    return Shared(_Token(key, pid, place, size), _known.get(key))


def _is_freed(memory: _Memory | None) -> bool:
    return memory is not None and memory.free is not None and not memory.free.alive


# --- the owner ---------------------------------------------------------------------------------------------------


def _parts(value: object) -> list[memoryview]:
    """Give the pickle and the buffers it leaves out."""
    buffers: list[pickle.PickleBuffer] = []
    try:
        stream = pickle.dumps(_contiguous(value), protocol=5, buffer_callback=buffers.append)
        return [memoryview(stream), *(buffer.raw() for buffer in buffers)]
    except Exception as error:
        cause = f"{type(error).__name__}: {error}"
        raise CannotSend(f"cannot share a {type(value).__name__}", cause=cause) from error


def _contiguous(value: object) -> object:
    # numpy gives the buffer of a strided array in band, and each worker would copy it.
    numpy = sys.modules.get("numpy")
    if numpy is not None and type(value) is numpy.ndarray and not value.flags.forc:
        return numpy.ascontiguousarray(value)
    return value


def _put(parts: Sequence[memoryview], value: object) -> tuple[_Token, _Memory]:
    key, table, size = os.urandom(16), *_layout([part.nbytes for part in parts])
    fd, path = _new_file(key)
    try:
        _write(fd, _HEAD.pack(key, len(parts)), table, parts, size)
        _seal(fd)
        # The same bytes for the owner as for the workers, and x itself may go; without buffers that would be a copy.
        memory = _Memory(_load(fd, size) if len(parts) > 1 else value)
    except BaseException as error:
        _free(fd, path, os.getpid())
        if isinstance(error, OSError):
            raise _no_room(size, error) from error
        raise
    memory.free = weakref.finalize(memory, _free, fd, path, os.getpid())
    return _Token(key, os.getpid(), path or fd, size), memory


def _layout(sizes: Sequence[int]) -> tuple[list[tuple[int, int]], int]:
    table, at = [], _HEAD.size + _PART.size * len(sizes)
    for size in sizes:
        at = -(-at // _ALIGN) * _ALIGN
        table.append((at, size))
        at += size
    return table, at


def _new_file(key: bytes) -> tuple[int, str]:
    """Give a descriptor, and the path if others need one to get at it."""
    if hasattr(os, "memfd_create") and os.path.exists("/proc/self/fd"):
        return os.memfd_create("pathos_nb-share", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), ""
    import tempfile

    folder = tempfile.gettempdir()
    _sweep(folder)
    path = os.path.join(folder, f"{_PREFIX}{os.getpid()}-{key.hex()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), path


def _write(fd: int, head: bytes, table: Sequence[tuple[int, int]], parts: Sequence[memoryview], size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
    _write_at(fd, 0, memoryview(head + b"".join(_PART.pack(*row) for row in table)))
    for (at, _), part in zip(table, parts, strict=True):
        _write_at(fd, at, part)


def _write_at(fd: int, at: int, data: memoryview) -> None:
    os.lseek(fd, at, os.SEEK_SET)
    while data:
        data = data[os.write(fd, data[:_WRITE_BYTES]) :]


def _seal(fd: int) -> None:
    """See to it that no process changes or shortens it any more, where the kernel can."""
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)


def _no_room(size: int, error: OSError) -> CannotSend:
    cure = "free memory, or share less"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        cure = "close what you no longer use, or raise the limit of open files"
    return CannotSend(f"no room to share {size:,} bytes", cause=str(error), cure=cure)


def _free(fd: int, path: str, pid: int) -> None:
    with suppress(OSError):
        os.close(fd)
    if path and os.getpid() == pid:  # a fork of the owner has the descriptor too, but the file is not its own
        with suppress(OSError):
            os.unlink(path)


_PREFIX = "pathos_nb-share-"


def _sweep(folder: str) -> None:
    """Remove the files of owners that were killed: only needed where a file must have a name."""
    if os.name != "posix":
        return
    for name in os.listdir(folder):
        if name.startswith(_PREFIX) and not _is_alive(name[len(_PREFIX) :].partition("-")[0]):
            with suppress(OSError):
                os.unlink(os.path.join(folder, name))


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except OSError:
        return True  # another user's
    return True


# --- everybody else ----------------------------------------------------------------------------------------------


def _attached(token: _Token) -> _Memory:
    memory = _known.get(token.key)
    if memory is None:
        memory = _known[token.key] = _attach(token)
    _latest[token.key] = memory
    _latest.move_to_end(token.key)
    while len(_latest) > _KEPT:
        _latest.popitem(last=False)
    return memory


def _attach(token: _Token) -> _Memory:
    fd = _open(token)
    try:
        head = os.read(fd, _HEAD.size) if stat.S_ISREG(os.fstat(fd).st_mode) else b""
        if head[:16] != token.key:
            raise _gone(token)  # the number has gone to another file, or the process id to another process
        return _Memory(_load(fd, token.size))
    finally:
        os.close(fd)


def _open(token: _Token) -> int:
    path = token.place if isinstance(token.place, str) else f"/proc/{token.pid}/fd/{token.place}"
    # Without O_NONBLOCK a number that has gone to a pipe would block here.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags)
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM):
            raise CannotSend("cannot open a shared value", cause=str(error), pid=token.pid) from error
        raise _gone(token) from error


def _gone(token: _Token) -> ShareClosed:
    cause = "its owner closed it, or lost its last handle"
    if isinstance(token.place, int) and not os.path.exists(f"/proc/{token.pid}"):
        cause = "its owner has ended, or is on another machine"
    cure = "keep the handle until the last run that uses it is over"
    return ShareClosed("a shared value is no longer there", cause=cause, cure=cure, pid=token.pid)


def _load(fd: int, size: int) -> Any:  # the user's own object, of any type
    view = memoryview(mmap.mmap(fd, size, access=mmap.ACCESS_READ))
    stream, *buffers = _cut(view)
    return pickle.loads(stream, buffers=buffers)


def _cut(view: memoryview) -> Iterator[memoryview]:
    _, n_parts = _HEAD.unpack_from(view)
    for number in range(n_parts):
        at, size = _PART.unpack_from(view, _HEAD.size + number * _PART.size)
        yield view[at : at + size]
