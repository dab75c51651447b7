"""The server as a process: who it listens to, what it tells, and when it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

import pathos_nb
from pathos_nb import Pool, known_servers
from pathos_nb.errors import BadOption, PoolBroken
from pathos_nb.launchers.ppft_call import answers, ask
from pathos_nb.server import LocalServer, Server
from tests.rig.census import until
from tests.rpc.calls import environment, nap

ROOT = str(Path(pathos_nb.__file__).parents[1])
SECRET = "e81c9c5a-not-to-be-seen"


@pytest.fixture
def command() -> Iterator[Any]:
    """Start ``python -m pathos_nb.server`` as other programs do."""
    started: list[subprocess.Popen[str]] = []

    def start(*arguments: str, secret: str = SECRET) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "pathos_nb.server", *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": ROOT},
        )  # fmt: skip
        started.append(process)
        assert process.stdin is not None
        process.stdin.write(secret + "\n")
        process.stdin.flush()
        return process

    yield start
    for process in started:
        process.communicate(timeout=20)


def told_by(process: subprocess.Popen[str]) -> dict[str, int]:
    assert process.stdout is not None
    told: dict[str, int] = json.loads(process.stdout.readline())
    return told


def tree(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def gone(processes: list[psutil.Process], within_s: float = 30.0) -> bool:
    return until(lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in processes), within_s)


def test_it_answers_with_one_line_and_ends_with_its_standard_input(command: Any) -> None:
    process = command("--nodes", "3")
    told = told_by(process)
    assert told["pid"] == process.pid
    assert ask(("localhost", told["port"]), SECRET.encode())["nodes"] == 3
    out, err = process.communicate(timeout=20)
    assert (out, err, process.returncode) == ("", "", 0)
    assert not answers(("localhost", told["port"]))


def test_it_takes_the_port_that_it_is_given_and_says_if_it_cannot_have_it(command: Any) -> None:
    port = told_by(command())["port"]
    other = command("--port", str(port))
    _, err = other.communicate(timeout=20)
    assert other.returncode == 1
    assert f"cannot be started at port {port} of loopback" in err
    assert "Traceback" not in err


def test_without_a_secret_it_does_not_begin(command: Any) -> None:
    process = command(secret="")
    _, err = process.communicate(timeout=20)
    assert process.returncode == 2
    assert "must be the secret" in err


def test_it_listens_on_loopback_only_and_the_secret_is_in_no_argument_and_no_environment(command: Any) -> None:
    process = command("--nodes", "2")
    port = told_by(process)["port"]
    known_servers.remember(f"localhost:{port}", SECRET)
    with Pool(f"ppft:localhost:{port}", nodes=2) as pool:
        pool.map(abs, range(10))
        everyone = tree(process.pid)
        assert len(everyone) >= 4
        for one in everyone:
            assert SECRET not in " ".join(one.cmdline())
            assert SECRET not in " ".join(one.environ().values())
            for connection in one.net_connections(kind="all"):
                assert connection.status != psutil.CONN_LISTEN or connection.laddr.ip == "127.0.0.1"


@pytest.mark.parametrize("how", ["stdin", "killed"])
def test_when_it_ends_its_busy_workers_end(command: Any, how: str) -> None:
    process = command("--nodes", "2")
    port = told_by(process)["port"]
    known_servers.remember(f"localhost:{port}", SECRET)
    pool = Pool(f"ppft:localhost:{port}", nodes=2)
    pool.map(abs, range(10))
    result = pool.amap(nap, range(2))
    everyone = tree(process.pid)
    if how == "killed":
        process.kill()
    process.communicate(timeout=20)
    assert gone(everyone)
    with pytest.raises(PoolBroken, match="gives no workers|died"):
        result.get(30)
    pool.terminate()


def test_it_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    code = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-m", "pathos_nb.server"], stdin=int(sys.argv[1]), stdout=sys.stdout)
time.sleep(60)
"""
    reading, writing = os.pipe()  # kept open here, so that only the parent's death can tell it
    os.write(writing, b"secret\n")
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(reading)], stdout=subprocess.PIPE, text=True, pass_fds=[reading],
        env={**os.environ, "PYTHONPATH": ROOT},
    )  # fmt: skip
    try:
        everyone = tree(told_by(parent)["pid"])
        parent.kill()
        assert gone(everyone)
    finally:
        parent.communicate(timeout=20)
        os.close(reading)
        os.close(writing)


def test_environment_and_module_path_are_left_as_they_were(server: LocalServer, monkeypatch: Any) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    before = dict(os.environ)
    with Pool(f"ppft:{server.address}", nodes=1) as pool:
        assert pool.pipe(environment, 0) == (None, sys.path)
    assert dict(os.environ) == before


def test_a_server_serves_several_pools_and_is_as_new_for_each(server: LocalServer) -> None:
    with Pool(f"ppft:{server.address}", nodes=2) as one, Pool(f"ppft:{server.address}", nodes=3) as other:
        pids = {*one.each(os.getpid), *other.each(os.getpid)}
        assert len(pids) == 5
    with Pool(f"ppft:{server.address}", nodes=1) as later:
        assert later.pipe(os.getpid) not in pids


def test_the_process_that_starts_workers_is_killed_and_the_server_goes_on(server: LocalServer) -> None:
    with Pool(f"ppft:{server.address}", nodes=2) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        for child in psutil.Process(server.pid).children():
            child.send_signal(signal.SIGKILL)
        assert pool.map(abs, range(-50, 0)) == list(range(50, 0, -1))


# --- what is known of servers ---


def test_a_secret_is_in_a_file_of_its_own_that_nobody_else_can_read(server: LocalServer, data_folder: Path) -> None:
    assert known_servers.known() == [server.address]
    files = [path for path in data_folder.rglob("*") if path.is_file()]
    assert len(files) == 1
    assert files[0].stat().st_mode & 0o777 == 0o600
    assert files[0].parent.stat().st_mode & 0o777 == 0o700
    assert len(known_servers.recall(server.address) or "") == 64
    assert known_servers.recall(server.address.replace("localhost", "127.0.0.1"))
    server.close()
    assert known_servers.recall(server.address) is None


def test_a_file_that_others_can_read_is_not_believed(data_folder: Path) -> None:
    known_servers.remember("localhost:4000", "abc")
    (known_servers.folder() / "localhost_4000").chmod(0o644)
    with pytest.raises(BadOption, match="others can read or write"):
        known_servers.recall("localhost:4000")


@pytest.mark.parametrize(
    "address", ["", "node7", "localhost:", "localhost:x", "localhost:70000", "a:-1", "localhost:٣"]
)
def test_what_is_no_address_is_said_so(address: str) -> None:
    with pytest.raises(BadOption, match="is no server"):
        known_servers.canonical(address)


def test_a_hostile_name_stays_in_the_folder(data_folder: Path) -> None:
    known_servers.remember("../../etc/x:1", "abc")
    assert [path.parent for path in data_folder.rglob("*") if path.is_file()] == [known_servers.folder()]


# --- the class of pathos ---


class Selector:
    def __init__(self) -> None:
        self.state, self.heard = True, []

    def notifyWhenIdle(self, call: Any) -> None:  # noqa: N802
        self.heard.append(call)

    def watch(self, timeout: float) -> None:
        self.heard.append(timeout)


def test_the_server_of_pathos_is_a_selector_that_can_be_set_going() -> None:
    server, selector = Server(), Selector()
    assert server.selector() is None
    server.activate(onTimeout=print, selector=selector)
    assert server.selector() is selector
    server.serve(2.0)
    server.deactivate()
    assert (selector.heard, selector.state) == ([print, 2.0], False)


def test_without_a_selector_it_takes_a_new_one_and_is_called_when_idle() -> None:
    server, n_calls = Server(), []

    def on_timeout(_: Any) -> bool:
        n_calls.append(1)
        if len(n_calls) == 3:
            server.deactivate()
        return True

    server.activate(on_timeout)
    server.serve(0.01)
    assert len(n_calls) == 3


def test_a_listening_socket_of_somebody_else_is_no_server() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listening,
        pytest.raises(PoolBroken, match="ended before it began"),
    ):
        LocalServer(nodes=1, port=listening.getsockname()[1])
