"""Tunnels and servers of a session, on the bed."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb import known_servers
from pathos_nb.errors import CommandFailed, TunnelFailed, UnknownPlace
from pathos_nb.joined.host import Host, Plan
from pathos_nb.parallel import ParallelPool
from pathos_nb.secure.shell import SetUp
from pathos_nb.session import Session
from tests.rig.bed import wait_until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(120)
WITH_US = SetUp(lines=(f"export PYTHONPATH={ROOT}",))  # the bed's Python has no pathos_nb of its own
ANSWER = """
import socket
import sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    stream, _ = listener.accept()
    stream.sendall(b"hello from " + socket.gethostname().encode())
    stream.close()
"""


@pytest.fixture
def session(home) -> Iterator[Session]:
    made = Session()
    yield made
    made.close()


@pytest.fixture
def host(session: Session) -> Host:
    return session.connect(Plan("host1", "host1", nodes=1, python=sys.executable, setup=WITH_US))


def reached(address: str) -> bytes:
    name, _, port = address.partition(":")
    with socket.create_connection((name, int(port)), timeout=10) as stream:
        stream.settimeout(10)
        return stream.recv(100)


def where(_: object) -> str:
    return socket.gethostname()


def test_a_tunnel_leads_to_a_port_of_the_host_until_it_is_ended(session, host):
    carrier = host.remote.open([host.python.path, "-c", ANSWER])
    port = int(carrier.sock.recv(20))
    tunnel = session.services.open_tunnel(host, port)
    assert (tunnel.name, tunnel.state, tunnel.host) == ("tunnel-1", "connected", "host1")
    assert reached(tunnel.address) == b"hello from host1"
    local = tunnel.tunnel.port
    with pytest.raises(TunnelFailed, match=str(local)):
        session.services.open_tunnel(host, port, local)
    session.services.kill("tunnel-1")
    assert not session.services.running
    with pytest.raises(ConnectionError):
        reached(f"localhost:{local}")
    with pytest.raises(UnknownPlace, match="no tunnel or server is called 'tunnel-1'; there are: none"):
        session.services.kill("tunnel-1")


def test_a_server_is_found_by_its_address_and_ends_with_its_name(session, host, bed):
    server = session.services.serve(host, nodes=2)
    assert server.state == "connected" and known_servers.recall(server.address)
    with ParallelPool(0, servers=(server.address,)) as pool:
        assert pool.map(where, range(4)) == ["host1"] * 4
    ParallelPool(0, servers=(server.address,)).clear()
    assert "pathos_nb.server" in bed.on("host1", "ps ax -o args")
    session.services.kill(server.name)
    assert known_servers.recall(server.address) is None
    assert wait_until(lambda: "pathos_nb.server" not in bed.on("host1", "ps ax -o args"), 10)


def test_no_secret_is_to_be_seen_on_the_host(session, host, bed):
    server = session.services.serve(host, nodes=1)
    secret = known_servers.recall(server.address)
    assert secret
    assert secret not in bed.on("host1", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '")
    assert secret not in repr(server)


def test_a_host_without_pathos_nb_is_named_with_the_remedy(session):
    bare = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")  # where the tests' packages are not
    host = session.connect(Plan("host2", "host2", nodes=1, python=str(bare)))
    with pytest.raises(CommandFailed, match=r"no server began on host2.*no pathos_nb.*-m pip install \."):
        session.services.serve(host)
    assert not session.services.running


def test_a_server_that_was_killed_says_so(session, host, bed):
    server = session.services.serve(host, nodes=1)
    bed.on("host1", "pkill -9 -f pathos_nb.server")
    assert wait_until(lambda: server.state.startswith("ended"), 20)


def test_letting_a_host_go_ends_what_serves_there(session, host):
    server = session.services.serve(host, nodes=1)
    session.disconnect("host1")
    assert not session.services.running
    assert server.state != "connected" and known_servers.recall(server.address) is None
