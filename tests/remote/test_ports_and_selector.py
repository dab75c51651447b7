"""Port numbers, and the selector of pathos."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from pathos_nb.errors import BadOption
from pathos_nb.portpicker import main, portnumber, randomport
from pathos_nb.selector import Selector


def test_each_port_of_a_range_is_given_once():
    pick = portnumber(5, 9)
    assert sorted(pick() for _ in range(5)) == [5, 6, 7, 8, 9]
    with pytest.raises(RuntimeError, match="Range exhausted"):
        pick()


@pytest.mark.parametrize(("low", "high"), [(-1, 5), (6, 5), (0, 65537)])
def test_a_range_that_is_none_is_refused(low, high):
    with pytest.raises(BadOption, match="there are no ports"):
        portnumber(low, high)


def test_a_random_port_is_free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", randomport()))


def test_a_taken_range_is_said():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(RuntimeError, match="Range exhausted"):
            randomport(port, port)


def test_the_command_prints_one(capsys):
    assert main(["--min", "20000", "--max", "60000"]) == 0
    assert 20000 <= int(capsys.readouterr().out) <= 60000
    done = subprocess.run([sys.executable, "-m", "pathos_nb.portpicker"], capture_output=True, text=True, timeout=30)
    assert 1024 <= int(done.stdout) <= 65535


def test_the_command_says_in_a_line_why_there_is_none(capsys):
    assert main(["--min", "70000", "--max", "80000"]) == 1
    assert capsys.readouterr().err == "portpicker: there are no ports from 70000 to 80000; ports go from 0 to 65535\n"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["--min", port, "--max", port]) == 1
    assert capsys.readouterr().err == f"portpicker: no port from {port} to {port} is free\n"


def test_the_selector_calls_who_wants_to_know():
    ours, theirs = socket.socketpair()
    seen = []

    def on_read(selector, fd):
        seen.append(fd.recv(10))
        selector.state = len(seen) < 2
        return True

    def on_idle(selector):
        theirs.sendall(b"two")
        return False

    selector = Selector()
    selector.notifyOnReadReady(ours, on_read)
    selector.notifyWhenIdle(on_idle)
    theirs.sendall(b"one")
    selector.watch(0.05)
    assert seen == [b"one", b"two"]
    ours.close()
    theirs.close()


def test_the_selector_ends_when_nobody_is_left():
    ours, theirs = socket.socketpair()
    seen = []
    selector = Selector()
    selector.notifyOnWriteReady(ours, lambda selector, fd: seen.append("writable"))
    selector.watch(5)
    assert seen == ["writable"]
    ours.close()
    theirs.close()


def test_the_selector_tells_of_an_interrupt():
    def interrupt(selector):
        raise KeyboardInterrupt("now")

    seen = []
    selector = Selector()
    selector.notifyWhenIdle(interrupt)
    selector.notifyOnInterrupt(lambda selector: seen.append("interrupted"))
    with pytest.raises(KeyboardInterrupt, match="now"):
        selector.watch(0.01)
    assert seen == ["interrupted"]
