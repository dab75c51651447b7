"""The pool's end of the zygote: started when the first worker is wanted, told to fork and kill, ended by closing."""

from __future__ import annotations

import array
import contextlib
import os
import time
from collections.abc import Callable, Sequence

from pathos_nb.errors import PoolBroken
from pathos_nb.launchers.callers_context import CallersContext
from pathos_nb.launchers.contract import Watcher
from pathos_nb.launchers.zygote_start import REQUEST_BYTES, ZygoteStart
from pathos_nb.typed import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
    import socket
else:
    import _signal as signal
    import _socket as socket  # socket.py makes enums of all its numbers, while a script's first map waits

_CLOSE_S = 2.0


class ZygoteClient:
    """Starts the zygote and talks to it.

    Parameters
    ----------
    hub : Watcher
        Where to wait for its words.
    tell : callable
        Takes (verb, number, number) for each of them; ("gone", 0, 0) at its end.
    n_workers : int
        Among how many workers the cores will be shared.
    start : ZygoteStart, optional
        One that boots already.
    """

    def __init__(
        self, hub: Watcher, tell: Callable[[str, int, int], None], n_workers: int, start: ZygoteStart | None = None
    ) -> None:
        self._hub, self._tell = hub, tell
        self._heard = b""
        self._gone = False
        try:
            start = start or ZygoteStart(n_workers)
            self._callers, self._log_fd, self._pid = CallersContext(start.limits), start.log_fd, start.pid
            self._control = socket.socket(fileno=start.take())
        except OSError as error:
            raise PoolBroken(f"the process that starts workers cannot be started: {error.strerror}") from error
        self._control.setblocking(False)
        hub.watch(self._control.fileno(), self._on_readable)

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
        return self._callers.context()

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
