"""Copies to and from other machines: pathos' `Copier`, on `transfer.copy`.

Usage
-----
::

    copier = Copier(source="results/*.npy", destination="me@node7:data")
    copier.launch()
    copier.copied, copier.progress
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from pathos_nb.connection import PATIENCE_S, Pipe
from pathos_nb.errors import BadOption, CopyFailed
from pathos_nb.secure.connection import said_by
from pathos_nb.secure.registered import remote_to
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.transfer import Copied, Progress, copy

__all__ = ["Copier", "FileNotFound"]

FileNotFound = CopyFailed  # pathos' name


class _Stopped(Exception):
    """The copier was told to stop."""


class _Copying:
    """One copy, in a thread; it looks like a command that runs."""

    pid = 0
    stdout = b""

    def __init__(self, copier: Copier) -> None:
        self._copier, self._is_stopped = copier, threading.Event()
        self.stderr = ""
        self.status: int | None = None
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"pathos-nb {copier.name}", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        status = 1
        try:
            self._copier.copied = self._copy()
            status = 0
        except _Stopped:
            self.stderr = "it was stopped"
        except Exception as error:  # it is raised where it is waited for
            self.error, self.stderr = error, str(error)
        finally:
            self.status = status

    def _copy(self) -> Copied:
        copier, remotes = self._copier, {}
        options = {**said_by(copier.options), **copier.remote}
        with ExitStack() as stack:

            def connect(host: str) -> Remote:
                if host not in remotes:
                    remotes[host] = stack.enter_context(remote_to(host, **options))
                return remotes[host]

            return copy(copier.source, copier.destination, connect, progress=self._tell, resume=copier.resume)

    def _tell(self, progress: Progress) -> None:
        if self._is_stopped.is_set():
            raise _Stopped
        self._copier.progress = progress
        if self._copier.on_progress is not None:
            self._copier.on_progress(progress)

    def wait(self, timeout: float | None) -> bool:
        """Wait until it has ended; say whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """Stop it after the present block; a later copy goes on there."""
        self._is_stopped.set()
        self.wait(PATIENCE_S)


class Copier(Pipe):
    """Copies files and folders, here, there, or between hosts.

    Parameters
    ----------
    name : str, optional
        A name for it.
    **kwds : object
        ``source`` (``[[user@]host:]path``, patterns too, or a list of them), ``destination``, ``background``,
        ``options`` (``-q``, ``-r``, ``-P``, ``-i``, ``-J``), ``launcher`` (``"scp"`` or ``"cp"``), ``resume`` (True),
        ``on_progress`` (is told each `Progress`), ``remote``: arguments of `Remote`.

    Attributes
    ----------
    progress : Progress or None
        How far it is.
    copied : Copied or None
        What was copied, at the end.
    """

    _OPTIONS = ("source", "destination", "background", "decode", "stdin", "timeout", "launcher", "options", "resume",
                "on_progress", "remote")  # fmt: skip

    def __init__(self, name: str | None = None, **kwds: Any) -> None:
        self.source: str | list[str] = "."
        self.destination, self.launcher, self.options = ".", "scp", ""
        self.remote: dict[str, Any] = {}
        self.resume = True
        self.on_progress: Callable[[Progress], object] | None = None
        self.progress: Progress | None = None
        self.copied: Copied | None = None
        super().__init__(name, **kwds)

    def __repr__(self) -> str:
        return f"Copier({f'{self.launcher} {self._told()}'!r})"

    def _told(self) -> str:
        source = self.source if isinstance(self.source, str) else " ".join(self.source)
        return f"{source} {self.destination}"

    def config(self, **kwds: Any) -> dict[str, Any]:
        """Set options; it has to be launched anew afterwards.

        Raises
        ------
        KeyError
            For ``command``, as in pathos.
        BadOption
            There is none of that name.
        """
        if "command" in kwds:
            raise KeyError("command")
        self.progress = self.copied = None
        return super().config(**kwds)

    def launch(self) -> None:
        """Copy; in the background, begin to.

        Raises
        ------
        CopyFailed, HostUnreachable, HostKeyRefused, LoginRefused, BadOption
            It failed; what was there before is whole.
        """
        if self.launcher not in ("scp", "cp"):
            raise BadOption(f"{self.launcher!r} is not used to copy", cure="scp and cp are understood")
        self._running = copying = _Copying(self)
        if self.background:
            return
        try:
            self._wait_for(copying)
        except BaseException:
            copying.kill()
            raise

    def _wait_for(self, copying: _Copying) -> None:
        if not copying.wait(self.timeout):
            raise CopyFailed(
                f"{self._told()} was not copied within {self.timeout:g} s",
                cure="give it more time (timeout=); it goes on where it was cut",
                host="localhost",
            )
        if copying.error is not None:
            raise copying.error

    def response(self) -> Any:
        """Give an empty text when the copy has ended, None while it runs; raise what it has failed of."""
        answer = super().response()
        if isinstance(self._running, _Copying) and self._running.error is not None:
            raise self._running.error
        return answer
