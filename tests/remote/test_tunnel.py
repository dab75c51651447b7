"""Tunnels: a local port that leads to a port on a host, and what happens when the link breaks."""

from __future__ import annotations

import contextlib
import socket
import threading

import pytest

from pathos_nb.errors import HostKeyRefused, HostUnreachable, LoginRefused, TunnelFailed
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.tunnel import Tunnel
from tests.rig.bed import wait_until
from tests.rig.ports import free_port

both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])

# Echoes each connection until its end, then says goodbye; its port is its first line.
ECHO = """
import socket, sys, threading
listener = socket.create_server((sys.argv[1], int(sys.argv[2])), backlog=200)
print(listener.getsockname()[1], flush=True)
def echo(stream):
    while block := stream.recv(65536):
        stream.sendall(block)
    stream.sendall(b"bye")
    stream.close()
while True:
    threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()
"""


@pytest.fixture
def echo(connect):
    """Start echo services on hosts; give their ports."""

    def start(host, address="127.0.0.1", port=0):
        carrier = connect(host).open(["python3", "-c", ECHO, address, str(port)])
        carrier.sock.settimeout(30)
        return int(carrier.sock.recv(100))

    return start


@pytest.fixture
def tunnel(bed):
    """Make tunnels by the bed's configuration; they are closed at the end."""
    made = []

    def connect(host, port=None, through=None, **options):
        made.append(Tunnel())
        made[-1].connect(host, port, through, **{"config": bed.config, "timeout": 5, **options})
        return made[-1]

    yield connect
    for one in made:
        one.disconnect()


def ask(port, text=b"hello", timeout=40):
    """Send something through a port, and give all that comes back."""
    with socket.create_connection(("127.0.0.1", port), timeout) as stream:
        stream.sendall(text)
        with contextlib.suppress(OSError):  # who was hung up on already reads the reason
            stream.shutdown(socket.SHUT_WR)
        blocks = []
        while block := stream.recv(1 << 16):
            blocks.append(block)
    return b"".join(blocks)


@both
def test_a_port_leads_to_the_service(tunnel, echo, transport):
    one = tunnel("host2", echo("host2"), transport=transport)
    assert one.connected
    assert one.state == "connected"
    assert ask(one.port) == b"hellobye"
    assert 0 < one.latency_s < 10
    assert wait_until(lambda: (one.sent_bytes, one.received_bytes) == (5, 8))
    assert repr(one).startswith(f"Tunnel('{one.port}:host2:")
    one.disconnect()
    assert (one.connected, one.state) == (False, "closed")
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", one._lport or 1), 5)


@both
def test_many_connections_at_once(tunnel, echo, transport):
    one = tunnel("host2", echo("host2"), transport=transport)
    texts = [bytes([i]) * 200_000 for i in range(20)]
    answers = {}
    threads = [threading.Thread(target=lambda i=i: answers.update({i: ask(one.port, texts[i])})) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answers[i] for i in range(20)] == [text + b"bye" for text in texts]
    assert wait_until(lambda: one.n_connections == 0)


def test_it_listens_on_loopback_only(tunnel, bed):
    one = tunnel("host2", 9)
    with open("/proc/net/tcp") as table:
        places = [line.split()[1] for line in table if line.split()[3] == "0A"]
    mine = [place for place in places if place.endswith(f":{one.port:04X}")]
    assert mine == [f"0100007F:{one.port:04X}"]


def test_a_service_that_listens_on_the_hosts_own_address_is_found(tunnel, echo, bed):
    one = tunnel("host2", echo("host2", bed.hosts["host2"]["address"]))
    assert ask(one.port) == b"hellobye"


def test_without_a_port_one_is_picked_on_the_host(tunnel, echo):
    one = tunnel("host2")
    assert echo("host2", port=one._rport) == one._rport
    assert ask(one.port) == b"hellobye"


@both
def test_it_goes_through_jump_hosts(tunnel, echo, transport):
    one = tunnel("inner", echo("inner"), transport=transport)
    assert ask(one.port) == b"hellobye"
    two = tunnel("host3", echo("host3"), through="host2", transport=transport)
    assert ask(two.port) == b"hellobye"


def test_the_last_jump_host_connects_to_a_host_without_sshd(tunnel, echo, bed):
    port = echo("host3", "0.0.0.0")
    bed.on("host3", "kill $(cat /run/sshd.pid); rm -f /run/sshd.pid")
    bed.is_disturbed = True
    one = tunnel("host3", port, through="host2")
    assert ask(one.port) == b"hellobye"


def test_the_local_port_may_be_chosen_and_a_taken_one_is_said(tunnel, echo, bed):
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        for transport in ("paramiko", "openssh"):
            with pytest.raises(TunnelFailed, match=f"the local port {port} cannot be listened on"):
                tunnel("host2", 9, local_port=port, transport=transport)
    assert tunnel("host2", echo("host2"), local_port=port).port == port


def test_a_connection_may_be_shared(tunnel, echo, connect):
    host = connect("host2")
    one = tunnel("host2", echo("host2"), remote=host)
    assert ask(one.port) == b"hellobye"
    one.disconnect()
    assert host.run(["echo", "alive"]).stdout == b"alive\n"


# ------------------------------------------------------------------------------------------------------------- faults


@both
def test_connect_raises_when_it_does_not_connect(bed, tunnel, transport):
    bed("kill", "host2")
    one = Tunnel()
    with pytest.raises(HostUnreachable, match="(?s)host2.*refuse"):
        one.connect("host2", 9, config=bed.config, transport=transport)
    assert (one.connected, one.state) == (False, "closed")
    with pytest.raises(LoginRefused, match="host1"):
        one.connect("nobody@host1", 9, config=bed.config, transport=transport)
    bed("rekey", "host3")
    with pytest.raises(HostKeyRefused, match="host3"):
        one.connect("host3", 9, config=bed.config, transport=transport)


@both
def test_where_nothing_listens_the_client_gets_an_error_and_the_tunnel_says_why(tunnel, transport):
    one = tunnel("host2", 9, transport=transport)
    with pytest.raises(ConnectionError, match=r"reset|Broken"):
        ask(one.port)
    assert wait_until(lambda: "does not connect to host2:9" in one.last_error)
    assert one.state == "connected"


def test_a_second_connect_is_refused(tunnel):
    one = tunnel("host2", 9)
    with pytest.raises(TunnelFailed, match="is connected"):
        one.connect("host2", 9)


@both
def test_a_killed_host_is_connected_to_again_when_it_is_back(tunnel, echo, bed, transport):
    port = echo("host2")
    one = tunnel("host2", port, transport=transport)
    local = one.port
    assert ask(local) == b"hellobye"
    states = []
    one.on_change = lambda tunnel: states.append(tunnel.state)
    bed("kill", "host2")
    assert wait_until(lambda: one.state == "reconnecting")
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", local), 1).close()
    bed("start", "host2")
    assert wait_until(lambda: one.state == "connected")
    echo("host2", port=port)
    assert ask(local) == b"hellobye"
    assert states == ["reconnecting", "connected"]


def test_who_connects_while_the_link_is_down_waits(tunnel, echo, bed):
    port = echo("host2")
    one = tunnel("host2", port)
    bed("kill", "host2")
    assert wait_until(lambda: one.state == "reconnecting")
    with socket.create_connection(("127.0.0.1", one.port), 40) as client:
        client.sendall(b"early")
        bed("start", "host2")
        echo("host2", port=port)
        try:
            assert client.recv(100) == b"early"
        except ConnectionError:  # the tunnel was quicker than the service
            assert ask(one.port) == b"hellobye"


def test_a_link_that_is_cut_is_found_and_opened_again(tunnel, echo, bed, monkeypatch):
    bed.needs("cut")
    monkeypatch.setattr("pathos_nb.secure.tunnel.WATCH_S", 0.5)
    monkeypatch.setattr("pathos_nb.secure.tunnel.DEAD_S", 3.0)
    one = tunnel("host2", echo("host2"), timeout=2)
    with socket.create_connection(("127.0.0.1", one.port), 20) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        bed("cut", "host2")
        assert wait_until(lambda: one.state == "reconnecting")
        with pytest.raises(ConnectionError, match="reset"):  # and no end that looks like a whole answer
            client.recv(1)
    bed("heal", "host2")
    assert wait_until(lambda: one.state == "connected")
    assert ask(one.port) == b"hellobye"


def test_a_key_that_changes_ends_it_for_good(tunnel, bed):
    one = tunnel("host3", 9)
    bed("rekey", "host3")
    assert one.state == "connected"
    bed("kill", "host3")
    bed("start", "host3")
    assert wait_until(lambda: one.state == "broken")
    assert "is not the one that is known" in one.last_error


@both
def test_disconnect_comes_back_soon_whatever_the_link_does(tunnel, echo, bed, transport):
    bed.needs("cut")
    one = tunnel("host2", echo("host2"), transport=transport)
    with socket.create_connection(("127.0.0.1", one.port), 20) as client:
        client.sendall(b"x")
        assert client.recv(1) == b"x"
        bed("cut", "host2")
        one.disconnect()


def test_the_remote_of_a_tunnel_is_closed_with_it(bed):
    one = Tunnel(host="host1", port=9, config=bed.config)
    assert isinstance(one._remote, Remote)
    remote = one._remote
    one.disconnect()
    assert not remote.is_alive()
