"""The command pathos_connect, as a person or a script runs it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import pytest

from tests.remote.test_tunnel import ask, echo
from tests.rig.bed import HOSTS

__all__ = ["echo"]


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
    out, err = process.communicate("\n", timeout=20)
    assert (out, err, process.returncode) == ("Press <Enter> to disconnect\n", "", 0)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_tunnel_until_a_signal(run, number):
    process = run("host2", "tunnel", stdin=subprocess.DEVNULL)
    assert re.fullmatch(r"\d+:host2:\d+\n", process.stdout.readline())
    process.stdout.readline()
    process.send_signal(number)
    assert process.wait(20) == 0


def test_what_fails_is_one_line(run, bed):
    bed("kill", "host2")
    out, err = run("host2", "tunnel").communicate(timeout=40)
    assert out == ""
    assert re.match(r"pathos_connect: host2 .* refuses the connection .*\n\Z", err)
    assert "Traceback" not in err


def test_a_name_that_is_none_is_refused(run):
    process = run("a;rm", "tunnel")
    assert "is not a name of a host" in process.communicate(timeout=20)[1]
    assert process.returncode == 1


def test_help_tells_how():
    done = subprocess.run([sys.executable, "-m", "pathos_nb", "--help"], capture_output=True, text=True, timeout=30)
    assert "pathos_connect node7 ppserver tunnel" in done.stdout
    assert done.returncode == 0


FAKE_SERVER = """
import json, os, socket, sys
secret = sys.stdin.readline().strip()
listener = socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])))
print(json.dumps({"port": listener.getsockname()[1], "pid": os.getpid()}), flush=True)
import threading
def serve():
    while True:
        stream = listener.accept()[0]
        stream.recv(100)
        stream.sendall(secret[:8].encode() + b"bye")
        stream.close()
threading.Thread(target=serve, daemon=True).start()
sys.stdin.read()
"""


@pytest.fixture
def server_on(bed, home):
    """Put a package on a host whose server does what ours agrees to do, and nothing else."""

    def put(host):
        bed("exec", host, "--", "mkdir", "-p", "/tmp/fake/pathos_nb")
        command = [sys.executable, str(HOSTS), "exec", host, "--", "sh", "-c", "cat >/tmp/fake/pathos_nb/server.py"]
        subprocess.run(command, input=FAKE_SERVER, text=True, env=bed.environ, check=True, timeout=30)
        bed.on(host, "touch /tmp/fake/pathos_nb/__init__.py; echo export PYTHONPATH=/tmp/fake >~/.fake")

    return put


def test_a_server_and_a_tunnel_to_it(run, server_on, home, bed):
    server_on("host3")
    process = run("host3", "ppserver", "tunnel", ".fake", "--secret-file", str(home / "secret"))
    line = process.stdout.readline()
    shown = re.fullmatch(r"Server running at port=(\d+) with pid=(\d+)\n", line)
    assert shown, line or process.stderr.read()
    local = int(process.stdout.readline().partition(":")[0])
    secret = (home / "secret").read_text().strip()
    assert (home / "secret").stat().st_mode & 0o777 == 0o600
    assert ask(local, b"x") == secret[:8].encode() + b"bye"
    assert secret not in bed.on("host3", "ps axeww")
    assert (
        bed.on("host3", "awk '$4 == \"0A\" {print $2}' /proc/net/tcp | grep -v ':0016$' | grep -v ^0100007F || true")
        == ""
    )
    process.communicate("\n", timeout=30)
    assert process.returncode == 0
    assert bed.on("host3", f"test -d /proc/{shown[2]} || echo gone") == "gone\n"


def test_a_host_without_the_server_is_said(run):
    process = run("host3", "ppserver", "tunnel", "--python", "no-such-python")
    err = process.communicate(timeout=60)[1]
    assert "the server on host3 did not start" in err
    assert "no-such-python" in err
    assert process.returncode == 1
