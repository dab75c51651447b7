"""The thread that writes: all runs of a store together, a transaction at most every 50 ms."""

from __future__ import annotations

import threading
import time

from pathos_nb.dispatch.store.file import StoreFile
from pathos_nb.dispatch.store.progress import Progress
from pathos_nb.dispatch.store.recorder import Recorder
from pathos_nb.errors import StoreError

__all__ = ["StoreWriter"]

_GATHER_S = 0.05
_AGAIN_S = 1.0
_IDLE_S = 2.0
_END_S = 10.0


class StoreWriter:
    """Writes what recorders have, in a thread that lives as long as there is something.

    Parameters
    ----------
    file : StoreFile
        Where to.
    """

    def __init__(self, file: StoreFile) -> None:
        self._file = file
        self._recorders: list[Recorder] = []
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_awake, self._is_hurried, self._is_closing = False, False, False
        self.n_commits, self.progress = 0, Progress()

    def add(self, recorder: Recorder) -> None:
        """Take up a run.

        Parameters
        ----------
        recorder : Recorder
            Its `wake` is this writer's.
        """
        with self._changed:
            self._recorders.append(recorder)
        self.wake(False)

    @property
    def rows(self) -> set[int | None]:
        """The rows of the runs that are being written, or may be."""
        with self._changed:
            return {recorder.row for recorder in self._recorders if not recorder.is_over}

    def wake(self, is_hurried: bool) -> None:
        """Say that there is something to write.

        Parameters
        ----------
        is_hurried : bool
            Whether somebody waits for it.
        """
        if self._is_awake and not is_hurried:
            return
        with self._changed:
            self._is_awake = True
            self._is_hurried = self._is_hurried or is_hurried
            if self._thread is None and not self._is_closing:
                self._thread = threading.Thread(target=self._work, name="pathos-nb-store", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def _work(self) -> None:
        while self._gather():
            if self._write():
                continue
            with self._changed:  # the disk refuses: not at once again, unless somebody waits
                self._changed.wait_for(lambda: self._is_hurried or self._is_closing, _AGAIN_S)
                self._is_awake = True

    def _gather(self) -> bool:
        """Wait for something to write, and a little longer for more; False if there was nothing for a while."""
        with self._changed:
            if not self._changed.wait_for(lambda: self._is_awake or self._is_closing, _IDLE_S) or self._has_ended():
                self._thread = None
                self._changed.notify_all()
                return False
            if not any(recorder.is_settling for recorder in self._recorders):
                self._changed.wait_for(lambda: self._is_hurried or self._is_closing, _GATHER_S)
            self._is_awake = self._is_hurried = False
            return True

    def _has_ended(self) -> bool:
        return self._is_closing and not any(recorder.is_wanted for recorder in self._recorders)

    def _write(self) -> bool:
        """Write some of what every run has; True if that went well."""
        with self._changed:
            recorders = [recorder for recorder in self._recorders if recorder.has_more and not recorder.is_given_up]
        try:
            with self._file.writing() as connection:
                recorders = [recorder for recorder in recorders if recorder.is_at(self._file.generation)]
                for recorder in recorders:
                    recorder.write(connection)
            self.n_commits += 1
        except StoreError as error:
            self._fail(recorders, error)
            return False
        except Exception as error:  # ours: no run may wait for it
            told = f"{type(error).__name__}: {error}"
            self._fail(recorders, StoreError("the store could not be written", cause=told, cure="please report it"))
            return False
        for recorder in recorders:
            recorder.committed()
        self._let_go()
        return True

    def _fail(self, recorders: list[Recorder], error: StoreError) -> None:
        for recorder in recorders:
            recorder.failed(error)
        self._let_go()

    def _let_go(self) -> None:
        with self._changed:
            self._recorders = [recorder for recorder in self._recorders if not recorder.is_over]
            if any(recorder.has_more and not recorder.is_given_up for recorder in self._recorders):
                self._is_awake = True

    def flush(self, timeout_s: float = _END_S) -> bool:
        """Wait until everything is written.

        Parameters
        ----------
        timeout_s : float
            At most so long.

        Returns
        -------
        bool
            Whether it is.
        """
        until = time.monotonic() + timeout_s
        while any(recorder.is_wanted for recorder in list(self._recorders)):
            self.wake(True)
            with self._changed:
                self._changed.wait(0.01)
            if time.monotonic() > until:
                return False
        return True

    def settle(self, digest: bytes, timeout_s: float = _END_S) -> None:
        """Wait for runs of a function that are over, or were stopped, and are still being written: then all is known.

        Parameters
        ----------
        digest : bytes
            Of the function's key.
        timeout_s : float
            At most so long.
        """
        until = time.monotonic() + timeout_s
        ending = [
            recorder
            for recorder in list(self._recorders)
            if (recorder.run.stopping or recorder.run.is_over) and recorder.sweep.key.digest == digest
        ]
        for recorder in ending:
            recorder.run.wait(max(0.0, until - time.monotonic()))
            while not recorder.is_over and time.monotonic() < until:
                self.wake(True)
                with self._changed:
                    self._changed.wait(0.01)

    def close(self) -> None:
        """Write what there is, and end the thread."""
        self.flush()
        with self._changed:
            self._is_closing = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None and thread is not threading.current_thread():
            thread.join(_END_S)
