"""The zygote's own loop, spoken to over a socket, without a pool."""

from __future__ import annotations

import os
import socket

import pytest

from pathos_nb.launchers.zygote import Zygote

pytestmark = pytest.mark.timeout(30)


@pytest.mark.parametrize("said", [b"", b"kill 1"], ids=["between two requests", "in the middle of one"])
def test_it_ends_when_its_pool_has_gone(said: bytes) -> None:
    ours, pools = socket.socketpair()
    with ours, pools:
        zygote = Zygote(ours, lambda *_: None)
        pools.sendall(said)
        pools.shutdown(socket.SHUT_WR)
        assert zygote._answer() is False
        for end in (zygote._wake_r, zygote._wake_w):
            os.close(end)
