"""Ways to call two workers of a ppft server: ours on loopback, ours through an ssh tunnel, and ppft as it comes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

SECRET = "of this benchmark"
ROOT = Path(__file__).parents[1]
N_WORKERS = 2


class Way:
    """A `ParallelPool` on one server and nothing else."""

    def __init__(self, stack: ExitStack, address: str) -> None:
        from pathos_nb.parallel import ParallelPool

        self.pool = ParallelPool(0, servers=(address,))
        stack.callback(self.pool.clear)

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        """Run one call there."""
        return self.pool.pipe(function, argument)

    def map(self, function: Callable[..., Any], items: Any) -> list[Any]:
        """Run a map there."""
        return self.pool.map(function, items)


def loopback(stack: ExitStack) -> Way:
    """Open a pool on a server of this machine."""
    from pathos_nb.server import LocalServer

    return Way(stack, stack.enter_context(LocalServer(N_WORKERS)).address)


def tunnel(stack: ExitStack) -> Way:
    """Open a pool on a server of a host of the test bed, through a tunnel."""
    from pathos_nb import known_servers
    from pathos_nb.secure.remote import Remote
    from pathos_nb.secure.tunnel import Tunnel

    rig = import_module("tests.rig.bed")
    if reason := rig.why_no_bed():
        raise RuntimeError(reason)
    bed = rig.Bed(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pathos-nb-bed-"))) / "run", 1)
    stack.callback(bed, "down")
    bed.up()
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathos_nb.server import main; sys.exit(main())"
    remote = Remote("host1", config=bed.config)
    stack.callback(remote.close)
    carrier = remote.open([sys.executable, "-c", code, "--nodes", str(N_WORKERS)])
    stack.callback(carrier.close)
    carrier.sock.settimeout(30)
    carrier.sock.sendall(f"{SECRET}\n".encode())
    port = json.loads(carrier.sock.makefile("rb").readline())["port"]
    way = stack.enter_context(Tunnel())
    address = f"localhost:{way.connect('host1', port, config=bed.config)}"
    known_servers.remember(address, SECRET)
    stack.callback(known_servers.forget, address)
    return Way(stack, address)


class AsItComes:
    """ppft's own server and client, on loopback, with a secret in its arguments as it wants it."""

    def __init__(self, stack: ExitStack) -> None:
        import ppft

        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        words = ["-i", "127.0.0.1", "-p", str(port), "-w", str(N_WORKERS), "-s", SECRET]
        process = subprocess.Popen([sys.executable, "-m", "ppft.server", *words], env=os.environ)
        stack.callback(process.wait)
        stack.callback(process.kill)
        deadline = time.monotonic() + 20
        while not _listens(port) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.server = ppft.Server(ncpus=0, ppservers=(f"127.0.0.1:{port}",), secret=SECRET)

    def call(self, function: Callable[..., Any], argument: Any) -> Any:
        """Run one call there."""
        return self.server.submit(function, (argument,))()

    def map(self, function: Callable[..., Any], items: Any) -> list[Any]:
        """Run a map there, a job an item, which is all it knows."""
        return [job() for job in [self.server.submit(function, (item,)) for item in items]]


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


WAYS: dict[str, Callable[[ExitStack], Any]] = {"loopback": loopback, "tunnel": tunnel, "ppft itself": AsItComes}
