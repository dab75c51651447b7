"""An agent in a process of this machine: a carrier as the ssh wing makes them, without any ssh."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

from pathos_nb.launchers.agent import agent_launcher
from pathos_nb.launchers.registry import registry

_TAIL = 1 << 16


class LocalCarrier:
    """A stream to a command that runs here."""

    where = "here"

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        self.sock, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the carrier
        with theirs:
            self.process = subprocess.Popen(
                command, stdin=theirs, stdout=theirs, stderr=self._errors, start_new_session=True, **options
            )

    def fileno(self) -> int:
        return self.sock.fileno()

    def error_text(self) -> str:
        if self._errors.closed:
            return ""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), _TAIL, max(0, size - _TAIL)).decode("utf-8", "replace")

    def why_ended(self) -> str:
        status = self.process.poll()
        return "" if status is None else f"exit status {status}"

    def close(self) -> None:
        self.sock.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(2)
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(1)
        self._errors.close()


def register(name: str = "agent", carrier: Callable[[Sequence[str]], Any] = LocalCarrier, **more: Any) -> None:
    """Make the launcher known by a name."""
    registry.register(name, agent_launcher(name, carrier, **{"python": sys.executable, "cores": 2, **more}))


register()


def beginning_with(agents: str, workers: str) -> Callable[[Sequence[str]], LocalCarrier]:
    """Give what opens a carrier to an agent that runs one piece of code first, and whose workers run another."""
    zygote = f"import pathos_nb.launchers.zygote_start as z; z.BOOTSTRAP = {workers!r} + z.BOOTSTRAP\n"
    last = "sys.path.insert(0, path)\n"  # from here on what was carried there can be imported

    def carrier(command: Sequence[str]) -> LocalCarrier:
        assert command[3].count(last) == 1
        return LocalCarrier([*command[:3], agents + command[3].replace(last, last + zygote)])

    return carrier
