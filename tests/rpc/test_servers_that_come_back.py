"""A ParallelPool whose only server is being started again, or was lost for good, when it is wanted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pathos_nb import found_servers, known_servers
from pathos_nb.errors import LauncherUnavailable, PoolBroken
from pathos_nb.parallel import ParallelPool
from pathos_nb.server import LocalServer
from tests.rig.census import until
from tests.rig.ports import free_port
from tests.rpc.calls import slow

# Says in a data folder that it will start a server again, and ends.
KEEPER = "from pathos_nb import known_servers as k; k.remember({!r}, 'secret', is_kept=True)"


def killed() -> tuple[str, int]:
    """Give address and port of a server that was killed."""
    with LocalServer(nodes=1, port=free_port()) as server:
        address = server.address
        os.kill(server.pid, signal.SIGKILL)
    return address, int(address.partition(":")[2])


@contextmanager
def back_once_it_is_waited_for(port: int, said: list[warnings.WarningMessage]) -> Iterator[None]:
    """Start a server at that port when there is a word that it is waited for."""
    made: list[LocalServer] = []

    def run() -> None:
        until(lambda: bool(said))
        made.append(LocalServer(nodes=1, port=port))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
        for server in made:
            server.close()


def test_a_pool_made_meanwhile_waits_for_it_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_servers, "_SILENT_S", 0.0)
    address, port = killed()
    known_servers.remember(address, "secret", "server-1 on node7", is_kept=True)
    waits = rf"waiting for server-1 on node7 \({address}\), which is being started again, for at most 120 s"
    with (
        pytest.warns(UserWarning, match=waits) as said,
        back_once_it_is_waited_for(port, said.list),
        ParallelPool(0, servers=(address,)) as pool,
    ):
        assert pool.map(abs, range(-20, 0)) == list(range(20, 0, -1))
    assert len(said) == 1


def test_it_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_servers, "_PATIENCE_S", 0.5)
    address, _ = killed()
    known_servers.remember(address, "secret", is_kept=True)
    with (
        pytest.raises(LauncherUnavailable, match="nobody to work"),
        pytest.warns(UserWarning, match="no server answers .* left out, though it is being started again"),
    ):
        ParallelPool(0, servers=(address,))


def test_nor_if_who_would_start_it_again_has_ended() -> None:
    address, _ = killed()
    subprocess.run([sys.executable, "-c", KEEPER.format(address)], check=True, timeout=60)
    assert known_servers.recall(address) == "secret" and not known_servers.is_kept(address)
    with (
        pytest.raises(LauncherUnavailable, match="nobody to work"),
        pytest.warns(UserWarning, match="it is left out$"),
    ):
        ParallelPool(0, servers=(address,))


def test_a_pool_that_has_lost_it_begins_anew_with_the_next_map() -> None:
    with LocalServer(nodes=1, port=free_port()) as server, ParallelPool(0, servers=(server.address,)) as pool:
        address, port = server.address, int(server.address.partition(":")[2])
        run = pool._serve().pool.start(slow, range(500))
        assert until(lambda: run.n_done > 2)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(PoolBroken, match="gives no workers"):
            run.result()
        server._process.close()
        with LocalServer(nodes=1, port=port):
            assert pool.map(abs, [-1, -2]) == [1, 2], "nobody had to restart it"
            assert ParallelPool(0, servers=(address,)).map(abs, [-3]) == [3]
    assert not ParallelPool.__state__, "its block ends what began in it"
