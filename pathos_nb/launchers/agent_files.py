"""The files that a pool elsewhere has had carried to this machine: each once, by its digest, for all workers here.

::

    pool ── LOOK: these files ──────────► FileStore: seen from here?     nothing is carried where they are
    pool ◄── WANT: file, offset ───────── the next piece that is lacking: one is on its way at a time
    pool ── PIECE: bytes, or what is wrong ──► written; at the end its digest is compared
    pool ◄── LOOKED: all there, or what is wrong

They lie in a folder of the agent's that goes with it. What an agent has left that was killed, the next one clears away:
who lives holds a lock in its folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.inputs import Input, is_here
from pathos_nb.wire.framing import Buffer, Frame

__all__ = ["FileStore"]

_NAME, _LOCK = "pathos_nb-files-", ".lock"


class _Coming:
    """A file of which some has come."""

    def __init__(self, told: Input, path: Path) -> None:
        self.told, self.path, self.n_come = told, path, 0
        self.hashed = hashlib.sha256()
        self.file = path.open("xb", buffering=0)
        try:
            if hasattr(os, "posix_fallocate") and told.size:
                os.posix_fallocate(self.file.fileno(), 0, told.size)  # no room is known before anything is sent
        except OSError:
            self.drop()
            raise

    def add(self, data: Buffer) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[self.file.write(rest) :]
        self.hashed.update(data)
        self.n_come += len(data)

    def drop(self) -> None:
        self.file.close()
        with contextlib.suppress(OSError):
            self.path.unlink()


class FileStore:
    """The files of a pool on this machine.

    Parameters
    ----------
    post : callable
        Takes (kind, slot, frame) to send up.

    Attributes
    ----------
    folder : str
        Where workers find them; it is made when the first one is carried.
    """

    def __init__(self, post: Callable[[int, int, Frame], None]) -> None:
        self._post = post
        self.folder = f"{tempfile.gettempdir()}/{_NAME}{os.urandom(8).hex()}"
        self._lock = -1
        self._here: set[str] = set()
        self._asked: dict[int, list[Input]] = {}
        self._coming: _Coming | None = None

    def look(self, number: int, files: tuple[tuple[Any, ...], ...]) -> None:
        """See whether files are seen from here, and have those brought that are not; `LOOKED` tells the end."""
        told = [Input(*each) for each in files]
        self._asked[number] = [each for each in told if each.digest not in self._here and not is_here(each)]
        self._go_on()

    def take(self, data: Buffer, digest: str, offset: int, problem: str) -> None:
        """Take the next piece of a file."""
        coming = self._coming
        if coming is None or coming.told.digest != digest or coming.n_come != offset:
            return
        if not problem:
            try:
                coming.add(data)
            except OSError as error:
                problem = _no_room(coming.told, self.folder, error)
        if not problem and coming.n_come >= coming.told.size:
            problem = self._complete(coming)
        if problem:
            self._give_up(coming, problem)
        if self._coming is None:
            self._go_on()
        else:
            self._want(coming)

    def _complete(self, coming: _Coming) -> str:
        if coming.hashed.hexdigest() != coming.told.digest:
            return f"{coming.told.path} has changed since the map began"
        coming.file.close()
        coming.path.chmod(0o400)
        coming.path.rename(Path(self.folder, coming.told.digest))
        self._here.add(coming.told.digest)
        self._coming = None
        return ""

    def _give_up(self, coming: _Coming, problem: str) -> None:
        """Do without a file; whoever asked for it is told."""
        self._coming = None
        coming.drop()
        for number in [n for n, files in self._asked.items() if any(f.digest == coming.told.digest for f in files)]:
            self._answer(number, problem)

    def _answer(self, number: int, problem: str) -> None:
        del self._asked[number]
        self._post(messages.LOOKED, 0, Frame(0, (number, problem)))

    def _go_on(self) -> None:
        """Ask for what comes next; say of those who have all that they do."""
        for number, files in list(self._asked.items()):
            files[:] = [told for told in files if told.digest not in self._here]
            if not files:
                self._answer(number, "")
        if self._coming is None and self._asked:
            self._begin(next(iter(self._asked.values()))[0])

    def _want(self, coming: _Coming) -> None:
        self._post(messages.WANT, 0, Frame(0, (coming.told.digest, coming.n_come)))

    def _begin(self, told: Input) -> None:
        try:
            self._make_folder()
            self._coming = _Coming(told, Path(self.folder, os.urandom(8).hex()))
            self._want(self._coming)
        except OSError as error:
            problem = _no_room(told, self.folder, error)
            for number in [n for n, files in self._asked.items() if told in files]:
                self._answer(number, problem)
            self._go_on()

    def _make_folder(self) -> None:
        if self._lock >= 0:
            return
        folder = Path(self.folder)
        _clear_away_the_dead(folder.parent)
        folder.mkdir(0o700)
        self._lock = os.open(f"{self.folder}/{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        _is_locked(self._lock)

    def close(self) -> None:
        """Let go of all of them."""
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.file.close()
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
            shutil.rmtree(self.folder, ignore_errors=True)


def _no_room(told: Input, folder: str, error: OSError) -> str:
    why = error.strerror or type(error).__name__
    return f"{told.name} ({told.size:,} bytes) cannot be put into {folder} on {socket.gethostname()}: {why}"


def _clear_away_the_dead(above: Path) -> None:
    """Remove the folders of agents that were killed."""
    for folder in above.glob(f"{_NAME}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder / _LOCK, os.O_RDWR)
            try:
                if _is_locked(lock):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def _is_locked(fd: int) -> bool:
    """Take the lock of a folder; False if somebody has it, or there are no locks here."""
    try:
        import fcntl

        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True
