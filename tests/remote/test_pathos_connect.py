"""The command pathos_connect, as a person or a script runs it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from pathos_nb import known_servers
from pathos_nb.__main__ import _begin, _parser
from pathos_nb.parallel import ParallelPool
from pathos_nb.secure.remote import Remote
from tests.remote.test_tunnel import ask, echo
from tests.rig.bed import wait_until

__all__ = ["echo"]
BARE = str(Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}"))  # where none of the tests' packages are


@pytest.fixture
def run(bed, home):
    """Start the command with the bed's configuration; what still runs at the end is killed."""
    (home / ".ssh").mkdir()
    (home / ".ssh" / "config").write_text(f"Include {bed.config}\n")
    started = []

    def start(*words, stdin=subprocess.PIPE):
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "pathos_nb", *words],
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                bufsize=1,
            )  # fmt: skip
        )
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_a_tunnel_until_enter(run, echo):
    port = echo("host2")
    process = run("host2", "tunnel", str(port))
    shown = re.fullmatch(rf"(\d+):host2:{port}\n", process.stdout.readline())
    assert shown
    assert process.stdout.readline() == f"Connected to localhost at port={shown[1]}\n"
    assert ask(int(shown[1])) == b"hellobye"
    assert process.stdout.readline() == "Press <Enter> to disconnect\n"
    out, err = process.communicate("\n", timeout=50)
    assert (out, err, process.returncode) == ("", "", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_tunnel_until_a_signal(run, number):
    process = run("host2", "tunnel", stdin=subprocess.DEVNULL)
    assert re.fullmatch(r"\d+:host2:\d+\n", process.stdout.readline())
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(50) == 0


def test_what_fails_is_one_line(run, bed):
    bed("kill", "host2")
    out, err = run("host2", "tunnel").communicate(timeout=50)
    assert out == ""
    assert re.match(r"pathos_connect: host2 .* refuses the connection .*\n\Z", err)
    assert "Traceback" not in err


def test_a_name_that_is_none_is_refused(run):
    process = run("a;rm", "tunnel")
    assert "is not a name of a host" in process.communicate(timeout=50)[1]
    assert process.returncode == 1


def test_help_tells_how():
    done = subprocess.run([sys.executable, "-m", "pathos_nb", "--help"], capture_output=True, text=True, timeout=50)
    assert "pathos_connect node7 ppserver tunnel" in done.stdout
    assert done.returncode == 0


def test_a_server_and_a_tunnel_to_it_where_there_is_nothing_but_python(run, home, bed):
    bed.on("host3", "echo 'export FROM=\"a profile\"' >~/.fake")
    process = run("host3", "ppserver", "tunnel", ".fake", "--nodes", "1", "--python", BARE)
    line = process.stdout.readline()
    shown = re.fullmatch(r"Server running at port=(\d+) with pid=(\d+)\n", line)
    assert shown, line or process.stderr.read()
    local = int(process.stdout.readline().partition(":")[0])
    assert process.stdout.readline().startswith("Connected")
    assert process.stdout.readline().startswith("Press <Enter> to kill server")
    secret = known_servers.recall(f"localhost:{local}")
    with ParallelPool(0, servers=(f"localhost:{local}",)) as pool:
        assert pool.map(lambda _: os.environ.get("FROM"), range(3)) == ["a profile"] * 3
    pool.clear()
    assert secret not in bed.on("host3", "ps axeww")
    assert (
        bed.on("host3", "awk '$4 == \"0A\" {print $2}' /proc/net/tcp | grep -v ':0016$' | grep -v ^0100007F || true")
        == ""
    )
    process.communicate("\n", timeout=50)
    assert process.returncode == 0
    assert not known_servers.recall(f"localhost:{local}")
    assert wait_until(lambda: bed.on("host3", f"test -d /proc/{shown[2]} || echo gone") == "gone\n")


def test_one_connection_carries_server_and_tunnel(monkeypatch, bed, home):
    """What has to be asked, a password for example, is asked once."""
    made = []
    monkeypatch.setattr(Remote, "_connect", lambda self, connect=Remote._connect: (made.append(self), connect(self))[1])
    (home / ".ssh").mkdir()
    (home / ".ssh" / "config").write_text(f"Include {bed.config}\n")
    with ExitStack() as stack:
        _begin(_parser().parse_args(["host2", "ppserver", "tunnel", "--nodes", "1"]), stack)
    assert len(made) == 1 and not made[0].is_alive()


def test_a_host_without_that_python_is_said(run):
    process = run("host3", "ppserver", "tunnel", "--python", "no-such-python")
    err = process.communicate(timeout=60)[1]
    assert "no-such-python on host3 is no Python that can be used" in err
    assert "Traceback" not in err
    assert process.returncode == 1


@pytest.mark.parametrize("words", [("tunnel", "99999"), ("ppserver", "65536"), ("tunnel", "80;id")])
def test_a_port_that_is_none_is_refused_before_anybody_is_asked(run, words):
    process = run("no-such-host.invalid", *words)
    assert "is not a port" in process.communicate(timeout=50)[1]
    assert process.returncode in (1, 2)
