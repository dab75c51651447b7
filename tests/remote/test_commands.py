"""Commands on a host: opened, run, killed, on both transports."""

from __future__ import annotations

import socket

import pytest

from pathos_nb.errors import BadOption, CommandFailed
from pathos_nb.secure import openssh
from pathos_nb.secure.shell import SetUp
from tests.rig.bed import wait_until

both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])


@both
def test_a_command_gives_what_it_wrote_and_its_status(connect, transport):
    host = connect("host2", transport=transport)
    done = host.run(["sh", "-c", "cat; echo wrong >&2; exit 7"], stdin="ünï\n".encode() * 1000)
    assert (done.stdout.decode(), done.stderr.strip(), done.status) == ("ünï\n" * 1000, "wrong", 7)


@both
def test_the_words_of_a_command_reach_it_as_they_are(connect, transport):
    words = ["$HOME", "a b", "'", '"', "$(touch /tmp/no)", "`id`", "a;rm", "*", "\\n", "!x", "ä\n\t", "", "-n", "%s"]
    done = connect("host2", transport=transport).run(["printf", "[%s]", *words])
    assert done.stdout.decode() == "".join(f"[{word}]" for word in words)


@both
def test_megabytes_come_back_as_they_went(connect, transport):
    data = bytes(range(256)) * 40_000
    assert connect("host1", transport=transport).run(["cat"], stdin=data).stdout == data


@both
def test_a_carrier_is_a_socket_to_the_command(connect, transport):
    carrier = connect("host1", transport=transport).open(["cat"])
    carrier.sock.settimeout(20)
    for data in (b"one", b"\0\xff" * 50):
        carrier.sock.sendall(data)
        assert carrier.sock.recv(1000) == data
    assert carrier.why_ended() == ""
    carrier.sock.shutdown(socket.SHUT_WR)
    assert carrier.sock.recv(1) == b""
    assert carrier.wait_ended(50)
    assert carrier.why_ended() == "exit status 0"


@both
def test_closing_a_carrier_ends_its_command(connect, bed, transport):
    carrier = connect("host1", transport=transport).open(["sh", "-c", "sleep 98765 & sleep 98765"])
    assert wait_until(lambda: _sleepers(bed) == 2)
    carrier.close()
    carrier.close()
    assert wait_until(lambda: _sleepers(bed) == 0)


def test_a_command_that_ignores_to_be_ended_is_killed(connect, bed):
    carrier = connect("host1").open(["sh", "-c", "trap '' TERM HUP PIPE; echo on; while :; do sleep 98765; done"])
    carrier.sock.settimeout(20)
    assert carrier.sock.recv(10) == b"on\n"
    carrier.close()
    assert wait_until(lambda: _sleepers(bed) == 0)


def _sleepers(bed):
    return int(bed.on("host1", "pgrep -c -f '^sleep 98765' || true"))


@both
def test_the_process_id_is_the_commands_own(connect, bed, transport):
    carrier = connect("host2", transport=transport).open(["sleep", "12345"])
    told = f"tr '\\0' ' ' </proc/{carrier.pid}/cmdline"  # at first it is the shell's, which becomes the command
    assert wait_until(lambda: bed.on("host2", told).strip() == "sleep 12345")


@both
def test_a_command_that_takes_too_long_is_killed_and_said(connect, bed, transport):
    host = connect("host1", transport=transport)
    with pytest.raises(CommandFailed, match="sleep on .*host1 did not end within 0.5 s, and was killed"):
        host.run(["sleep", "98765"], timeout=0.5)
    assert wait_until(lambda: _sleepers(bed) == 0)


def test_a_host_that_is_slow_to_let_in_ends_a_command_late(connect, bed, monkeypatch):
    monkeypatch.setattr(openssh, "KILL_S", 0.01)  # as if to be let in took longer than that
    with pytest.raises(CommandFailed, match="and was killed"):
        connect("host1", transport="openssh").run(["sleep", "98765"], timeout=0.1)
    assert wait_until(lambda: _sleepers(bed) == 0)


def test_a_program_that_is_not_there_is_status_127(connect):
    done = connect("host1").run(["no-such-program", "x"])
    assert done.status == 127
    assert "no-such-program" in done.stderr


@pytest.mark.parametrize("command", [[], [""], ["a\0b"], ["x" * 200_000]])
def test_what_is_no_command_is_refused_here(connect, command):
    with pytest.raises(BadOption, match="command"):
        connect("host1").run(command)


@both
def test_profile_and_set_up_lines_come_first_and_stay_out_of_the_stream(connect, bed, transport):
    bed.on("host3", "echo 'echo hello from the profile; export FROM_PROFILE=1; cat; cd /' > ~/.my_profile")
    setup = SetUp(".my_profile", ("echo loaded", "export LOADED='a b'"))
    host = connect("host3", transport=transport, setup=setup)
    done = host.run(["sh", "-c", 'echo "$FROM_PROFILE $LOADED $PWD $(cat)"'], stdin=b"kept")
    assert done.stdout == b"1 a b /root kept\n"
    assert "hello from the profile" in done.stderr
    assert "loaded" in done.stderr
    assert host.run(["sh", "-c", 'echo "[$LOADED]"'], setup=False).stdout == b"[]\n"


@both
@pytest.mark.parametrize("line", ["no-such-module load python", "if [ 'x"])
def test_a_set_up_line_that_fails_is_the_one_that_is_named(connect, line, transport):
    host = connect("host3", setup=SetUp("", ("export A=1", line, "echo never")), transport=transport)
    with pytest.raises(CommandFailed) as caught:
        host.run(["true"])
    assert f"a set-up line of host3 failed: {line} (host host3)" in str(caught.value)
    assert "hosts.ini" in caught.value.cure


def test_a_profile_that_ends_the_shell_is_said(connect, bed):
    bed.on("host3", "echo 'exit 3' >~/.ends")
    with pytest.raises(CommandFailed, match=r"host3 did not end well.*ended the shell \(exit status 3\)"):
        connect("host3", setup=SetUp(".ends")).run(["true"])


@pytest.fixture
def own_profile(bed):
    """Give host3 an ``/etc/profile`` of its own: the file is this machine's, so another one is mounted over it there."""
    bed.needs("netns")
    bed.on("host3", "mkdir -p /tmp/sys /tmp/mine; for d in sys mine; do ln -sf /bin/true /tmp/$d/python3; done")
    bed.on("host3", "echo 'PATH=/tmp/sys:/usr/bin:/bin; export FROM_SYSTEM=yes' >/tmp/profile")
    bed.on("host3", "mount --bind /tmp/profile /etc/profile")
    yield
    bed.on("host3", "umount /etc/profile")


def test_a_set_up_line_alone_does_not_change_the_python(connect, own_profile):
    look = ["sh", "-c", "command -v python3; echo $FROM_SYSTEM"]
    plain = connect("host3").run(look).stdout.decode().splitlines()[0]
    said = connect("host3", setup=SetUp("", ("export X=1",))).run(look).stdout.decode()
    assert said.splitlines() == [plain, "yes"]
    loaded = connect("host3", setup=SetUp("", ("export PATH=/tmp/mine:$PATH",))).run(look).stdout.decode()
    assert loaded.splitlines() == ["/tmp/mine/python3", "yes"]


@both
def test_a_login_shell_that_talks_does_not_disturb(connect, bed, transport):
    bed.on("host3", "printf 'echo BANNER; echo more >&2\\n' > ~tester/.bashrc")
    host = connect("tester@host3", transport=transport)
    done = host.run(["echo", "mine"])
    assert done.stdout == b"mine\n"
    assert "BANNER" in done.stderr
    assert host.probe().user == "tester"


def test_the_probe_says_what_the_host_is_like(connect):
    facts = connect("host1").probe()
    assert (facts.host, facts.hostname, facts.system, facts.user) == ("host1", "host1", "Linux", "root")
    assert facts.pythons
    assert facts.versions[facts.pythons[facts.newest]].startswith(f"{facts.newest}.")
    assert facts.cores > 0
    assert facts.memory_bytes > facts.free_bytes > 0
    assert facts.disk_free_bytes > 0
    assert facts.is_writable
    assert abs(facts.clock_offset_s) < 5
    assert 0 < facts.round_trip_s < 5


def test_many_commands_run_side_by_side(connect):
    host = connect("host1")
    carriers = [host.open(["sh", "-c", f"read x; echo {i} $x"]) for i in range(8)]
    for carrier in carriers:
        carrier.sock.settimeout(20)
        carrier.sock.sendall(b"go\n")
    assert [c.sock.recv(100) for c in carriers] == [f"{i} go\n".encode() for i in range(8)]
