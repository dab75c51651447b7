"""A link that is cut for longer than anything on it is patient, and heals: all goes on where it was."""

from __future__ import annotations

import socket
import time
import uuid
from functools import partial

import pytest

from pathos_nb.joined import host as hosts
from pathos_nb.joined.host import Plan
from pathos_nb.parallel import ParallelPool
from pathos_nb.secure.remote import Remote
from pathos_nb.session import Session
from tests.joined.calls import wait_for
from tests.rig.bed import wait_until
from tests.rig.sampling import seldom

pytestmark = pytest.mark.timeout(400)
OURS = "ps ax -o args | grep -c '[p]athos_nb' || true"  # agents and servers, and their workers


@pytest.mark.parametrize("least_s", [0.0, *seldom(60.0)], ids=["until all have given it up", "a minute"])
def test_after_a_long_cut_all_goes_on(home, bed, monkeypatch, least_s):
    """Whatever has a measure has found the cut, and attempts to connect again have failed: a longer one has no more."""
    bed.needs("cut")
    monkeypatch.setattr(hosts, "Remote", partial(Remote, timeout=2.0))  # for an attempt to fail sooner than in 10 s
    monkeypatch.setattr("pathos_nb.secure.tunnel.WATCH_S", 0.5)
    monkeypatch.setattr("pathos_nb.secure.tunnel.DEAD_S", 3.0)
    gate = f"/tmp/{uuid.uuid4().hex}"  # of the host: the map cannot be over before the link is
    session = Session()
    try:
        host = session.connect(Plan("host2", "host2", nodes=1))
        server = session.services.serve(host, nodes=1)
        run = session.pool(("host2",)).start(partial(wait_for, gate), range(200), chunksize=1)
        assert wait_until(lambda: run.n_done > 20, 60)
        bed("cut", "host2")
        begun = time.monotonic()
        assert wait_until(lambda: host.state == "link lost" and server.tunnel.state == "reconnecting", 60)
        assert wait_until(lambda: bed.on("host2", OURS).strip() == "0", 60), "nobody hears them any more"
        assert wait_until(lambda: "did not answer within 2 s" in f"{host.link} {server.tunnel.last_error}", 60), (
            host.link
        )
        time.sleep(max(0.0, least_s - (time.monotonic() - begun)))
        assert host.state == "link lost" and not run.is_over
        bed("heal", "host2")
        bed.on("host2", "touch", gate)
        assert run.wait(120) and run.result() == list(range(200))
        assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(200)), "each is delivered once"
        assert wait_until(lambda: host.state == "connected", 60)
        assert wait_until(lambda: server.tunnel.state == "connected", 60)
        assert wait_until(lambda: server.state == "connected", 60), "it was started again"
        with ParallelPool(0, servers=(server.address,)) as pool:
            assert pool.map(lambda _: socket.gethostname(), range(2)) == ["host2"] * 2
        ParallelPool(0, servers=(server.address,)).clear()
    finally:
        session.close()
