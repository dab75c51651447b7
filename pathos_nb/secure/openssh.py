"""The same over the system's ``ssh``: for sites with Kerberos, a control master, or a configuration of their own.

Each command is one ``ssh`` process, whose arguments are a list. It asks nothing (BatchMode): what it needs is in the
agent, in a ticket, in a key without passphrase, or it goes over an ``ssh`` that was let in by answers (`ssh_master`).
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pathos_nb.errors import (
    CommandFailed,
    HostError,
    HostKeyRefused,
    HostUnreachable,
    LauncherUnavailable,
    LoginRefused,
)
from pathos_nb.programs import program
from pathos_nb.secure.endings import Endings, can_tell
from pathos_nb.secure.known_hosts import name_of
from pathos_nb.secure.moving import move, widen
from pathos_nb.secure.names import Target

__all__ = ["UNKNOWN_KEY", "FarProcess", "OpenSsh"]

READ_BYTES = 1 << 18
TROUBLE = 255  # ssh's own exit status when it, and not the command, has failed
ALIVE_S = 15
KILL_S = 2.0
LATE_KILL_S = 20.0  # on a busy host, or far away, to be let in takes longer than whoever closes a command waits

UNKNOWN_KEY = ("Host key verification failed", "No ED25519 host key is known")
_COMPARE = "compare its fingerprint, then connect with --accept-new"
_FORGET = "ask who runs it; if the new key is right: ssh-keygen -R '{}', then connect with --accept-new"

# What ssh says, in its own words, and what it means.
_MEANINGS: tuple[tuple[str, type[HostError], str], ...] = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", HostKeyRefused, _FORGET),
    ("REVOKED HOST KEY DETECTED", HostKeyRefused, "ask who runs it"),
    (UNKNOWN_KEY[0], HostKeyRefused, _COMPARE),
    (UNKNOWN_KEY[1], HostKeyRefused, _COMPARE),
    ("open refused by peer", CommandFailed, "end something that runs there, or ask for a larger MaxSessions"),
    ("Permission denied", LoginRefused, "add the key to the agent (ssh-add), or log in where a password can be asked"),
    ("Too many authentication failures", LoginRefused, "name the one key to use (--key)"),
)


@dataclass(frozen=True, slots=True)
class OpenSsh:
    """How ``ssh`` is called for one host.

    Attributes
    ----------
    target : Target
        The host, the user and the port.
    key, through, config : str
        A key file, jump hosts, a configuration file; empty is ssh's own choice.
    accept_new : bool
        Whether an unknown key is accepted.
    timeout : float
        Seconds to connect.
    control : str
        The socket of an ``ssh`` that is connected, or is to be; empty if there is none.
    """

    target: Target
    key: str = ""
    through: str = ""
    config: str = ""
    accept_new: bool = False
    timeout: float = 10.0
    control: str = ""

    @property
    def where(self) -> str:
        """The host as messages name it."""
        return f"{self.target.user}@{self.target.host}" if self.target.user else self.target.host

    def arguments(self, *more: str, asks: bool = False) -> list[str]:
        """Give the argument list up to the host, which comes last.

        Parameters
        ----------
        *more : str
            Options besides.
        asks : bool
            It may ask, and is the one that others go over.

        Returns
        -------
        list of str

        Raises
        ------
        LauncherUnavailable
            There is no ``ssh`` on this machine.
        """
        ssh = program("ssh")
        if ssh is None:
            raise LauncherUnavailable("there is no ssh on this machine", cure='install it, or use transport="paramiko"')
        settings = {"BatchMode": "no" if asks else "yes", "ConnectTimeout": str(max(1, round(self.timeout)))}
        strict = "accept-new" if self.accept_new else "ask" if asks else "yes"
        settings |= {"LogLevel": "ERROR", "StrictHostKeyChecking": strict, "ServerAliveInterval": str(ALIVE_S)}
        settings |= {"RemoteCommand": "none"}  # what the user's own ssh does there besides is not wanted here
        settings |= {} if "-L" in more else {"ClearAllForwardings": "yes"}
        settings |= {"IdentitiesOnly": "yes"} if self.key else {}  # else all keys of an agent come before it
        settings |= _master_settings(self.control, asks) if self.control else {}
        named = {"-F": self.config or _config_elsewhere(), "-i": self.key, "-J": self.through, "-l": self.target.user}
        named["-p"] = str(self.target.port or "")
        pairs = [("-o", f"{name}={value}") for name, value in settings.items()]
        pairs += [(flag, value) for flag, value in named.items() if value]
        return [ssh, "-T", *(word for pair in pairs for word in pair), *more, "--", self.target.host]

    def start(
        self, line: str, *options: str, asking: Mapping[str, str] | None = None, endings: Endings | None = None
    ) -> FarProcess:
        """Start ``ssh`` with a line for the login shell; with an environment by which it asks."""
        words = self.arguments(*options, asks=asking is not None)
        return FarProcess(self, [*words, *([line] if line else [])], asking or _without_questions(), endings)

    def forget(self, listener: str) -> None:
        """Have the ``ssh`` that others go over no longer listen (``-L``)."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            _quietly(self.arguments("-O", "cancel", "-L", listener))

    def goes_over_another(self) -> bool:
        """Say whether it goes over an ``ssh`` of the user's that is connected (``ControlMaster``)."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return _quietly(self.arguments("-O", "check")) == 0
        return True  # it hangs, as what goes over it would

    def tells_of_endings(self) -> bool:
        """Say whether it tells of connections that were handed to it."""
        return can_tell(self.arguments()[0])

    def trouble(self, said: str) -> HostError:
        """Give what ssh says as an error of ours."""
        host, tail = self.target.host, said.strip()
        what = f"ssh did not connect to {self.where}" + f" through {self.through}" * bool(self.through)
        for words, kind, cure in _MEANINGS:
            if words in said:
                return kind(what, cause=words, cure=cure.format(self._known_name(said)), host=host, tail=tail)
        cure = "check the name and the network, or go through another host (--through)"
        return HostUnreachable(what, cause=tail.rpartition("\n")[2], cure=cure, host=host, tail=tail)

    def _known_name(self, said: str) -> str:
        """Give the name under which the host's key is kept: ssh says it, as it has read its configuration."""
        found = re.search(r"Host key for (\S+) has changed", said)
        return found[1] if found else name_of(self.target.host, self.target.port or 22)


def _without_questions() -> dict[str, str]:
    """Give the environment of an ``ssh`` that asks nobody, not even by a window of the desktop's."""
    return {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}


def _quietly(command: Sequence[str]) -> int:
    nothing, environ = subprocess.DEVNULL, _without_questions()
    done = subprocess.run(command, stdin=nothing, capture_output=True, timeout=KILL_S, check=False, env=environ)
    return done.returncode


def _master_settings(control: str, is_it: bool) -> dict[str, str]:
    """Give the options of the ``ssh`` that others go over, or of those."""
    if not is_it:
        return {"ControlPath": control, "ControlMaster": "no"}
    alone = {"ControlPath": control, "ControlMaster": "yes", "ControlPersist": "no"}
    return {**alone, "StreamLocalBindUnlink": "yes", "ForwardX11": "no"}


class FarProcess:
    """An ``ssh`` process as the far end of a carrier."""

    def __init__(
        self, ssh: OpenSsh, command: Sequence[str], environ: Mapping[str, str], endings: Endings | None = None
    ) -> None:
        self.where, self._ssh, self._endings = ssh.where, ssh, endings
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0,
            start_new_session=True, env=environ,
        )  # fmt: skip
        self._said = b""
        self._sink: socket.socket | None = None
        widen(self._process.stdout)

    def read(self) -> bytes:
        """Give the next bytes of stdout; none at its end."""
        sink, self._sink = self._sink, None
        if sink is not None and move(self._process.stdout, sink, bool):
            return b""
        return _read(self._process.stdout)

    def flow_to(self, sink: socket.socket) -> None:
        """Have stdout moved to a socket, from the next `read` on; what is not, `read` gives."""
        self._sink = sink

    def read_error(self) -> bytes:
        """Give the next bytes of stderr; none at its end."""
        block = read = _read(self._process.stderr)
        while self._endings is not None and read and not (block := self._endings.take(read)):
            read = _read(self._process.stderr)
        self._said = (self._said + block)[-READ_BYTES:]
        return block

    def write(self, data: memoryview) -> None:
        """Send all of it to stdin."""
        stdin = self._process.stdin
        try:
            while data and stdin:
                data = data[stdin.write(data) or 0 :]
        except ValueError as error:  # it was closed meanwhile
            raise BrokenPipeError(str(error)) from error

    def end_input(self) -> None:
        """Close stdin."""
        if self._process.stdin:
            self._process.stdin.close()

    def status(self, timeout: float) -> int | None:
        """Give the command's exit status; None if it was a signal, or ssh itself has failed."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(timeout)
            return code if 0 <= code != TROUBLE else None
        return None

    def signal(self, name: str, pid: int) -> None:
        """Send a signal to the command's process group, by a second ``ssh``."""
        if not pid:
            self._process.terminate()
            return
        line = f"kill -{name} -{pid}"  # a name of our own and a number
        nothing, environ = subprocess.DEVNULL, _without_questions()
        killer = subprocess.Popen(
            [*self._ssh.arguments(), line], stdin=nothing, stdout=nothing, stderr=nothing, env=environ,
            start_new_session=True,
        )  # fmt: skip
        if not _has_ended(killer, KILL_S):  # to try again would take as long: it may come late, and nobody waits for it
            threading.Thread(target=_end, args=(killer,), name=f"pathos-nb kill {self.where}", daemon=True).start()
            self._process.terminate()

    def lost(self) -> str:
        """Say why ssh itself has failed; nothing while it stands."""
        if self._process.poll() != TROUBLE:
            return ""
        return self._said.decode("utf-8", "replace").strip() or "ssh gave up"

    def trouble(self) -> HostError:
        """Give the error of an ssh that has failed."""
        return self._ssh.trouble(self._said.decode("utf-8", "replace"))

    def close(self) -> None:
        """End the process and close its pipes."""
        process, deadline = self._process, time.monotonic() + 1.0
        process.terminate()
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.1)
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            with contextlib.suppress(OSError):
                if pipe:
                    pipe.close()


def _has_ended(process: subprocess.Popen[bytes], within_s: float) -> bool:
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(within_s)
        return True
    return False


def _end(killer: subprocess.Popen[bytes]) -> None:
    """Give it the time that a slow host needs; one that is not reached at all is ended."""
    if not _has_ended(killer, LATE_KILL_S):
        killer.kill()
        killer.wait()


def _read(pipe: object) -> bytes:
    try:
        return os.read(pipe.fileno(), READ_BYTES)  # type: ignore[attr-defined]
    except ValueError:  # it is closed
        return b""


def _config_elsewhere() -> str:
    """Give the configuration of ``$HOME`` where ssh would not find it: it takes the home that the system knows."""
    ours = Path.home() / ".ssh" / "config"
    try:
        is_its_own = Path(os.path.expanduser(f"~{getpass.getuser()}")) == Path.home()  # noqa: PTH111 - not $HOME
    except (KeyError, OSError):  # a user without a name
        return ""
    return "" if is_its_own or not ours.is_file() else str(ours)
