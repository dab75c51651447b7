"""A server that is started and held by this process: its secret goes by stdin, and it ends when stdin does."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any, Protocol

from pathos_nb import known_servers
from pathos_nb.dispatch.staffing import checked_offer
from pathos_nb.errors import BadOption, CommandFailed
from pathos_nb.joined.carried import serve_there
from pathos_nb.joined.interpreter import interpreter
from pathos_nb.launchers.agent_archive import archive
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.secure.names import checked_port
from pathos_nb.secure.registered import registered_python, remote_to
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.shell import SetUp

__all__ = ["Service", "begin"]

SERVERS = {"ppserver": "pathos_nb.server"}
START_S = 60.0
END_S = 5.0


class _Held(Protocol):
    """A process that lives as long as a stream to it."""

    def error_text(self) -> str:
        """Give what it wrote to stderr."""

    def why_ended(self) -> str:
        """Say how it ended."""

    def close(self) -> None:
        """End it."""


class Service:
    """A server that runs.

    Attributes
    ----------
    host : str
        Where; empty for this machine.
    port : int
        Its port, on loopback there.
    secret : str
        What a client has to know; `ParallelPool` looks it up by the address.
    """

    def __init__(self, host: str, held: _Held, remote: Remote | None, secret: str, place: tuple[int, int]) -> None:
        self.host, self.secret = host, secret
        self.port, self._pid = place
        self._held, self._remote = held, remote
        self._addresses: list[str] = []
        if not host:
            self.reached_at(self.port)

    def __repr__(self) -> str:
        return f"<Service on {self.host or 'this machine'}, port {self.port}, process {self._pid}>"

    def __enter__(self) -> Service:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def pid(self) -> int:
        """Give its process id, on its host."""
        return self._pid

    def reached_at(self, local_port: int) -> None:
        """Let `ParallelPool` know the secret of what is reached at a local port, until the server is killed."""
        address = f"localhost:{local_port}"
        known_servers.remember(address, self.secret, f"the one on {self.host}" if self.host else "")
        self._addresses.append(address)

    def response(self) -> str:
        """Give what it complained of, as pathos does: nothing if all is well."""
        return self._held.why_ended() and self._held.error_text()

    def is_alive(self) -> bool:
        """Say whether it runs."""
        return not self._held.why_ended()

    def kill(self) -> None:
        """End it; a second call does nothing."""
        while self._addresses:
            known_servers.forget(self._addresses.pop())
        self._held.close()
        if self._remote is not None:
            self._remote.close()


def begin(
    server: str, host: str | None, port: int, profile: str, *, nodes: int = 0, python: str = "", **options: Any
) -> Service:
    """Start a server, here or on a host, and wait until it says that it listens.

    Parameters
    ----------
    server : str
        ``ppserver``.
    host : str or None
        Where; this machine if None.
    port : int
        Its port; 0 for any that is free.
    profile : str
        What is sourced there before, instead of what the registry has.
    nodes : int
        How many workers; 0 for as many as there are cores.
    python : str
        The interpreter; without it that of the registry, else the one that fits this one best.
    **options : object
        Arguments of `Remote`; ``remote``, a connection that is there already.

    Returns
    -------
    Service

    Raises
    ------
    BadOption
        There is no such server, or a port or a number of workers that is none.
    CommandFailed, HostError, LauncherUnavailable
        It did not start, and why; nothing stays open.
    """
    if server not in SERVERS:
        raise BadOption(f"there is no server {server!r}", cure=f"there is {', '.join(SERVERS)}")
    checked_port(port, host or "localhost")
    if not host:
        words = ["-m", SERVERS[server], "--port", str(int(port))]
        words += ["--nodes", str(checked_offer(nodes, usable_cores(), "this machine"))] if nodes else []
        return _greeted(_Here([python or sys.executable, *words]))
    if profile:
        options["setup"] = SetUp(profile)
    shared: Remote | None = options.pop("remote", None)
    archive("ppft")  # says what is missing before anything is started
    remote = shared or remote_to(host, **options)
    try:
        facts = remote.probe()
        offered = checked_offer(nodes, facts.cores, host) if nodes else 0
        found = interpreter(remote, facts, python or registered_python(host))
        begun = serve_there(remote, found.path, host, nodes=offered, port=int(port))
    except BaseException:
        if shared is None:
            remote.close()
        raise
    threading.Thread(target=begun.wait_ended, name=f"pathos_nb server on {host}", daemon=True).start()
    return Service(host, begun.carrier, None if shared else remote, begun.secret, (begun.port, begun.pid))


def _greeted(held: _Here) -> Service:
    """Hand over the secret, and read the line in which the server says where it listens."""
    secret = secrets.token_hex(32)
    deadline, line = time.monotonic() + START_S, b""
    try:
        held.sock.sendall(f"{secret}\n".encode())
        while b"\n" not in line and len(line) < 10_000:
            held.sock.settimeout(max(0.1, deadline - time.monotonic()))
            block = held.sock.recv(4096)
            if not block:
                break
            line += block
        said = json.loads(line.partition(b"\n")[0])
        return Service("", held, None, secret, (int(said["port"]), int(said["pid"])))
    except (OSError, ValueError, KeyError) as error:
        held.close()
        raise CommandFailed(
            "the server on this machine did not start",
            cause=held.why_ended() or "it did not say where it listens",
            cure="is pathos_nb installed for that Python? (python=)",
            host="localhost",
            tail=held.error_text(),
        ) from error


class _Here:
    """A process of this machine."""

    def __init__(self, command: list[str]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - `close` closes it
        self._text = ""
        self.sock, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=self._said, start_new_session=True
            )

    def error_text(self) -> str:
        """Give what it wrote to stderr."""
        if not self._said.closed:
            self._said.seek(0)
            self._text = self._said.read().decode("utf-8", "replace")
        return self._text

    def why_ended(self) -> str:
        """Say how it ended."""
        status = self._process.poll()
        return "" if status is None else f"exit status {status}"

    def close(self) -> None:
        """End it."""
        self.sock.close()
        try:
            self._process.wait(END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self.error_text()
        self._said.close()
