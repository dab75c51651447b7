"""The bed of ssh hosts for benchmarks: hosts as places, and what bare paramiko does on the same connection."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pathos_nb.launchers.agent import agent_launcher
from pathos_nb.launchers.registry import registry
from pathos_nb.secure.remote import Remote
from tests.rig.bed import Bed, why_no_bed

__all__ = ["Hosts", "NoBed", "bare_client", "hosts", "seconds", "times"]

MIB = 1 << 20
_DEADLINE_S = 60.0
_WRITE = "import sys; b = bytes(1 << 20)\nfor _ in range({n}): sys.stdout.buffer.write(b)"
_READ = "import os\nwhile os.read(0, 1 << 20): pass\nos.write(1, b'.')"


def bare_client(bed: Bed, name: str) -> Any:
    """Connect to a host of the bed by paramiko as it comes."""
    import paramiko

    client, place = paramiko.SSHClient(), bed.hosts[name]
    client.load_host_keys(bed.facts["known_hosts"])
    client.connect(
        place["address"], place["port"], place["user"], key_filename=bed.facts["key"], allow_agent=False,
        look_for_keys=False, timeout=_DEADLINE_S,
    )  # fmt: skip
    return client


class NoBed(Exception):
    """The bed cannot be raised here, and why."""


class Hosts:
    """Some hosts of the bed, connected, and known as places."""

    def __init__(self, bed: Bed, names: Sequence[str]) -> None:
        self.bed = bed
        self._bare: dict[str, Any] = {}
        self.remotes = {name: Remote(name, config=bed.config) for name in names}
        for name, remote in self.remotes.items():
            registry.register(name, agent_launcher(name, remote.open, python=sys.executable, cores=1))

    def _as_it_comes(self, name: str) -> Any:
        if name not in self._bare:
            self._bare[name] = bare_client(self.bed, name)
        return self._bare[name].get_transport()

    def close(self) -> None:
        """Take leave of them."""
        for client in self._bare.values():
            client.close()
        for remote in self.remotes.values():
            remote.close()

    def bare_exec(self) -> None:
        """Run ``python3 -c pass`` by paramiko alone."""
        channel = self._channel("host1", "pass")
        channel.recv_exit_status()
        channel.close()

    @contextmanager
    def echo(self) -> Iterator[Callable[[], None]]:
        """Give a call that sends a byte through a channel and waits for it."""
        carrier = self.remotes["host1"].open(["cat"])
        carrier.sock.setblocking(True)

        def once() -> None:
            carrier.sock.sendall(b"x")
            assert carrier.sock.recv(1) == b"x"

        yield once
        carrier.close()

    def stream_down(self, n_mib: int, *, is_tuned: bool = False) -> float:
        """Give the MiB/s of paramiko's own exec stream from the host: as it comes, or on our connection."""
        channel, got, begun = self._stream("host1", _WRITE.format(n=n_mib), is_tuned), 0, time.perf_counter()
        while block := channel.recv(MIB):
            got += len(block)
        channel.close()
        return got / MIB / (time.perf_counter() - begun)

    def stream_up(self, n_mib: int, *, is_tuned: bool = False) -> float:
        """Give the MiB/s of paramiko's own exec stream to the host: as it comes, or on our connection."""
        channel, block, begun = self._stream("host1", _READ, is_tuned), bytes(MIB), time.perf_counter()
        for _ in range(n_mib):
            channel.sendall(block)
        channel.shutdown_write()
        channel.recv(1)
        channel.close()
        return n_mib / (time.perf_counter() - begun)

    def _channel(self, name: str, code: str) -> Any:
        return self._stream(name, code, is_tuned=True)

    def _stream(self, name: str, code: str, is_tuned: bool) -> Any:
        transport = self.remotes[name].link.transport if is_tuned else self._as_it_comes(name)
        channel = transport.open_session()
        channel.exec_command(f"exec {sys.executable} -c '{code.replace(chr(39), chr(34))}'")
        return channel


@contextmanager
def hosts(*names: str) -> Iterator[Hosts]:
    """Raise the bed, and connect to some of its hosts.

    Raises
    ------
    NoBed
        It cannot be raised here.
    """
    if reason := why_no_bed():
        raise NoBed(reason)
    home = os.environ.get("HOME", "")
    with tempfile.TemporaryDirectory(prefix="pathos-nb-bed-") as folder:
        os.environ["HOME"] = folder
        bed = Bed(Path(folder) / "run")
        try:
            bed.up()
            found = Hosts(bed, names)
        except RuntimeError as error:
            raise NoBed(str(error)) from error
        try:
            yield found
        finally:
            found.close()
            bed("down")
            os.environ["HOME"] = home


def seconds(call: Callable[[], object]) -> float:
    """Give how long a call takes."""
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def times(n: int, call: Callable[[], object]) -> list[float]:
    """Give how long each of n calls takes."""
    return [seconds(call) for _ in range(n)]
