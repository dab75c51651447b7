"""What a worker prints, kept with the item that printed it.

A worker process has both its output descriptors, 1 and 2, on one unnamed file, which it looks at after each item: so
text of C code and of subprocesses is caught too, and what it wrote last can be read after its death. In threads only
Python's own streams can be told apart, by a stream that asks which thread is writing.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from typing import Any

MAX_BYTES = 1 << 20
_TAIL_BYTES = 2000
_RESET_BYTES = 1 << 24


class NoCapture:
    """For work that runs where its output belongs already."""

    def take(self) -> bytes:
        """Give nothing."""
        return b""

    def restore(self) -> None:
        """Leave all as it is."""


class FileCapture:
    """Takes a process' descriptors 1 and 2 over.

    Parameters
    ----------
    fd : int
        The file to write to, in append mode.
    note : callable, optional
        Is told how much of the file belongs to items that are past.
    """

    def __init__(self, fd: int, note: Callable[[int], None] | None = None) -> None:
        self._note = note
        self._fd, self._seen = fd, os.lseek(fd, 0, os.SEEK_END)
        self._file = os.fstat(fd).st_ino
        self._streams: dict[str, Any] = {}
        self.restore()

    def restore(self) -> None:
        """Put descriptors and streams in their places again, should an item have closed or replaced them."""
        for number, name in ((1, "stdout"), (2, "stderr")):
            if self._is_elsewhere(number):
                os.dup2(self._fd, number)
            stream = self._streams.get(name)
            if stream is None or stream.closed or getattr(sys, name, None) is not stream:
                self._streams[name] = stream = _stream_to(number)
                setattr(sys, name, stream)
                setattr(sys, f"__{name}__", stream)

    def _is_elsewhere(self, number: int) -> bool:
        try:
            return os.fstat(number).st_ino != self._file
        except OSError:
            return True

    def take(self) -> bytes:
        """Give what was written since the last call."""
        if "ctypes" in sys.modules:
            self._flush_c()
        end = os.lseek(self._fd, 0, os.SEEK_END)
        if end <= self._seen:
            return b""
        text = os.pread(self._fd, min(end - self._seen, MAX_BYTES), self._seen)
        text += b"\n... %d bytes more\n" % (end - self._seen - MAX_BYTES) if end - self._seen > MAX_BYTES else b""
        self._seen = end
        if end > _RESET_BYTES:
            os.ftruncate(self._fd, 0)
            self._seen = os.lseek(self._fd, 0, os.SEEK_SET)
        if self._note is not None:
            self._note(self._seen)
        return text

    def peek(self) -> bytes:
        """Give what was written since the last `take`, which gives it again."""
        end = os.lseek(self._fd, 0, os.SEEK_END)
        return os.pread(self._fd, min(end - self._seen, MAX_BYTES), self._seen) if end > self._seen else b""

    @staticmethod
    def _flush_c() -> None:
        sys.modules["ctypes"].pythonapi.fflush(None)


def tail_of(fd: int, since: int) -> str:
    """Give the end of what a worker that has gone wrote last.

    Parameters
    ----------
    fd : int
        Its output file.
    since : int
        Where its last item's output begins.

    Returns
    -------
    str
        At most 2000 bytes of it.
    """
    end = os.lseek(fd, 0, os.SEEK_END)
    start = max(0, end - _TAIL_BYTES, since if since <= end else 0)
    return os.pread(fd, _TAIL_BYTES, start).decode("utf-8", "replace").strip()


def _stream_to(number: int) -> io.TextIOWrapper:
    file = io.FileIO(number, "wb", closefd=False)
    return io.TextIOWrapper(file, encoding="utf-8", errors="backslashreplace", write_through=True)


class _Router:
    """A stream that writes to the running thread's own buffer, if it has one, and else where it always did."""

    def __init__(self, stream: Any) -> None:
        self.stream, self.own, self.n_inside = stream, threading.local(), 0

    def write(self, text: str) -> int:
        target = getattr(self.own, "buffer", None)
        n: int = (self.stream if target is None else target).write(text)
        return n

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if getattr(self.own, "buffer", None) is None:
            self.stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class ThreadCapture:
    """Catches what this thread prints; to be made and used in the thread itself, inside `routed`."""

    def __init__(self) -> None:
        self._buffer = io.StringIO()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, _Router):
                stream.own.buffer = self._buffer

    def restore(self) -> None:
        """Leave all as it is: the streams are everybody's."""

    def take(self) -> bytes:
        """Give what this thread wrote since the last call."""
        if not self._buffer.tell():
            return b""
        text = self._buffer.getvalue()
        self._buffer.seek(0)
        self._buffer.truncate()
        return text.encode("utf-8", "backslashreplace")[:MAX_BYTES]


_routing = threading.Lock()


@contextlib.contextmanager
def routed() -> Iterator[None]:
    """Put routing streams in place of ``sys.stdout`` and ``sys.stderr`` while any caller is inside.

    Yields
    ------
    None
    """
    with _routing:
        routers = [(name, _enter(name)) for name in ("stdout", "stderr")]
    try:
        yield
    finally:
        with _routing:
            for name, router in routers:
                _leave(name, router)


def _enter(name: str) -> _Router:
    stream = getattr(sys, name)
    router = stream if isinstance(stream, _Router) else _Router(stream)
    router.n_inside += 1
    setattr(sys, name, router)
    return router


def _leave(name: str, router: _Router) -> None:
    router.n_inside -= 1
    if not router.n_inside and getattr(sys, name) is router:
        setattr(sys, name, router.stream)
