"""A real cluster of dask's: a scheduler and two workers with two threads each, processes all, on loopback only.

Started once a session by `Cluster`, in a process of its own, which runs this file and ends with its standard input.
What dask's client holds in this process, connections to that cluster and its own threads, is not ours to count:
`leftovers` knows the ports.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

N_WORKERS, N_THREADS = 2, 2
# What dask looks at fifty times a second, in five processes: it would take a tenth of a core while nobody asks anything.
QUIET = {
    "distributed.admin.tick.interval": "1s",
    "distributed.admin.system-monitor.interval": "10s",
    "distributed.admin.system-monitor.gil.enabled": False,
    "distributed.worker.profile.enabled": False,
}
ROOT = str(Path(__file__).parents[2])
START_S = 60.0


class Cluster:
    """A cluster that runs until it is closed.

    Parameters
    ----------
    folder : Path
        Where dask's workers may write.
    n_workers, n_threads : int
        Its size.
    path : str
        Where its processes look for modules first; by default here.
    """

    client: Any  # of whoever has opened one

    def __init__(self, folder: Path, n_workers: int = N_WORKERS, n_threads: int = N_THREADS, path: str = ROOT) -> None:
        program = folder / "cluster.py"  # by itself: its folder would be first on the path
        program.write_text(Path(__file__).read_text())
        command = [sys.executable, str(program), str(folder), str(n_workers), str(n_threads)]
        self._log = (folder / "dask.log").open("wb")
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": self._log}
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [path, os.environ.get("PYTHONPATH", "")]))}
        self.process = subprocess.Popen(command, text=True, env=environ, start_new_session=True, **pipes)
        self.address: str = self.tell()["address"]

    def tell(self, **order: Any) -> Any:
        """Have something done there, and give the answer; without an order, what it says next."""
        assert self.process.stdin and self.process.stdout
        if order:
            self.process.stdin.write(json.dumps(order) + "\n")
            self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, Path(self._log.name).read_text()[-2000:]
        return json.loads(line)

    def close(self) -> None:
        """End it, and wait for that."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self._log.close()


def wants_dask(item: pytest.Item) -> bool:
    """Say whether a test is for the launcher "dask", or asks for the cluster itself, where dask is installed."""
    if find_spec("distributed") is None:
        return False
    spec = getattr(item, "callspec", None)
    params = {name: value for name, value in spec.params.items() if isinstance(value, str)} if spec else {}
    params.pop("library", None)  # that is a word of tests/test_house.py's
    return "dask_cluster" in getattr(item, "fixturenames", ()) or "dask" in params.values()


@pytest.fixture(scope="session")
def dask_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real cluster of dask's, and a client that is dask's current one; scripts find its address in the environment."""
    from distributed import Client

    held = Cluster(tmp_path_factory.mktemp("dask"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DASK_SCHEDULER_ADDRESS", held.address)
        with Client(held.address) as client:
            held.client = client
            ports = [address.rpartition(":")[2] for address in (held.address, *client.nthreads())]
            patch.setenv("PATHOS_NB_TEST_DASK_PORTS", " ".join(ports))
            yield held
    held.close()


def serve(folder: str, n_workers: int, n_threads: int) -> None:
    """Run the cluster, and do what comes on the standard input, until that ends."""
    import dask
    from distributed import LocalCluster

    dask.config.set({"temporary-directory": folder, "distributed.worker.daemon": True, **QUIET})
    options = {"dashboard_address": None, "host": "127.0.0.1", "memory_limit": 0, "silence_logs": 30}
    with LocalCluster(n_workers=n_workers, threads_per_worker=n_threads, processes=True, **options) as cluster:
        say(address=cluster.scheduler_address)
        for line in sys.stdin:
            order = json.loads(line)
            say(done=getattr(cluster, order["do"])(*order.get("args", []), **order.get("kwargs", {})) is None)


def say(**what: Any) -> None:
    """Answer."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
