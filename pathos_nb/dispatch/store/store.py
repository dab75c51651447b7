"""A store as its users see it: open it by its path, write runs to it, look for what is finished, keep it small."""

from __future__ import annotations

import contextlib
import shutil
import threading
import weakref
from dataclasses import replace
from pathlib import Path

from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.file import PLACES, StoreFile, is_full, point_id
from pathos_nb.dispatch.store.found import StoredRun, job_folders, listed
from pathos_nb.dispatch.store.place import default_path
from pathos_nb.dispatch.store.read_only import is_read_only
from pathos_nb.dispatch.store.recorder import Recorder
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.dispatch.store.writer import StoreWriter
from pathos_nb.errors import StoreError

__all__ = ["Store", "Stores"]

_MOST_BYTES = 5_000_000_000
_TOGETHER = 64  # runs that are forgotten in one transaction


class Store:
    """Finished points on disk.

    Parameters
    ----------
    path : Path, optional
        The file; this user's own by default.
    is_network : bool, optional
        Whether it lies on a network file system; found out if it is not given.
    is_read_only : bool
        Open one that is there, on a disk that cannot be written: its runs can be listed and loaded.

    Raises
    ------
    StoreError
        It cannot be opened.
    """

    def __init__(self, path: Path | None = None, is_network: bool | None = None, *, is_read_only: bool = False) -> None:
        self.file = StoreFile(path or default_path(), is_network, is_read_only=is_read_only)
        self.writer = StoreWriter(self.file)
        self._records: weakref.WeakSet[ChunkLog] = weakref.WeakSet()

    def record(self, run: Run, sweep: Sweep, row: int | None = None) -> Recorder:
        """Write a run that begins, from now on.

        Parameters
        ----------
        run : Run
            It keeps its values in a list.
        sweep : Sweep
            What it is of.
        row : int, optional
            The row of a run that it goes on with.

        Returns
        -------
        Recorder
        """
        recorder = Recorder(run, sweep, self.file.values, self.writer.wake, row, progress=self.writer.progress)
        recorder.generation = self.file.generation
        run.recorder = recorder
        self._records.add(run.chunks)
        return recorder

    @property
    def n_bytes(self) -> int:
        """What it takes on the disk: its files, and the stamps of this kernel's runs that were spilled beside it."""
        return self.file.n_bytes + sum(record.n_bytes for record in list(self._records))

    def begin(self, recorder: Recorder) -> None:
        """Have a recorder write; once its `copies` and `places` are what they are to be.

        Parameters
        ----------
        recorder : Recorder
            From `record`.
        """
        self.writer.add(recorder)

    def delete(self, runs: list[StoredRun]) -> int:
        """Forget runs, with their points and values.

        Parameters
        ----------
        runs : list of StoredRun
            Those that some kernel is at are left.

        Returns
        -------
        int
            How many were forgotten.
        """
        gone = [run for run in runs if not run.is_running]
        folders = [folder for run in gone for folder in job_folders(self.file, run)]
        try:
            self._forget(gone)
        except StoreError as error:
            if not is_full(error):
                raise
            self._forget_on_a_full_disk(gone)
        self._delete_values(gone)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
        return len(gone)

    def _forget(self, runs: list[StoredRun]) -> None:
        with self.file.writing() as connection:
            for run in runs:
                span = point_id(run.run, 0), point_id(run.run, PLACES - 1)
                connection.execute("DELETE FROM points WHERE point BETWEEN ? AND ?", span)
                connection.execute("DELETE FROM failures WHERE point BETWEEN ? AND ?", span)
                connection.execute("DELETE FROM blocks WHERE run = ?", (run.run,))
                connection.execute("DELETE FROM jobs WHERE run = ?", (run.run,))
                connection.execute("DELETE FROM profiles WHERE run = ?", (run.run,))
                connection.execute("DELETE FROM runs WHERE run = ?", (run.run,))
            connection.execute("DELETE FROM functions WHERE function NOT IN (SELECT function FROM runs)")

    def _forget_on_a_full_disk(self, runs: list[StoredRun]) -> None:
        self._delete_values(runs)  # they go anyway, and make room
        try:
            self._forget(runs)
        except StoreError as error:
            what = f"the disk of the store {self.file.path} is so full that not even forgetting has room"
            cure = f"free some space there, or delete all that is kept: rm -r {self.file.path}*"
            raise StoreError(what, cause=str(error.__cause__), cure=cure) from error

    def _delete_values(self, runs: list[StoredRun]) -> None:
        for folder in (self.file.values.folder / str(run.run) for run in runs):
            if folder.is_dir():
                for path in folder.iterdir():
                    path.unlink(missing_ok=True)
                folder.rmdir()

    def prune(self, most_bytes: int = 0, *, is_all: bool = False) -> tuple[int, int]:
        """Forget runs until the store is small enough, those that are done first, the oldest first.

        Parameters
        ----------
        most_bytes : int
            How large it may be; with 0 every run that is done goes, and those that were cut short stay.
        is_all : bool
            Whether those go as well.

        Returns
        -------
        tuple of int
            How many runs were forgotten, and how many bytes that gave back.

        Raises
        ------
        StoreError
            It cannot be written; on a full disk, where its reserve is gone too.
        """
        before = self.file.n_bytes
        n = 0
        with self.file.alone(), self.file.reserve.given_up():  # else what waits to be written takes the room at once
            runs = self._left()
            waiting = [run for run in runs if not run.was_cut_short]
            if most_bytes or is_all:
                waiting += [run for run in runs if run.was_cut_short]
            while waiting and (not most_bytes or self.file.n_used > most_bytes):
                few = min(_TOGETHER, len(waiting)) if not most_bytes else max(1, len(waiting) // 4)
                n += self.delete(waiting[:few])
                del waiting[:few]
            with contextlib.suppress(StoreError):  # no room for that: what is free in the file is filled again
                if not most_bytes:  # it writes the whole file anew, which no cell should wait for
                    self.file.shrink()
                self.file.settle()
        return n, max(0, before - self.file.n_bytes)

    def _left(self) -> list[StoredRun]:
        """Give the runs that nobody is at: those of this process too whose end could not be written."""
        at_work = self.writer.rows
        runs = (
            replace(run, state="cancelled")
            if run.is_mine and run.state == "running" and run.run not in at_work
            else run
            for run in listed(self.file, -1)
        )
        return [run for run in runs if not run.is_running]

    def keep_small(self, most_bytes: int = _MOST_BYTES) -> None:
        """Forget the oldest runs if the store has grown over its limit."""
        if self.file.n_used > most_bytes:
            self.prune(int(0.8 * most_bytes))

    def close(self) -> None:
        """Write what there is, and let the file go."""
        self.writer.close()
        self.file.close()


class Stores:
    """The open stores of a process, by their paths."""

    def __init__(self) -> None:
        self._open: dict[Path, Store] = {}
        self._lock = threading.Lock()

    def get(self, path: Path | None = None) -> Store:
        """Give a store to write, opened when it is first asked for.

        Parameters
        ----------
        path : Path, optional
            The file; this user's own by default.

        Returns
        -------
        Store

        Raises
        ------
        StoreError
            It cannot be opened.
        """
        wanted = (path or default_path()).expanduser().absolute()
        with self._lock:
            found = self._open.get(wanted)
            if found is None or found.file.is_read_only:
                store = Store(wanted)
                if found is not None:  # its disk can be written by now
                    found.close()
                found = self._open[wanted] = store
                found.keep_small()
            return found

    def look(self, path: Path | None = None) -> Store:
        """Give a store whose runs are asked for: one on a disk that cannot be written will do.

        Parameters
        ----------
        path : Path, optional
            As in `get`.

        Returns
        -------
        Store

        Raises
        ------
        StoreError
            It cannot be read.
        """
        wanted = (path or default_path()).expanduser().absolute()
        if not is_read_only(wanted):
            return self.get(wanted)
        with self._lock:
            found = self._open.get(wanted)
            if found is None:
                found = self._open[wanted] = Store(wanted, is_read_only=True)
            return found

    @property
    def opened(self) -> list[Store]:
        """Those that are open, the first opened first."""
        with self._lock:
            return list(self._open.values())

    def close(self) -> None:
        """Write what there is, and let all of them go."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()
