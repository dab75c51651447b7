"""Whether files have changed since one looked: asked before each call, so the system is asked to tell, where it can.

On Linux inotify tells of each change that is made through this system, before the change's own call returns. What is
made elsewhere (on a shared file system), or through mapped memory, it does not tell: after a second one looks anyway.

References
----------
inotify(7).
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
import weakref
from collections.abc import Iterable
from typing import Any

__all__ = ["FileWatch"]

FEW = 16  # so many files are looked at sooner than anything is asked
LOOK_S = 1.0
MODIFY, ATTRIB, CLOSE_WRITE, MOVED, CREATE, DELETE, GONE = 0x2, 0x4, 0x8, 0xC0, 0x100, 0x200, 0xC00
_MASK = MODIFY | ATTRIB | CLOSE_WRITE | MOVED | CREATE | DELETE | GONE
_NEWS_BYTES = 1 << 16


class FileWatch:
    """Some files, and whether they may have changed since they were looked at last."""

    def __init__(self) -> None:
        self._fd = -1
        self._close: Any = None
        self._looked_s = 0.0

    def follow(self, paths: Iterable[str]) -> None:
        """Follow these files, and no others; call it before looking at them.

        Parameters
        ----------
        paths : iterable of str
            Files that are there.
        """
        self.close()
        paths = [path for path in paths if path]
        if len(paths) > FEW:
            self._begin({os.path.dirname(os.path.realpath(path)) for path in paths})  # noqa: PTH120 - hundreds
        self._looked_s = time.monotonic()

    def may_differ(self) -> bool:
        """Say whether one has to look; if so, one is taken to do it now."""
        is_sure = self._fd >= 0 and not self._has_news() and time.monotonic() - self._looked_s < LOOK_S
        if not is_sure:
            self._looked_s = time.monotonic()
        return not is_sure

    def close(self) -> None:
        """Follow nothing."""
        if self._close is not None:
            self._close()
            self._fd, self._close = -1, None

    def _begin(self, folders: Iterable[str]) -> None:
        if sys.platform != "linux":
            return
        with contextlib.suppress(OSError, AttributeError, ImportError):  # no inotify, or no more of it
            import ctypes

            libc = ctypes.CDLL(None, use_errno=True)
            fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
            if fd < 0:
                return
            self._fd, self._close = fd, weakref.finalize(self, os.close, fd)
            if any(libc.inotify_add_watch(fd, os.fsencode(folder), _MASK) < 0 for folder in folders):
                self.close()

    def _has_news(self) -> bool:
        try:
            return bool(os.read(self._fd, _NEWS_BYTES))
        except BlockingIOError:
            return False
