"""ParallelPool through a tunnel to a server on a real host: the same answers, and the same ends."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import pathos_nb
from pathos_nb import known_servers
from pathos_nb.errors import PoolBroken
from pathos_nb.parallel import ParallelPool
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.tunnel import Tunnel
from tests.rig.bed import Bed, bed, raised_bed, wait_until
from tests.rpc.far_calls import kind_of, slow, surroundings, where

__all__ = ["bed", "raised_bed"]

SECRET = "a secret of this test"
ROOT = str(Path(pathos_nb.__file__).parents[1])
pytestmark = pytest.mark.timeout(120)


class Served:
    """A server on a host, and the tunnel to it."""

    def __init__(self, bed: Bed, name: str) -> None:
        self.remote = Remote(name, config=bed.config, timeout=10.0)
        words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {ROOT!r}); sys.argv[0] = 'server'; "
                 "from pathos_nb.server import main; sys.exit(main())", "--nodes", "2"]  # fmt: skip
        self.carrier = self.remote.open(words)
        self.carrier.sock.settimeout(30)
        self.carrier.sock.sendall(f"{SECRET}\n".encode())
        line = b""
        while not line.endswith(b"\n"):
            piece = self.carrier.sock.recv(4096)
            assert piece, self.carrier.error_text()
            line += piece
        self.told: dict[str, int] = json.loads(line)
        self.tunnel = Tunnel()
        self.address = f"localhost:{self.tunnel.connect(name, self.told['port'], config=bed.config)}"
        known_servers.remember(self.address, SECRET, f"server-1 on {name}")

    def close(self) -> None:
        self.tunnel.disconnect()
        self.carrier.close()
        self.remote.close()


@pytest.fixture
def serve(bed: Bed, tmp_path: Path, monkeypatch: Any) -> Iterator[Callable[[str], Served]]:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "SSH_ASKPASS"):
        monkeypatch.delenv(name, raising=False)
    made: list[Served] = []

    def on(name: str) -> Served:
        made.append(Served(bed, name))
        return made[-1]

    yield on
    for served in made:
        served.close()


def test_items_run_on_the_host_with_its_own_surroundings(serve: Any, bed: Bed, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATHOS_NB_ONLY_HERE", "yes")
    served = serve("host1")
    with ParallelPool(0, servers=(served.address,)) as pool:
        assert set(pool.map(where, range(20))) == {bed.on("host1", "hostname").strip()}
        assert pool.pipe(surroundings, 0)[1] is None
        assert pool.map(lambda x: x + 1, range(100)) == list(range(1, 101))
        pool.clear()


def test_hosts_and_this_machine_work_together(serve: Any, bed: Bed) -> None:
    addresses = tuple(serve(name).address for name in ("host1", "host2"))
    with ParallelPool(1, servers=addresses) as pool:
        assert len(set(pool._serve().pool.each(where))) == 3
        assert pool.map(abs, range(-10_000, 0)) == list(range(10_000, 0, -1))
        pool.clear()


@pytest.mark.parametrize("how", ["host killed", "tunnel closed"])
def test_a_host_that_goes_costs_no_item(serve: Any, bed: Bed, grow_impatient: Any, how: str) -> None:
    first, second = serve("host1"), serve("host2")
    with ParallelPool(0, servers=(first.address, second.address)) as pool:
        run = pool._serve().pool.start(slow, range(400))
        assert wait_until(lambda: run.n_done > 20)
        grow_impatient()
        if how == "host killed":
            bed("kill", "host2")
        else:
            second.tunnel.disconnect()
        assert run.wait(60)
        assert run.result() == list(range(400))
        pool.terminate()


def test_the_only_host_is_killed(serve: Any, bed: Bed, grow_impatient: Any) -> None:
    served = serve("host1")
    with ParallelPool(0, servers=(served.address,)) as pool:
        run = pool._serve().pool.start(slow, range(5000))
        assert wait_until(lambda: run.n_done > 20)
        grow_impatient()
        bed("kill", "host1")
        assert run.wait(90)
        with pytest.raises(PoolBroken, match=rf"the server server-1 on host1 \({served.address}\) gives no workers"):
            run.result()
        pool.terminate()


def test_modules_beside_the_notebook_travel_along(serve: Any, bed: Bed, tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "project"
    (folder / "kit").mkdir(parents=True)
    (folder / "ours.py").write_text("import kit.deep\ndef answer(x): return kit.deep.OFFSET + x\n")
    (folder / "kit" / "__init__.py").write_text("")
    (folder / "kit" / "deep.py").write_text("OFFSET = 1\n")
    (folder / "late.py").write_text("class Thing:\n    says = 'here'\n")
    bed.on("host1", "rm", "-rf", str(folder))  # /tmp is the host's own
    monkeypatch.syspath_prepend(str(folder))
    ours, late = importlib.import_module("ours"), importlib.import_module("late")
    served = serve("host1")
    try:
        with ParallelPool(0, servers=(served.address,)) as pool:
            assert pool.map(ours.answer, range(4)) == [1, 2, 3, 4]
            (folder / "kit" / "deep.py").write_text("OFFSET = 1000\n")
            assert pool.map(ours.answer, range(4)) == [1000, 1001, 1002, 1003]
            mixed = [*range(50), late.Thing()]  # the run has long begun when its first item of that kind goes there
            assert pool.map(kind_of, mixed, chunksize=5)[-1] == "late here"
            with pytest.raises(ModuleNotFoundError) as caught:
                pool.map(__import__, ["no_such_package"])
            assert "host1) has no module 'no_such_package'" in str(caught.value.__cause__)
            assert "-m pip install no_such_package" in str(caught.value.__cause__)
            pool.clear()
    finally:
        for name in ("ours", "kit", "kit.deep", "late"):
            sys.modules.pop(name, None)


def test_when_the_connection_ends_nothing_stays_on_the_host(serve: Any, bed: Bed) -> None:
    served = serve("host1")
    with ParallelPool(0, servers=(served.address,)) as pool:
        pool.map(abs, range(10))
        served.close()
        assert wait_until(lambda: "pathos_nb" not in bed.on("host1", "ps", "-eo", "args"))
        pool.terminate()
