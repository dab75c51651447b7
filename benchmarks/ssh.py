"""Ways to a host by ssh: ours over paramiko and over the system's ssh, bare paramiko, and the system's ssh bare."""

from __future__ import annotations

import os
import select
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from benchmarks.hosts import bare_client
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.transfer import copy
from pathos_nb.secure.tunnel import Tunnel
from tests.rig.bed import Bed

__all__ = ["HOST", "SERVICE", "Bare", "Ours", "Stream", "System", "Way", "dialled", "ways"]

HOST = "host1"
BLOCK_BYTES = 1 << 18
DEADLINE_S = 60.0

# A service on a host: its port is its first line; a caller says what it wants by one letter.
SERVICE = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 0), backlog=50)
print(listener.getsockname()[1], flush=True)
block = bytes(1 << 20)
def serve(stream):
    stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    wish = stream.recv(1)
    if wish == b"d":
        for _ in range(int.from_bytes(stream.recv(2), "big")):
            stream.sendall(block)
    elif wish == b"u":
        while stream.recv(1 << 20):
            pass
        stream.sendall(b".")
    elif wish == b"e":
        while got := stream.recv(1 << 16):
            stream.sendall(got)
    stream.close()
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class Stream(Protocol):
    """Bytes to something on the host and back."""

    def sendall(self, data: bytes) -> object:
        """Send all of it."""

    def recv(self, size: int) -> bytes:
        """Give what comes; nothing at the end."""

    def end(self) -> None:
        """Send no more."""


class Way(Protocol):
    """One way to do it."""

    name: str

    def connect(self) -> None:
        """Connect and hang up."""

    def command(self, words: Sequence[str]) -> Any:
        """Give a context with the stream to a command."""

    def forward(self, port: int) -> Any:
        """Give a context with a local port that leads to one of the host."""

    def put(self, here: Path, there: str) -> None:
        """Copy a file or a folder there."""

    def get(self, there: str, here: Path) -> None:
        """Copy a file here."""


class _Socket:
    """A socket as a stream."""

    def __init__(self, sock: socket.socket) -> None:
        self.sendall, self.recv, self._sock = sock.sendall, sock.recv, sock

    def end(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)


@contextmanager
def dialled(port: int) -> Iterator[Stream]:
    """Connect to a local port."""
    with socket.create_connection(("127.0.0.1", port), timeout=DEADLINE_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield _Socket(sock)


class Ours:
    """`Remote`, `Tunnel` and `copy`."""

    def __init__(self, bed: Bed, transport: str) -> None:
        self.name = f"pathos_nb, {transport}"
        self._options = {"config": bed.config, "transport": transport}
        self._remote = Remote(HOST, **self._options)

    def connect(self) -> None:
        Remote(HOST, **self._options).close()

    @contextmanager
    def command(self, words: Sequence[str]) -> Iterator[Stream]:
        carrier = self._remote.open(words)
        carrier.sock.settimeout(DEADLINE_S)
        try:
            yield _Socket(carrier.sock)
        finally:
            carrier.close()

    @contextmanager
    def forward(self, port: int) -> Iterator[int]:
        with Tunnel() as tunnel:
            yield tunnel.connect(HOST, port, remote=self._remote)  # on the connection that is open, as bare paramiko's

    def put(self, here: Path, there: str) -> None:
        copy(str(here), f"{HOST}:{there}", lambda name: self._remote)

    def get(self, there: str, here: Path) -> None:
        copy(f"{HOST}:{there}", str(here), lambda name: self._remote)

    def close(self) -> None:
        self._remote.close()


class _Channel:
    """A channel of paramiko's as a stream."""

    def __init__(self, channel: Any) -> None:
        self.sendall, self.recv, self.end = channel.sendall, channel.recv, channel.shutdown_write


class Bare:
    """paramiko as it comes: `SSHClient`, its sftp, and the usual loop for a forwarded port."""

    name = "paramiko"

    def __init__(self, bed: Bed) -> None:
        self._bed = bed
        self._client = self._connected()

    def _connected(self) -> Any:
        return bare_client(self._bed, HOST)

    def connect(self) -> None:
        self._connected().close()

    @contextmanager
    def command(self, words: Sequence[str]) -> Iterator[Stream]:
        channel = self._client.get_transport().open_session()
        channel.settimeout(DEADLINE_S)
        channel.exec_command("exec " + subprocess.list2cmdline(words).replace('"', "'"))
        try:
            yield _Channel(channel)
        finally:
            channel.close()

    @contextmanager
    def forward(self, port: int) -> Iterator[int]:
        transport = self._client.get_transport()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            thread = threading.Thread(target=self._serve, args=(listener, transport, port), daemon=True)
            thread.start()
            yield listener.getsockname()[1]
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_S)

    def _serve(self, listener: socket.socket, transport: Any, port: int) -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                channel = transport.open_channel("direct-tcpip", ("127.0.0.1", port), ("127.0.0.1", 0))
                threading.Thread(target=_copy_both_ways, args=(client, channel), daemon=True).start()

    def put(self, here: Path, there: str) -> None:
        with self._client.open_sftp() as sftp:
            if here.is_file():
                sftp.put(str(here), there)
                return
            sftp.mkdir(there)
            for path in here.iterdir():
                sftp.put(str(path), f"{there}/{path.name}")

    def get(self, there: str, here: Path) -> None:
        with self._client.open_sftp() as sftp:
            sftp.get(there, str(here))

    def close(self) -> None:
        self._client.close()


def _copy_both_ways(client: socket.socket, channel: Any) -> None:
    """Copy as everybody's forwarding code does: one thread that waits for both."""
    ends = [client, channel]
    while ends:
        for end in select.select(ends, [], [])[0]:
            data = end.recv(BLOCK_BYTES)
            if end is client:
                channel.sendall(data) if data else channel.shutdown_write()
            elif data:
                client.sendall(data)
            else:
                ends = [client]
                client.shutdown(socket.SHUT_WR)
            if not data:
                ends = [other for other in ends if other is not end]
    channel.close()
    client.close()


class _Pipes:
    """A process as a stream."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin and process.stdout
        self._in, self._out = process.stdin, process.stdout.fileno()
        self.end = process.stdin.close

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._in.fileno(), rest) :]

    def recv(self, size: int) -> bytes:
        return os.read(self._out, size)


class System:
    """The system's own ``ssh``, ``ssh -L`` and ``scp``."""

    name = "ssh"

    def __init__(self, bed: Bed) -> None:
        self._ssh = ["ssh", "-F", bed.config, "-T"]
        self._scp = ["scp", "-q", "-r", "-F", bed.config]

    def connect(self) -> None:
        subprocess.run([*self._ssh, HOST, "true"], check=True, timeout=DEADLINE_S, stdin=subprocess.DEVNULL)

    @contextmanager
    def command(self, words: Sequence[str]) -> Iterator[Stream]:
        line = "exec " + subprocess.list2cmdline(words).replace('"', "'")
        pipe = subprocess.PIPE
        with subprocess.Popen([*self._ssh, HOST, line], stdin=pipe, stdout=pipe, bufsize=0) as process:
            try:
                yield _Pipes(process)
            finally:
                process.terminate()

    @contextmanager
    def forward(self, port: int) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as free:
            local = free.getsockname()[1]
        words = [*self._ssh, "-N", "-o", "ExitOnForwardFailure=yes", "-L", f"127.0.0.1:{local}:127.0.0.1:{port}", HOST]
        with subprocess.Popen(words, stdin=subprocess.DEVNULL) as process:
            try:
                _wait_for(local)
                yield local
            finally:
                process.terminate()

    def put(self, here: Path, there: str) -> None:
        subprocess.run([*self._scp, str(here), f"{HOST}:{there}"], check=True, timeout=DEADLINE_S)

    def get(self, there: str, here: Path) -> None:
        subprocess.run([*self._scp, f"{HOST}:{there}", str(here)], check=True, timeout=DEADLINE_S)

    def close(self) -> None:
        """Nothing is open."""


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        time.sleep(0.02)


def ways(bed: Bed) -> list[Any]:
    """Open each way, in the order in which they take turns."""
    found: list[Any] = [Ours(bed, "paramiko"), Bare(bed)]
    return [*found, Ours(bed, "openssh"), System(bed)] if shutil.which("ssh") else found
