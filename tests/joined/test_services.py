"""Tunnels and servers of a session, on the bed."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb import known_servers
from pathos_nb.errors import CommandFailed, LauncherUnavailable, TunnelFailed, UnknownPlace
from pathos_nb.joined.host import Host, Plan
from pathos_nb.launchers import agent_archive
from pathos_nb.parallel import ParallelPool
from pathos_nb.session import Session
from tests.rig.bed import wait_until

pytestmark = pytest.mark.timeout(120)
BARE = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")  # where none of the tests' packages are
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
    return session.connect(Plan("host1", "host1", nodes=1, python=str(BARE)))


def reached(address: str) -> bytes:
    name, _, port = address.partition(":")
    with socket.create_connection((name, int(port)), timeout=60) as stream:
        return stream.recv(100)


def alive(bed, pid: int) -> bool:
    return "yes" in bed.on("host1", f"test -d /proc/{pid} && echo yes || true")


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
        assert pool.map(lambda _: socket.gethostname(), range(4)) == ["host1"] * 4
    ParallelPool(0, servers=(server.address,)).clear()
    assert alive(bed, server.pid)
    session.services.kill(server.name)
    assert known_servers.recall(server.address) is None
    assert wait_until(lambda: not alive(bed, server.pid))


def test_no_secret_is_to_be_seen_on_the_host(session, host, bed):
    server = session.services.serve(host, nodes=1)
    secret = known_servers.recall(server.address)
    assert secret
    assert secret not in bed.on("host1", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '")
    assert secret not in repr(server)


def test_nothing_but_python_need_be_there_for_a_server(session, host, bed):
    code = "import importlib.util as u; print(*[n for n in ('pathos_nb', 'ppft', 'dill') if u.find_spec(n)])"
    assert bed.on("host1", str(BARE), "-I", "-c", code).strip() == ""
    server = session.services.serve(host, nodes=1)
    offset = 3
    with ParallelPool(0, servers=(server.address,)) as pool:
        assert pool.map(lambda v: (socket.gethostname(), v + offset), [1, 2]) == [("host1", 4), ("host1", 5)]


def test_a_port_that_is_taken_there_is_said(session, host):
    port = session.services.serve(host, nodes=1).port
    with pytest.raises(CommandFailed, match=rf"no server began on host1.*at port {port} of loopback.*another port"):
        session.services.serve(host, port=port)
    assert len(session.services.running) == 1


def test_what_cannot_be_carried_is_said_before_anything_is_started(session, host, monkeypatch):
    monkeypatch.setattr(agent_archive, "find_spec", lambda name: None)
    agent_archive.archive.cache_clear()
    with pytest.raises(LauncherUnavailable, match=r"pathos_nb cannot be sent to a host.*install"):
        session.services.serve(host)
    assert not session.services.running


def test_a_server_that_was_killed_is_started_again_and_found_where_it_was(session, host, bed):
    server = session.services.serve(host, nodes=1)
    first = server.pid
    with ParallelPool(0, servers=(server.address,)) as pool:
        run = pool._serve().pool.start(lambda v: (time.sleep(0.05), v)[1], range(100))
        assert wait_until(lambda: run.n_done > 4)
        bed.on("host1", f"kill -9 {first}")
        assert run.wait(60)
        assert run.result() == list(range(100)), "it is the only server, and has cost nothing but time"
        assert wait_until(lambda: server.pid != first and server.state == "connected"), server.state
        assert server.n_mended == 1 and not alive(bed, first)
        assert pool.map(lambda v: v + 1, range(20)) == list(range(1, 21))


@pytest.mark.slow
def test_a_server_that_does_not_live_is_given_up(session, host, bed, request):
    if not request.config.getoption("--everywhere"):
        pytest.skip("it is killed again and again: --everywhere runs it")
    server = session.services.serve(host, nodes=1)
    killed: set[int] = set()

    def has_ended() -> bool:
        if server.state == "connected" and server.pid not in killed:
            killed.add(server.pid)
            bed.on("host1", f"kill -9 {server.pid}")
        return server.state.startswith("ended")

    assert wait_until(has_ended, 60), server.state
    assert "in a row" in server.state and len(killed) > 1


def test_a_server_behind_a_jump_host_ends_when_nobody_speaks_to_it_any_more(session, bed):
    bed.needs("cut")
    inner = session.connect(Plan("inner", "inner", nodes=1, python=str(BARE)))
    assert not inner.remote.is_direct
    server = session.services.serve(inner, nodes=1)
    bed("cut", "host1")  # the jump host's own link to it stands
    gone = f"test -d /proc/{server.pid} || echo gone"
    assert wait_until(lambda: "gone" in bed.on("inner", gone, check=False), 60), server.state


def test_letting_a_host_go_ends_what_serves_there(session, host):
    server = session.services.serve(host, nodes=1)
    session.disconnect("host1")
    assert not session.services.running
    assert server.state != "connected" and known_servers.recall(server.address) is None
