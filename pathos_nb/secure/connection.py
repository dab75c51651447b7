"""A command of another machine, by ssh: pathos' `secure.Pipe`.

Usage
-----
::

    pipe = Pipe(command="hostname", host="me@node7")
    pipe.launch()
    pipe.response(), pipe.stderr, pipe.status
"""

from __future__ import annotations

import shlex
import threading
from typing import Any

from pathos_nb import connection
from pathos_nb.errors import BadOption
from pathos_nb.secure.exchange import exchange
from pathos_nb.secure.registered import remote_to
from pathos_nb.secure.remote import Remote

__all__ = ["Pipe"]

# Options of ssh's that people give, and what they are here; those that change nothing here are None.
_FLAGS = {"-p": "port", "-i": "key", "-l": "user", "-J": "through"}
_MEANINGLESS = frozenset({"-q", "-v", "-N", "-n", "-T", "-x", "-a", "-f", "-r", "-C"})


def said_by(options: str) -> dict[str, Any]:
    """Take the options of ``ssh`` (or ``scp``) apart that make sense here.

    Parameters
    ----------
    options : str
        Such as ``"-q -p 2222"``.

    Returns
    -------
    dict
        Arguments of `Remote`.

    Raises
    ------
    BadOption
        One that would need ``ssh`` itself.
    """
    found: dict[str, Any] = {}
    words = iter(shlex.split(options or ""))
    for word in words:
        if word in _FLAGS or word == "-P":
            found[_FLAGS.get(word, "port")] = next(words, "")
        elif word not in _MEANINGLESS:
            raise BadOption(f"the option {word} of ssh is not known here", cure="put it into ~/.ssh/config")
    return found


class _Far:
    """A command on a host, with a connection of its own, which ends with it."""

    def __init__(self, remote: Remote, words: list[str], stdin: bytes) -> None:
        self.stdout, self.stderr = b"", ""
        self.status: int | None = None
        self._remote = remote
        try:
            self._carrier = remote.open(words)
        except BaseException:
            remote.close()
            raise
        self.pid = self._carrier.pid
        self._thread = threading.Thread(target=self._run, args=(stdin,), name=f"pathos-nb {words[0]}", daemon=True)
        self._thread.start()

    def _run(self, stdin: bytes) -> None:
        try:
            self.stdout = exchange(self._carrier.sock, stdin, None) or b""
        except OSError:  # the carrier was closed
            pass
        finally:
            self._carrier.wait_ended(1.0)
            self.stderr = self._carrier.error_text()
            lost = self._carrier.exit_status is None
            self.stderr += f"\n{self._carrier.why_ended()}" if lost else ""
            self.status = -1 if self._carrier.exit_status is None else self._carrier.exit_status
            self._remote.close()

    def wait(self, timeout: float | None) -> bool:
        """Wait until it has ended; say whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def kill(self) -> None:
        """End it, and what it has started."""
        self._carrier.kill("TERM")
        if not self.wait(2.0):
            self._carrier.kill("KILL")
            if not self.wait(2.0):
                self._remote.close()
                self.wait(5.0)


class Pipe(connection.Pipe):
    """A command of another machine.

    Parameters
    ----------
    name : str, optional
        A name for it.
    **kwds : object
        Those of `connection.Pipe`, and ``host`` (``[user@]host``, default ``localhost``), ``options`` (of ssh's:
        ``-p``, ``-i``, ``-l``, ``-J``), ``launcher`` (``"ssh"``), ``remote``: arguments of `Remote`.
    """

    _OPTIONS = (*connection.Pipe._OPTIONS, "host", "launcher", "options", "remote")

    def __init__(self, name: str | None = None, **kwds: Any) -> None:
        self.host, self.launcher, self.options = "localhost", "ssh", ""
        self.remote: dict[str, Any] = {}
        super().__init__(name, **kwds)

    def __repr__(self) -> str:
        return f"Pipe({f'ssh {self.host} {self._told()}'!r})"

    def _start(self, words: list[str], stdin: bytes) -> connection.Running:
        if self.launcher not in ("", "ssh"):
            raise BadOption(f"{self.launcher!r} is not used to reach hosts", cure="ssh is")
        return _Far(remote_to(self.host, **{**said_by(self.options), **self.remote}), words, stdin)

    def _where(self) -> str:
        return self.host
