"""What goes wrong with a host: each fault has a deadline, and an error that names the host and the next step."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time

import pytest

from pathos_nb.errors import BadOption, CommandFailed, HostError, HostUnreachable, LoginRefused
from pathos_nb.secure.exchange import exchange
from pathos_nb.secure.names import parse
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.transfer import copy
from tests.rig.bed import Bed, says_all, wait_until
from tests.rig.sampling import seldom

both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])


# -------------------------------------------------------------------------------------------------------- not reached


@both
def test_a_host_that_nobody_knows(home, transport):
    with pytest.raises(HostUnreachable, match="no-such-host") as caught:
        Remote("no-such-host.invalid", transport=transport)
    says_all(caught.value, "no-such-host.invalid")


@both
def test_a_host_that_refuses(connect, bed, transport):
    bed("kill", "host2")
    with pytest.raises(HostUnreachable, match=r"(?s)host2.*refuse") as caught:
        connect("host2", transport=transport)
    says_all(caught.value, "host2")


@both
def test_a_host_without_a_route_to_it(connect, bed, transport):
    bed.needs("cut")
    bed("cut", "--unreachable", "host2")
    with pytest.raises(HostUnreachable, match=r"(?s)host2.*[Nn]o route to host") as caught:
        connect("host2", transport=transport)
    says_all(caught.value, "host2")


@both
def test_a_host_that_does_not_answer(connect, bed, transport):
    bed.needs("cut")
    bed("cut", "host2")
    with pytest.raises(HostUnreachable, match="host2") as caught:
        connect("host2", timeout=1, transport=transport)
    says_all(caught.value, "host2")
    if transport == "paramiko":
        assert "did not answer within 1 s" in str(caught.value)


@contextlib.contextmanager
def listening(answer: bytes):
    """Listen on a port and say something that is not ssh, or nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        streams = []

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    stream, _ = listener.accept()
                    streams.append(stream)
                    stream.sendall(answer)

        thread = threading.Thread(target=serve, name="no ssh server", daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for stream in streams:
                stream.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 400 Bad Request\r\n\r\n" * 50, b"\xff" * 100_000])
def test_a_port_where_something_else_answers(home, answer):
    with listening(answer) as port, pytest.raises(HostUnreachable, match="does not speak ssh") as caught:
        Remote(f"127.0.0.1:{port}", timeout=1)
    says_all(caught.value, "127.0.0.1")


def test_a_connection_has_ten_seconds(connect):
    assert connect("host1").timeout == 10.0


def test_a_link_that_is_slow_is_only_slow(connect, bed):
    bed.needs("slow")
    bed("slow", "host2", "--delay", "100ms", "--loss", "1%")
    host = connect("host2")
    assert host.run(["echo", "x"]).stdout == b"x\n"
    assert host.round_trip() > 0.15


@both
def test_ten_megabits_a_second_are_only_slow_and_leave_room_for_others(connect, bed, transport):
    bed.needs("slow")
    bed("slow", "host2", "--delay", "5ms", "--rate", "10mbit")
    host = connect("host2", transport=transport)
    data, begun = bytes(range(256)) * 6_000, time.monotonic()
    large = host.open(["cat"])
    got: list[bytes | None] = []
    sender = threading.Thread(target=lambda: got.append(exchange(large.sock, data, time.monotonic() + 50)))
    sender.start()
    assert host.run(["echo", "meanwhile"], timeout=30).stdout == b"meanwhile\n"
    sender.join(50)
    assert [len(block or b"") for block in got] == [len(data)]
    assert got[0] == data
    assert time.monotonic() - begun > 1, "the link was slow indeed"


# -------------------------------------------------------------------------------------------------------- hostile names

HOSTILE = [
    "-oProxyCommand=id",
    "a;rm",
    "a b",
    "$(id)",
    "`id`",
    "a|b",
    "a&b",
    "",
    "a'b",
    'a"b',
    "a\nb",
    "-l",
    "a/b",
    "a\\b",
]
HOSTILE += ["a>b", "a*", "a{b}", "a!b", "ü.de", "me@", "me@-x", "[::1", "a:b:c@d"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_refused_before_anything_happens(home, name):
    for transport in ("paramiko", "openssh"):
        with pytest.raises(BadOption, match=r"is not a (name|port)"):
            Remote(name, transport=transport)
    with pytest.raises(BadOption, match=r"is not a (name|port)"):
        Remote("host", through=name or " x y")


@pytest.mark.parametrize("user", ["-oProxyCommand=id", "a b", "$(id)", "a;b", "a\nb", "'"])
def test_a_hostile_user_is_refused(home, user):
    with pytest.raises(BadOption, match="is not a name of a user"):
        Remote("host", user=user)


@pytest.mark.parametrize("port", [-1, 65536, "22;id", "x"])
def test_a_port_that_is_none_is_refused(home, port):
    with pytest.raises(BadOption, match="is not a port"):
        Remote("host", port=port)


def test_a_hostile_name_in_the_configuration_is_refused(home):
    (home / ".ssh").mkdir()
    (home / ".ssh" / "config").write_text("Host a\n  HostName -oProxyCommand=id\nHost b\n  ProxyJump $(id)\n")
    for name in ("a", "b"):
        with pytest.raises(BadOption, match="is not a name of a host"):
            Remote(name)


@pytest.mark.parametrize(
    ("text", "host", "user", "port"),
    [
        ("node7", "node7", "", 0),
        ("me@node7:2222", "node7", "me", 2222),
        ("me@realm@node7", "node7", "me@realm", 0),
        ("me@[::1]:22", "::1", "me", 22),
        ("fe80::1%eth0", "fe80::1%eth0", "", 0),
        ("me@fe80::1", "fe80::1", "me", 0),
        ("node_7.example.org.", "node_7.example.org.", "", 0),
    ],
)
def test_a_name_is_taken_apart(text, host, user, port):
    target = parse(text)
    assert (target.host, target.user, target.port) == (host, user, port)
    assert parse(str(target)) == target


# --------------------------------------------------------------------------------------------------- strange hosts


def with_shell(bed, host, shell):
    """Give ``tester`` another login shell; the file is written in place, since it is mounted."""
    line = f"sed 's,^\\(tester:.*:\\)[^:]*$,\\1{shell},' /etc/passwd >/tmp/p && cat /tmp/p >/etc/passwd"
    bed.on(host, line)


@pytest.fixture
def tester_with(bed, raised_bed):
    changed = []

    def change(shell):
        bed.needs("users")
        changed.append(shell)
        with_shell(bed, "host2", shell)

    yield change
    if changed:
        with_shell(bed, "host2", "/bin/bash")


@pytest.mark.parametrize("transport", ["paramiko", *seldom("openssh")])  # what the shell is told is the same
@pytest.mark.parametrize("shell", ["/bin/dash", "/bin/tcsh", "/usr/bin/fish", "/bin/zsh"])
def test_a_login_shell_may_be_any(connect, bed, tester_with, shell, transport):
    if bed.on("host2", f"test -x {shell} || echo no"):
        pytest.skip(f"there is no {shell} here")
    tester_with(shell)
    words = ["$HOME", "it's", "!x", "a\nb", "ü", "\\"]
    host = connect("tester@host2", transport=transport)
    assert host.run(["printf", "[%s]", *words]).stdout.decode() == "".join(f"[{word}]" for word in words)
    assert host.probe().shell == shell


@both
def test_a_user_who_may_run_nothing_is_said(connect, tester_with, transport):
    tester_with("/usr/sbin/nologin")
    with (
        pytest.raises(CommandFailed, match="(?s)tester@host2 did not run the command.*not available") as caught,
    ):
        connect("tester@host2", transport=transport).run(["true"])
    says_all(caught.value, "host2")


def test_a_host_without_python_is_seen_as_one(connect, bed):
    bed.on("host2", "printf 'PATH=/tmp/few; mkdir -p /tmp/few\\n' >~/.few; mkdir -p /tmp/few")
    bed.on(
        "host2", "for p in sh bash date uname id nproc df awk mkdir rm cat; do ln -sf $(command -v $p) /tmp/few/; done"
    )
    from pathos_nb.secure.shell import SetUp

    facts = connect("host2", setup=SetUp(".few")).probe()
    assert (facts.pythons, facts.newest) == ({}, "")
    assert facts.cores > 0


def test_a_home_that_is_full_is_seen(connect, bed):
    bed.needs("netns")
    bed.on(
        "host2", "mkdir -p ~/.cache && mount -t tmpfs -o size=4k tmpfs ~/.cache && head -c 4096 /dev/zero >~/.cache/x"
    )
    try:
        facts = connect("host2").probe()
    finally:
        bed.on("host2", "umount ~/.cache")
    assert not facts.is_writable
    assert "No space left" in facts.why_not


def test_a_home_that_cannot_be_written_is_seen(connect, bed):
    bed.needs("users")
    bed.on("host2", "rm -rf ~tester/.cache; chmod 555 ~tester")
    try:
        facts = connect("tester@host2").probe()
    finally:
        bed.on("host2", "chmod 755 ~tester")
    assert not facts.is_writable
    assert "Permission denied" in facts.why_not


@pytest.fixture(scope="module")
def few_sessions(tmp_path_factory):
    """Give a bed whose host allows two sessions on a connection."""
    bed = Bed(tmp_path_factory.mktemp("few") / "small", 1, "--sshd", "MaxSessions 2")
    try:
        bed.up()
    except RuntimeError as error:
        pytest.skip(f"the bed cannot be raised here: {error}")
    try:
        yield bed
    finally:
        bed("down")


def test_when_there_is_no_room_for_a_session_another_connection_is_made(few_sessions, tmp_path):
    with Remote("host1", config=few_sessions.config) as host:
        held = [host.open(["cat"]) for _ in range(5)]
        for carrier in held:
            carrier.sock.settimeout(20)
            carrier.sock.sendall(b"x")
            assert carrier.sock.recv(1) == b"x"
        (tmp_path / "f").write_text("also by sftp")
        copy(str(tmp_path / "f"), "host1:/tmp/f", lambda name: host)
        assert len(ways_in(few_sessions)) == 3
    assert wait_until(lambda: not ways_in(few_sessions))


def ways_in(bed):
    return [line for line in bed.on("host1", "ps ax -o args").splitlines() if re.match("sshd.*@notty", line)]


def test_where_no_other_connection_is_let_in_the_session_is_refused_and_the_others_carry_on(few_sessions):
    few_sessions.needs("password")
    with Remote("pwuser@host1", config=few_sessions.config, ask=lambda *_: few_sessions.password) as host:
        held = [host.open(["cat"]) for _ in range(2)]
        refused = "host1 opens no further session.*MaxSessions.*another connection: pwuser@host1 was not let in"
        with pytest.raises(CommandFailed, match=refused) as caught:
            host.open(["cat"])
        says_all(caught.value, "host1")
        held.pop().close()
        assert host.run(["echo", "again"]).stdout == b"again\n"


def test_too_many_keys_are_said(home, bed):
    import subprocess

    lines = []
    for i in range(8):
        key = home / f"k{i}"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
        lines.append(f"IdentityFile {key}")
    host = bed.hosts["host1"]
    lines += [f"HostName {host['address']}", "User root", f"UserKnownHostsFile {bed.facts['known_hosts']}"]
    (home / "config").write_text("Host x\n  " + "\n  ".join(lines) + "\n")
    with pytest.raises((HostUnreachable, LoginRefused), match="hung up during the log-in.*the one key") as caught:
        Remote("x", config=str(home / "config"))
    says_all(caught.value, "x")


# ---------------------------------------------------------------------------------------------------------- the link


@both
def test_a_host_that_is_killed_ends_what_runs_there(connect, bed, transport):
    host = connect("host2", transport=transport)
    carrier = host.open(["cat"])
    carrier.sock.settimeout(30)
    bed("kill", "host2")
    assert carrier.sock.recv(1) == b""
    assert carrier.wait_ended(30)
    assert carrier.why_ended().startswith("the link was lost")
    with pytest.raises(HostUnreachable, match="host2") as caught:
        host.run(["true"])
    says_all(caught.value, "host2")
    if transport == "paramiko":
        assert not host.is_alive()
    bed("start", "host2")
    host.reconnect()
    assert host.run(["hostname"]).stdout == b"host2\n"


def test_a_short_cut_is_survived(connect, bed):
    bed.needs("cut")
    host = connect("host2")
    carrier = host.open(["cat"])
    bed("cut", "host2")
    carrier.sock.sendall(b"sent into the dark")
    time.sleep(5)  # the length of the cut is what is tested
    bed("heal", "host2")
    carrier.sock.settimeout(30)
    assert carrier.sock.recv(100) == b"sent into the dark"


def test_a_cut_is_found_by_asking(connect, bed):
    bed.needs("cut")
    host, other = connect("host2"), connect("host3")
    carrier = host.open(["cat"])
    bed("cut", "host2")
    with pytest.raises(HostUnreachable, match="the link to root@host2 was lost") as caught:
        host.round_trip(timeout=1)
    says_all(caught.value, "host2")
    assert not host.is_alive()
    assert carrier.wait_ended(30)
    assert carrier.why_ended().startswith("the link was lost")
    assert other.run(["hostname"]).stdout == b"host3\n"
    host.close()


def test_a_command_on_a_link_that_is_cut_comes_to_an_end(connect, bed):
    bed.needs("cut")
    host = connect("host2", timeout=2)
    bed("cut", "host2")
    with pytest.raises(HostError, match="host2") as caught:
        host.run(["true"], timeout=2)
    says_all(caught.value, "host2")
    bed("heal", "host2")


def test_a_closed_connection_says_so(connect):
    host = connect("host1")
    host.close()
    host.close()
    assert not host.is_alive()
    with pytest.raises(HostUnreachable, match="the connection to host1 is closed.*connect again"):
        host.run(["true"])


def test_after_a_session_nothing_runs_on_the_host(connect, bed):
    host = connect("host3")
    for _ in range(3):
        host.open(["sleep", "4321"])
    host.close()
    assert wait_until(lambda: "sleep 4321" not in bed.on("host3", "ps ax"))
    assert wait_until(lambda: "@notty" not in bed.on("host3", "ps ax"))
