"""Tunnels over the system's ssh: it is handed each connection, and this process sees none of its bytes."""

from __future__ import annotations

import contextlib
import socket
import struct
import subprocess
import threading
import time

import pytest

from pathos_nb.secure import ssh_forward
from pathos_nb.secure.endings import Ending, Endings, can_tell
from pathos_nb.secure.mux import Refused, hand_over
from pathos_nb.secure.tunnel import Tunnel
from tests.rig.bed import wait_until

# Gives each who connects as many bytes as it asks for, in one line, and closes; "0": waits for the end, and says so.
GIVES = """
import socket, threading
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
def give(stream):
    n = int(stream.makefile().readline())
    stream.sendall(bytes(n))
    while not n and stream.recv(65536):
        pass
    stream.sendall(b"end")
    stream.close()
while True:
    threading.Thread(target=give, args=(listener.accept()[0],), daemon=True).start()
"""


@pytest.fixture
def service(connect):
    carrier = connect("host2").open(["python3", "-c", GIVES])
    carrier.sock.settimeout(30)
    return int(carrier.sock.recv(100))


@pytest.fixture
def tunnel(bed, service):
    with Tunnel() as one:
        one.connect("host2", service, config=bed.config, transport="openssh", timeout=5)
        if one._ssh is None or one._ssh._door is None:
            pytest.skip("this ssh does not tell enough to be handed connections")
        yield one


def asked(port: int, wish: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), 40)
    client.sendall(wish)
    return client


def rest_of(client: socket.socket) -> bytes:
    blocks = []
    while block := client.recv(1 << 20):
        blocks.append(block)
    return b"".join(blocks)


def test_the_client_sees_the_end_of_an_answer_while_its_own_side_is_open(tunnel):
    for n in (1, 300_000, 5_000_000):
        with asked(tunnel.port, b"%d\n" % n) as client:
            assert rest_of(client) == bytes(n) + b"end"
    assert wait_until(lambda: tunnel.n_connections == 0)


def test_the_service_sees_the_end_of_a_question(tunnel):
    with asked(tunnel.port, b"0\nmore") as client:
        client.shutdown(socket.SHUT_WR)
        assert rest_of(client) == b"end"


def test_bytes_are_counted_while_they_go_and_when_it_is_over(tunnel):
    n_bytes = 60_000_000  # more than lies in sockets: else all of it may have come, and its connection have ended
    with asked(tunnel.port, b"%d\n" % n_bytes) as client:
        found = client.recv(1000)
        assert wait_until(lambda: tunnel.received_bytes >= 1000)
        assert tunnel.n_connections == 1
        found += rest_of(client)
    assert wait_until(lambda: tunnel.n_connections == 0)
    assert len(found) == n_bytes + 3
    assert (tunnel.sent_bytes, tunnel.received_bytes) == (9, n_bytes + 3)


def test_many_at_once_end_each_for_itself(tunnel):
    waiting = [asked(tunnel.port, b"0\n") for _ in range(5)]

    def answers() -> None:
        for n in range(1, 6):
            with asked(tunnel.port, b"%d\n" % n) as client:
                found.append(len(rest_of(client)) - n)

    found: list[int] = []
    threads = [threading.Thread(target=answers) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [3] * 20  # numbers of channels are given again meanwhile
    for client in waiting:
        client.shutdown(socket.SHUT_WR)
        assert rest_of(client) == b"end"
        client.close()


def test_an_answer_that_is_cut_off_ends_in_an_error(tunnel):
    client = asked(tunnel.port, b"500000000\n")
    assert client.recv(1000)
    tunnel._ssh._carrier._far._process.kill()
    with client, pytest.raises(ConnectionError, match="reset"):
        rest_of(client)


def test_disconnect_ends_an_answer_in_an_error(tunnel):
    client = asked(tunnel.port, b"500000000\n")
    assert client.recv(1000)
    tunnel.disconnect()
    with client, pytest.raises(ConnectionError, match="reset"):
        rest_of(client)


def test_it_goes_over_the_users_own_connection_where_there_is_one(bed, service, tmp_path, home):
    """His ssh was let in by a code, perhaps, which another would be asked for again."""
    control = f"{home}/c"
    config = tmp_path / "config"
    config.write_text(f"Host host2\n  ControlPath {control}\nInclude {bed.config}\n", encoding="utf-8")
    master = subprocess.Popen(
        ["ssh", "-F", str(config), "-M", "-N", "-o", "ControlPersist=no", "host2"],
        stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert wait_until((home / "c").exists)
        with bed.obeying("host2", "DenyUsers root"), Tunnel() as one:
            one.connect("host2", service, config=str(config), transport="openssh", timeout=5)
            with asked(one.port, b"5\n") as client:
                assert rest_of(client) == bytes(5) + b"end"
            assert wait_until(lambda: one.received_bytes == 8)
    finally:
        master.terminate()
        master.wait(10)


def test_what_a_configuration_has_ssh_do_besides_is_not_done(bed, service, tmp_path):
    """Commands (``tmux attach``) and forwards of the user's, which are for when he logs in himself."""
    config = tmp_path / "config"
    with socket.create_server(("127.0.0.1", 0)) as taken, Tunnel() as one:
        forward = f"LocalForward 127.0.0.1:{taken.getsockname()[1]} 127.0.0.1:1"
        config.write_text(
            f"Host host2\n  RemoteCommand sleep 60\n  {forward}\nInclude {bed.config}\n", encoding="utf-8"
        )
        one.connect("host2", service, config=str(config), transport="openssh", timeout=5)
        with asked(one.port, b"5\n") as client:
            assert rest_of(client) == bytes(5) + b"end"


def test_an_ssh_that_tells_nothing_listens_itself(bed, service, monkeypatch):
    monkeypatch.setattr("pathos_nb.secure.openssh.can_tell", lambda ssh: False)
    with Tunnel() as one:
        one.connect("host2", service, config=bed.config, transport="openssh", timeout=5)
        with asked(one.port, b"300000\n") as client:
            assert len(rest_of(client)) == 300_003
        assert wait_until(lambda: one.received_bytes == 300_003)


@pytest.mark.parametrize(
    ("says", "tells"),
    [("OpenSSH_9.2p1 Debian", True), ("OpenSSH_8.5p1", True), ("OpenSSH_8.4p1", False), ("OpenSSH_10.0", True),
     ("Sun_SSH_1.1", False)],
)  # fmt: skip
def test_which_ssh_tells_is_known_by_its_version(says, tells, tmp_path):
    fake = tmp_path / "ssh"
    fake.write_text(f'#!/bin/sh\necho "{says}, OpenSSL 3" >&2\n', encoding="utf-8")
    fake.chmod(0o700)
    assert can_tell(str(fake)) is tells
    assert not can_tell(str(tmp_path / "nothing"))


# ------------------------------------------------------------------------------------------------------- what ssh tells


def line(channel: int, sock: int = -1, efd: int = -1) -> bytes:
    where = b"debug2: nchan.c:chan_shutdown_write():381 (pid=4711)"
    return where + b": channel %d: (i0 o1 sock %d wfd 10 efd %d [closed])\r\n" % (channel, sock, efd)


def test_only_what_is_told_of_channels_is_taken_out_and_at_once():
    endings, said = Endings(), b"Password: "
    assert endings.take(said) == said  # a question has no end of line
    whole = b"warning\n" + line(3) + b"debug2: other\n" + line(4) + b"debug1"
    found = b"".join(endings.take(whole[i : i + 1]) for i in range(len(whole)))
    assert found + endings.take(b"\n") == b"warning\ndebug2: other\ndebug1\n"


@pytest.fixture
def ask():
    """Gives how one asks for a connection: told what it is called, and where to note that its end was told."""
    with contextlib.ExitStack() as stack:

        def asked_for(endings, name, ended):
            here, ssh = (stack.enter_context(end) for end in socket.socketpair())
            stack.enter_context(endings.asking(here))

            def read() -> int:
                return int(here.recv(10))

            def take() -> Ending:
                ending = endings.answered(here, read)
                ending.then(lambda: ended.append(name))
                return ending

            return ssh, take

        yield asked_for


def test_who_has_a_number_first_is_meant_first(ask):
    endings, ended = Endings(), []
    first, takes_first = ask(endings, "a", ended)
    first.sendall(b"7")
    endings.take(line(7))  # before anybody has read that the number is his
    assert not ended
    takes_first()
    second, takes_second = ask(endings, "b", ended)
    second.sendall(b"7")
    takes_second()
    endings.take(line(8) + line(7, sock=5) + line(7, efd=9))  # sockets and sessions of ssh's own are no matter
    assert ended == ["a"]
    endings.take(line(7))
    assert ended == ["a", "b"]


def test_an_end_is_not_told_to_who_has_the_number_next_and_reads_so_first(ask):
    endings, ended = Endings(), []
    slow, takes_slow = ask(endings, "slow", ended)
    slow.sendall(b"7")
    endings.take(line(7))  # its end; ssh gives the number again
    quick, takes_quick = ask(endings, "quick", ended)
    quick.sendall(b"7")
    takes_quick()
    assert not ended, "the answer of another, which was not read, may be about the same number"
    takes_slow()
    assert ended == ["slow"]
    endings.take(line(7))
    assert ended == ["slow", "quick"]


def test_two_ends_that_are_told_early_are_two(ask):
    endings, ended = Endings(), []
    askers = [ask(endings, name, ended) for name in "ab"]
    for ssh, _ in askers:
        ssh.sendall(b"7")
        endings.take(line(7))
    for _, take in askers:
        take()
    assert ended == ["a", "b"]


def test_an_end_that_was_given_up_is_not_the_next_ones(ask):
    endings, ended = Endings(), []
    first, takes_first = ask(endings, "a", ended)
    first.sendall(b"7")
    endings.forget(takes_first())
    second, takes_second = ask(endings, "b", ended)
    second.sendall(b"7")
    takes_second()
    endings.take(line(7))
    assert not ended, "that was the first one's, told late"
    endings.take(line(7))
    assert ended == ["b"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        (b"", ConnectionError),
        (struct.pack(">I", 1 << 31), ConnectionError),
        (struct.pack(">III", 8, 1, 4) + struct.pack(">I", 4) + b"\x80\0\0\3", Refused),
        (struct.pack(">III", 8, 1, 4) + struct.pack(">IIII", 15, 0x80000003, 1, 3) + b"why", Refused),
    ],
)
def test_a_control_socket_that_answers_otherwise_is_an_error(answers, error, tmp_path):
    with socket.socket(socket.AF_UNIX) as control, socket.socket() as client:
        control.bind(str(tmp_path / "c"))
        control.listen()

        def answer() -> None:
            stream, _ = control.accept()
            with stream, contextlib.suppress(OSError):
                stream.sendall(answers)
                stream.shutdown(socket.SHUT_WR)
                stream.settimeout(10)
                while stream.recv(1 << 16):
                    pass

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(error):
            hand_over(str(tmp_path / "c"), client, "127.0.0.1", 80, Endings())
        thread.join(20)


def test_what_is_never_told_is_not_waited_for(monkeypatch):
    """Should another ssh have other words: the connection ends as one that was cut off, and does not hang."""
    monkeypatch.setattr(ssh_forward, "TOLD_S", 0.1)

    class Gone:
        ending = Ending(0)
        wait = close = forget = staticmethod(lambda: None)

    way = ssh_forward.HandedWay(Gone(), Endings(), lambda: time.sleep(0.01))
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        assert way.carry(client, ssh_forward.Counter()) is False
