"""A command of this machine, started, waited for, and ended: pathos' `Pipe`, without a shell.

A command is a list of words, or a string that is taken apart into words as a shell would; a string that needs a shell
(pipes, ``$NAME``, ``*``) is refused, since what a shell makes of it is rarely what was meant. Who wants one says so:
``["sh", "-c", "..."]``.

Usage
-----
::

    pipe = Pipe(command="hostname")
    pipe.launch()
    pipe.response()
"""

from __future__ import annotations

import contextlib
import os
import random
import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Sequence
from typing import Any, Protocol

from pathos_nb.errors import BadOption, CommandFailed

__all__ = ["Pipe", "PipeException", "Running", "words_of"]

PipeException = CommandFailed  # pathos' name

PATIENCE_S = 2.0  # how long `response` waits for a command in the background
GRACE_S = 2.0

_NEEDS_A_SHELL = re.compile(r"[|&;<>()`$*?{}\[\]\n!#]|(?:^|\s)~")


def words_of(command: str | Sequence[str]) -> list[str]:
    """Give the words of a command.

    Parameters
    ----------
    command : str or sequence of str
        A string is taken apart as a shell would, quotes and all.

    Returns
    -------
    list of str

    Raises
    ------
    BadOption
        It is empty, its quotes do not match, or it needs a shell.
    """
    if not isinstance(command, str):
        words = [str(word) for word in command]
    else:
        bare = re.sub(r"'[^']*'|\"[^\"$`]*\"|\\.", "x", command, flags=re.DOTALL)
        if found := _NEEDS_A_SHELL.search(bare):
            raise BadOption(
                f"{command!r} has a {found.group().strip()!r} in it, which only a shell understands",
                cure=f'give a list of words; or, if a shell is meant, ["sh", "-c", {command!r}]',
            )
        try:
            words = shlex.split(command)
        except ValueError as error:
            raise BadOption(f"{command!r} is no command: {error}", cure="give a list of words") from error
    if not words or any("\0" in word for word in words):
        raise BadOption("a command has at least one word, and no NUL in it")
    return words


class Running(Protocol):
    """A command that was started, here or on a host."""

    pid: int
    stdout: bytes
    stderr: str
    status: int | None

    def wait(self, timeout: float | None) -> bool:
        """Wait until it has ended; say whether it has."""

    def kill(self) -> None:
        """End it, and what it has started."""


class _Local:
    """A process of this machine, in a group of its own."""

    def __init__(self, words: list[str], stdin: bytes) -> None:
        self.stdout, self.stderr = b"", ""
        self.status: int | None = None
        try:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
            )
        except OSError as error:
            raise CommandFailed(
                f"{words[0]} could not be started", cause=error.strerror or str(error), cure="check its name and path",
                host="localhost",
            ) from error  # fmt: skip
        self.pid = self._process.pid
        self._thread = threading.Thread(target=self._run, args=(stdin,), name=f"pathos-nb {words[0]}", daemon=True)
        self._thread.start()

    def _run(self, stdin: bytes) -> None:
        self.stdout, said = self._process.communicate(stdin)
        self.stderr = said.decode("utf-8", "replace")
        self.status = self._process.returncode

    def wait(self, timeout: float | None) -> bool:
        """Wait until it has ended; say whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """End it, and what it has started."""
        for number in (signal.SIGTERM, getattr(signal, "SIGKILL", signal.SIGTERM)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(self.pid, number)
                else:
                    self._process.terminate()
            if self.wait(GRACE_S):
                return


class Pipe:
    """A command of this machine.

    Parameters
    ----------
    name : str, optional
        A name for it.
    **kwds : object
        ``command`` (default ``echo`` and the name), ``background`` (False), ``decode`` (the encoding of the answer,
        ``"utf-8"``; False for bytes), ``stdin`` (bytes, text, or an open file, which is read), ``timeout`` (seconds to
        wait in the foreground).

    Attributes
    ----------
    status : int or None
        The exit status, when it has ended; below 0: the number of the signal that ended it.
    stderr : str
        What it wrote to stderr.
    """

    verbose = True
    _OPTIONS: tuple[str, ...] = ("command", "background", "decode", "stdin", "timeout")

    def __init__(self, name: str | None = None, **kwds: Any) -> None:
        self.name = name or f"pipe{random.randrange(16**8):08x}"
        self.message: str | Sequence[str] = ["echo", self.name]
        self.background, self.stdin = False, None
        self.codec: str | bool = "utf-8"
        self.timeout: float | None = None
        self._running: Running | None = None
        self.config(**kwds)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._told()!r})"

    def _told(self) -> str:
        return self.message if isinstance(self.message, str) else shlex.join(map(str, self.message))

    def config(self, **kwds: Any) -> dict[str, Any]:
        """Set options; it has to be launched anew afterwards.

        Parameters
        ----------
        **kwds : object
            As for the class.

        Returns
        -------
        dict
            All options.

        Raises
        ------
        BadOption
            There is none of that name.
        """
        unknown = set(kwds) - set(self._OPTIONS)
        if unknown:
            raise BadOption(f"{type(self).__name__} has no option {', '.join(sorted(unknown))}",
                            cure=f"there are {', '.join(self._OPTIONS)}")  # fmt: skip
        for key, value in kwds.items():
            setattr(self, {"command": "message", "decode": "codec"}.get(key, key), value)
        self._running = None
        names = {"command": "message", "decode": "codec"}
        return {names.get(key, key): getattr(self, names.get(key, key)) for key in self._OPTIONS}

    def __call__(self, **kwds: Any) -> dict[str, Any]:
        """Set options: the same as `config`."""
        return self.config(**kwds)

    def launch(self) -> None:
        """Start the command; in the foreground, wait until it has ended.

        Raises
        ------
        CommandFailed
            It could not be started, or did not end in time; it is ended then.
        """
        self._running = self._start(words_of(self.message), _content(self.stdin))
        if not self.background and not self._running.wait(self.timeout):
            self._running.kill()
            raise CommandFailed(
                f"{self._told()} did not end within {self.timeout:g} s, and was killed",
                cure="give it more time (timeout=), or run it in the background",
                host=self._where(),
                tail=self._running.stderr,
            )

    def _start(self, words: list[str], stdin: bytes) -> Running:
        return _Local(words, stdin)

    def _where(self) -> str:
        return "localhost"

    def _launched(self) -> Running:
        if self._running is None:
            raise CommandFailed("'launch' is required after any reconfiguration", host=self._where())
        return self._running

    def response(self) -> Any:
        """Give what the command wrote to stdout.

        Returns
        -------
        str, bytes or None
            None if it runs in the background and has not ended within two seconds.

        Raises
        ------
        CommandFailed
            It was not launched.
        """
        running = self._launched()
        if not running.wait(PATIENCE_S if self.background else None):
            return None
        if not self.codec:
            return running.stdout
        return running.stdout.decode("utf-8" if self.codec is True else self.codec, "replace")

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the command has ended; say whether it has."""
        return self._launched().wait(timeout)

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs."""
        return self._running.status if self._running else None

    @property
    def stderr(self) -> str:
        """What the command wrote to stderr, when it has ended."""
        return self._running.stderr if self._running else ""

    def pid(self) -> int:
        """Give the command's process id; 0 before it is launched."""
        return self._running.pid if self._running else 0

    def kill(self) -> None:
        """End the command, if it runs, and what it has started."""
        if self._running is not None and self._running.status is None:
            self._running.kill()


def _content(stdin: Any) -> bytes:
    """Give all that is to be fed to a command."""
    data = stdin.read() if hasattr(stdin, "read") else stdin
    return data.encode() if isinstance(data, str) else bytes(data or b"")
