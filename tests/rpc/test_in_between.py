"""Somebody between caller and server: what is changed or played again is noticed, and not used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pathos_nb import Pool
from pathos_nb.errors import PathosNbError
from pathos_nb.launchers import ppft_wire
from pathos_nb.parallel import ParallelPool
from pathos_nb.server import LocalServer
from tests.rpc.rogues import Relay


def marked(path: str, x: int) -> int:
    with open(path, "a") as file:
        file.write(f"{x}\n")
    return x


def flipped_in(marker: bytes) -> Callable[[bytes], bytes]:
    """Change a byte behind the marker, wherever it passes."""

    def meddle(data: bytes) -> bytes:
        at = data.find(marker)
        if at < 0 or at + 60 > len(data):
            return data
        return data[: at + 55] + bytes([data[at + 55] ^ 1]) + data[at + 56 :]

    return meddle


@pytest.mark.parametrize("way", ["down", "up"])
def test_a_changed_byte_is_noticed_and_nothing_of_it_is_used(server: LocalServer, way: str) -> None:
    marker = b"\x80\x04\x8e" if way == "down" else b"\x80\x03"
    with Relay(server, **{way: flipped_in(marker)}) as relay, Pool(f"ppft:{relay.address}", nodes=1) as pool:
        with pytest.raises(PathosNbError, match=r"died|gives no workers"):
            pool.map(abs, [-1], retries=0)
        pool.terminate()


def test_a_job_that_is_played_again_is_not_done_again(server: LocalServer, tmp_path: Path) -> None:
    path = tmp_path / "marks"

    def twice(data: bytes) -> bytes:
        return data + data if ppft_wire.FUNCTION in data else data

    with Relay(server, down=twice) as relay, Pool(f"ppft:{relay.address}", nodes=1) as pool:
        run = pool.start(marked, [str(path)], [7], retries=0)
        assert run.wait(40)
        pool.terminate()
    assert not path.exists() or path.read_text() == "7\n"


def test_a_relay_that_does_nothing_is_a_tunnel(server: LocalServer) -> None:
    with Relay(server) as relay, ParallelPool(0, servers=(relay.address,)) as pool:
        assert pool.map(abs, range(-300, 0)) == list(range(300, 0, -1))
        pool.clear()
