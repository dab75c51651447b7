"""A carrier to a command of this machine, such as ``srun``, whose stdin and stdout are those of a command elsewhere."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence

__all__ = ["ProcessCarrier"]

_TAIL_BYTES = 1 << 16
_BUFFER_BYTES = 1 << 20
_GRACE_S = (1.5, 1.5, 1.0)  # after the end of its input, after TERM, after KILL


class ProcessCarrier:
    """A connected socket whose other end is a command's stdin and stdout.

    Parameters
    ----------
    command : sequence of str
        Its words; it gets a session of its own, so that an interrupt of ours is none of its.
    where : str
        Where it leads to, for messages.
    environ : mapping, optional
        Its environment.

    Raises
    ------
    OSError
        It cannot be started.
    """

    def __init__(self, command: Sequence[str], where: str, environ: Mapping[str, str] | None = None) -> None:
        self.where = where
        self.sock, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the carrier
        try:
            with theirs:
                for end in (self.sock, theirs):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
                fd = theirs.fileno()
                self.process = subprocess.Popen(
                    command, stdin=fd, stdout=fd, stderr=self._errors, env=environ, start_new_session=True
                )
        except BaseException:
            self.sock.close()
            self._errors.close()
            raise

    def __repr__(self) -> str:
        return f"<ProcessCarrier to {self.where}: {self.why_ended() or 'running'}>"

    def fileno(self) -> int:
        """Give the descriptor of `sock`."""
        return self.sock.fileno()

    def error_text(self) -> str:
        """Give the end of what it has written to stderr so far."""
        if self._errors.closed:
            return ""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode("utf-8", "replace")

    def why_ended(self) -> str:
        """Say in words how it has ended; nothing while it runs."""
        status = self.process.poll()
        if status is None:
            return ""
        return f"exit status {status}" if status >= 0 else f"it was ended by signal {-status}"

    def close(self) -> None:
        """End it, gently first; a second call does nothing."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for end, grace_s in zip((_by_itself, self.process.terminate, self.process.kill), _GRACE_S, strict=True):
            end()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(grace_s)
                break
        self._errors.close()


def _by_itself() -> None:
    """End nothing: a process whose stream has ended may be about to go."""
