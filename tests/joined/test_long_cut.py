"""A link that is cut for a whole minute, with everything on it; too long to wait for every day (``--everywhere``)."""

from __future__ import annotations

import socket
import time

import pytest

from pathos_nb.joined.host import Plan
from pathos_nb.parallel import ParallelPool
from pathos_nb.session import Session
from tests.rig.bed import wait_until

CUT_S = 60.0


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_after_a_minute_without_a_link_all_goes_on(home, bed, request):
    if not request.config.getoption("--everywhere"):
        pytest.skip("it waits for more than a minute: --everywhere runs it")
    bed.needs("cut")
    session = Session()
    try:
        host = session.connect(Plan("host2", "host2", nodes=1))
        server = session.services.serve(host, nodes=1)
        run = session.pool(("host2",)).start(lambda v: (time.sleep(0.02), v)[1], range(600))
        assert wait_until(lambda: run.n_done > 20, 60)
        bed("cut", "host2")
        time.sleep(CUT_S)  # the length of the cut is what is tested
        assert host.state == "link lost" and server.tunnel.state == "reconnecting" and not run.is_over
        bed("heal", "host2")
        assert run.wait(120) and run.result() == list(range(600))
        assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(600)), "each is delivered once"
        assert wait_until(lambda: host.state == "connected", 60)
        assert wait_until(lambda: server.tunnel.state == "connected", 60)
        assert wait_until(lambda: server.state == "connected", 60), "it was started again"
        with ParallelPool(0, servers=(server.address,)) as pool:
            assert pool.map(lambda _: socket.gethostname(), range(2)) == ["host2"] * 2
        ParallelPool(0, servers=(server.address,)).clear()
    finally:
        session.close()
