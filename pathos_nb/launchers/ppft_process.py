"""A ppft server as a process of its own: what runs in it, and how it is started and ended from here.

Who starts it holds its standard input: the first line is the secret, and when it closes, be it because its owner was
killed, the server ends with all its workers.
"""

from __future__ import annotations

import json
import os
import secrets
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from pathos_nb.errors import PoolBroken
from pathos_nb.launchers.shared_file import shared_file

__all__ = ["ServerProcess", "run", "serve", "until_over"]

_START_S = 60.0
_END_S = 5.0
_LOOK_S = 1.0
_SECRET_BYTES = 32
_MAX_SECRET = 4096
_BOOT = "import sys; sys.path[:] = [p for p in sys.path if p] + [sys.argv.pop(1)]; "
_BOOT += "from pathos_nb.launchers.ppft_process import run; sys.exit(run(int(sys.argv[1]), int(sys.argv[2])))"
_ROOT = __file__.rsplit(os.sep, 3)[0]


# --- in the server's process ---


def run(port: int, nodes: int, stdin: int = 0, stdout: IO[str] | None = None) -> int:
    """Be a server until standard input closes, or the process that started it is gone.

    Parameters
    ----------
    port : int
        Where to listen on loopback; 0 for any.
    nodes : int
        How many workers callers are told to use.
    stdin : int
        The descriptor whose first line is the secret.
    stdout : file, optional
        Where port and process id are written, as one line of JSON.

    Returns
    -------
    int
        The exit status.
    """
    out, parent = stdout or sys.stdout, os.getppid()
    secret = _first_line(stdin)
    if not secret:
        sys.stderr.write("the first line of standard input must be the secret\n")
        return 2

    def say(**told: Any) -> None:
        out.write(json.dumps(told) + "\n")
        out.flush()

    try:
        serve(port, nodes, secret, say, lambda: until_over(stdin, parent))
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def serve(port: int, nodes: int, secret: bytes, say: Callable[..., None], wait: Callable[[], None]) -> None:
    """Be a server for as long as something lasts.

    Parameters
    ----------
    port, nodes, secret : int, int, bytes
        Of the service.
    say : callable
        Is told ``port`` and ``pid`` when it listens.
    wait : callable
        Returns when it shall end.

    Raises
    ------
    OSError
        It cannot be started.
    """
    from pathos_nb.launchers.ppft_server import Service

    try:
        service = Service(port, nodes, secret)
    except (OSError, OverflowError, PoolBroken) as error:
        raise OSError(f"the server cannot be started at port {port} of loopback: {error}") from error
    threading.Thread(target=service.listen, name="pathos_nb ppft listener", daemon=True).start()
    try:
        say(port=service.port, pid=os.getpid())
        wait()
    except (KeyboardInterrupt, BrokenPipeError):
        pass
    finally:
        service.close()


def _first_line(fd: int) -> bytes:
    line = b""
    while len(line) < _MAX_SECRET:
        byte = os.read(fd, 1)  # no more than the line: what comes after it is waited for by its descriptor
        if byte in (b"", b"\n"):
            break
        line += byte
    return line.strip()


def until_over(stdin: int, parent: int) -> None:
    """Wait until a descriptor is at its end, or the process that started this one is gone."""
    while os.getppid() == parent:
        ready, _, _ = select.select([stdin], [], [], _LOOK_S)
        if ready and not os.read(stdin, 4096):
            return


# --- in its owner's process ---


class ServerProcess:
    """A server of this machine that belongs to this process.

    Parameters
    ----------
    nodes : int
        How many workers it tells callers to use.
    port : int
        Where it listens; 0 for any.

    Raises
    ------
    PoolBroken
        It cannot be started.
    """

    def __init__(self, nodes: int, port: int = 0) -> None:
        self.secret = secrets.token_hex(_SECRET_BYTES)
        self._lock, self._told = threading.Lock(), dict[str, Any]()
        argv = [sys.executable, "-c", _BOOT, _ROOT, str(port), str(nodes)]
        try:
            self._log_fd = shared_file("pathos-nb-server")
            self._process = self._spawn(argv)
        except OSError as error:
            what, cure = f"a ppft server cannot be started: {error.strerror}", "close files, or raise the limit"
            raise PoolBroken(what, cure=cure if error.errno in (23, 24) else "") from error
        self._stdin, self._stdout = _piped(self._process)
        with suppress(BrokenPipeError):
            os.write(self._stdin.fileno(), self.secret.encode() + b"\n")

    def _spawn(self, argv: list[str]) -> subprocess.Popen[bytes]:
        pipe, log = subprocess.PIPE, self._log_fd
        try:
            return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=log, start_new_session=True)
        except OSError:
            os.close(self._log_fd)
            raise

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.poll() is None

    def port(self) -> int:
        """Give where it listens, once it does.

        Raises
        ------
        PoolBroken
            It does not begin; the message has what it wrote.
        """
        with self._lock:
            if not self._told:
                self._told = self._hear(time.monotonic() + _START_S)
            return int(self._told["port"])

    def _hear(self, deadline_s: float) -> dict[str, Any]:
        line = b""
        while not line.endswith(b"\n"):
            left_s = deadline_s - time.monotonic()
            ready = left_s > 0 and select.select([self._stdout], [], [], left_s)[0]
            data = os.read(self._stdout.fileno(), 4096) if ready else b""
            if not data:
                what = "the ppft server ended before it began" if ready else f"no ppft server within {_START_S:.0f} s"
                raise PoolBroken(what, cure="see that ppft can be imported", tail=self.log())
            line += data
        told: dict[str, Any] = json.loads(line)
        return told

    def log(self) -> str:
        """Give the end of what it wrote on its standard error."""
        size = os.lseek(self._log_fd, 0, os.SEEK_END)
        return os.pread(self._log_fd, 4000, max(0, size - 4000)).decode("utf-8", "replace").strip()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def kill(self) -> None:
        """End it at once; its workers find out by themselves, within milliseconds."""
        with suppress(OSError):
            self._process.kill()
        self.close()

    def close(self) -> None:
        """End it and all its workers; returns when they have gone."""
        with suppress(OSError):
            self._stdin.close()
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with self._lock:
            self._stdout.close()
            if self._log_fd >= 0:
                os.close(self._log_fd)
                self._log_fd = -1


def _piped(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise PoolBroken("a ppft server has no pipes")
    return process.stdin, process.stdout
