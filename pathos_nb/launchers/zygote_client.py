"""The pool's end of the zygote: started when the first worker is wanted, told to fork and kill, ended by closing."""

from __future__ import annotations

import array
import contextlib
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pathos_nb.errors import PoolBroken
from pathos_nb.launchers.board import shared_file
from pathos_nb.launchers.contract import Hub
from pathos_nb.launchers.cores import inner_threads
from pathos_nb.launchers.registry import registry

REQUEST_BYTES = 64
BOOTSTRAP = (
    "import sys; sys.path[:] = [p for p in sys.path if p] + [sys.argv[1]]; "
    "from pathos_nb.launchers.zygote import main; main()"
)
_CLOSE_S = 2.0
_PRELOAD = ("cloudpickle",)
_ROOT = str(Path(__file__).resolve().parent.parent.parent)


class ZygoteClient:
    """Starts the zygote and talks to it.

    Parameters
    ----------
    hub : Hub
        Where to wait for its words.
    tell : callable
        Takes (verb, number, number) for each of them; ("gone", 0, 0) at its end.
    n_workers : int
        Among how many workers the cores will be shared.
    """

    def __init__(self, hub: Hub, tell: Callable[[str, int, int], None], n_workers: int) -> None:
        self._hub, self._tell = hub, tell
        self._heard = b""
        self._environ: tuple[Any, dict[str, str]] = (None, {})
        self._limits = inner_threads(n_workers)
        self._gone = False
        try:
            self._log_fd = shared_file("pathos-nb-zygote")
            self._control, remote = socket.socketpair()
            with remote:
                self._pid = self._spawn(remote.fileno())
        except OSError as error:
            raise PoolBroken(f"the process that starts workers cannot be started: {error.strerror}") from error
        self._control.setblocking(False)
        hub.watch(self._control.fileno(), self._on_readable)

    def _spawn(self, stdin: int) -> int:
        preload = [module for module in _PRELOAD if module in sys.modules]
        argv = [sys.executable, "-c", BOOTSTRAP, _ROOT, *preload]
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0)] + [(os.POSIX_SPAWN_DUP2, self._log_fd, fd) for fd in (1, 2)]
        environ = {**os.environ, **self._limits}
        return os.posix_spawn(argv[0], argv, environ, file_actions=actions, setsid=True)

    def fork(self, index: int, descriptors: Sequence[int]) -> None:
        """Ask for a worker; "forked" or "unable" will be told.

        Raises
        ------
        OSError
            The zygote has gone, or takes no descriptors.
        """
        passed = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
        self._control.sendmsg([_request("fork", index, 0)], passed)

    def kill(self, pid: int, number: int) -> None:
        """Send a signal to a worker's process group."""
        try:
            self._control.send(_request("kill", pid, number))
        except OSError:
            with contextlib.suppress(OSError):
                os.killpg(pid, number)

    def _on_readable(self) -> None:
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._gone = True
            self._hub.unwatch(self._control.fileno())
            self._tell("gone", 0, 0)
            return
        *lines, self._heard = (self._heard + data).split(b"\n")
        for line in lines:
            verb, first, second = line.decode().split()
            self._tell(verb, int(first), int(second))

    @property
    def is_gone(self) -> bool:
        """Whether it has ended by itself."""
        return self._gone

    def log(self) -> str:
        """Give what it wrote on its standard error."""
        size = os.lseek(self._log_fd, 0, os.SEEK_END)
        return os.pread(self._log_fd, 4000, max(0, size - 4000)).decode("utf-8", "replace").strip()

    def context(self) -> tuple[Any, ...]:
        """Give current folder, module path and environment: what a worker takes over before a run that changed them."""
        try:
            folder = os.getcwd()  # noqa: PTH109 - a call is made for each map
        except OSError:
            folder = "/"
        return (
            folder,
            [folder if entry == "" else entry for entry in sys.path],
            self._environment(),
            list(registry.worker_hooks),
        )

    def _environment(self) -> dict[str, str]:
        # Decoding all of os.environ takes longer than a whole call; its own dictionary tells whether it changed.
        raw: Any = getattr(os.environ, "_data", os.environ)
        if raw != self._environ[0]:
            self._environ = dict(raw), {**self._limits, **os.environ}
        return self._environ[1]

    def close(self) -> None:
        """End it, and by that every worker; returns when it is gone."""
        self._hub.unwatch(self._control.fileno())
        self._control.close()
        deadline = time.monotonic() + _CLOSE_S
        while not self._reaped():
            if time.monotonic() > deadline:
                with contextlib.suppress(OSError):
                    os.kill(self._pid, signal.SIGKILL)
                deadline += _CLOSE_S
            time.sleep(0.001)  # a child's end has no descriptor on every system, and is a millisecond away
        os.close(self._log_fd)

    def _reaped(self) -> bool:
        try:
            return os.waitpid(self._pid, os.WNOHANG)[0] == self._pid
        except ChildProcessError:
            return True


def _request(verb: str, first: int, second: int) -> bytes:
    return f"{verb} {first} {second}".encode().ljust(REQUEST_BYTES)
