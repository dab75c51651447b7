"""Commands that write much: all of it is read, and what a page can take is kept."""

from __future__ import annotations

import re
import socket
import threading
import time
from types import SimpleNamespace

import pytest

from pathos_nb.errors import CommandFailed
from pathos_nb.notebook.remote_actions import REMOTE_ACTIONS, Ran
from pathos_nb.secure.ends import Ends
from pathos_nb.secure.exchange import exchange
from pathos_nb.secure.remote import Completed


@pytest.mark.parametrize("block_bytes", [1, 7, 1000])
def test_both_ends_are_kept_in_whole_lines(block_bytes):
    text, ends = b"".join(b"line %d\n" % i for i in range(1000)), Ends(100)
    for place in range(0, len(text), block_bytes):
        ends.extend(text[place : place + block_bytes])
    head, n_bytes, tail = re.split(rb"\n\[\.\.\. (\d+) bytes are left out \.\.\.\]\n", bytes(ends))
    assert text.startswith(head + b"\n") and text.endswith(b"\n" + tail) and 80 < len(head + tail) < 100
    assert len(head) + int(n_bytes) + len(tail) == len(text)


def test_what_is_short_is_whole_and_a_line_without_an_end_is_cut():
    short, long = Ends(100), Ends(100)
    short.extend(b"x" * 100)
    long.extend(b"x" * 1000)
    assert bytes(short) == b"x" * 100 and not short.n_left_out
    assert bytes(long) == b"%s\n[... 900 bytes are left out ...]\n%s" % (b"x" * 50, b"x" * 50)


def test_thirty_megabytes_are_read_and_not_held():
    ours, theirs = socket.socketpair()
    block, ends = b"y\n" * (1 << 19), Ends(1000)

    def write():
        with theirs:
            for _ in range(30):
                theirs.sendall(block)

    writer = threading.Thread(target=write)
    writer.start()
    with ours:
        said = exchange(ours, b"", time.monotonic() + 120, ends)
    writer.join(60)
    assert said.startswith(b"y\ny\n") and said.endswith(b"y\ny\n") and len(said) < 1100
    assert ends.n_left_out == 30 * len(block) - 1000


def _ran(run, **values):
    session = SimpleNamespace(hosts=SimpleNamespace(get=lambda name: SimpleNamespace(name=name, remote=run)))
    return REMOTE_ACTIONS["exec"](session, {"host": "node7", "rest": ("yes",), "timeout": None, **values})


class _Wordy:
    def run(self, command, *, timeout, into, cure):
        into.extend(b"a line\n" * 100_000)
        return Completed(bytes(into), "err\n" * 100_000, 3)


class _Slow:
    def run(self, command, *, timeout, into, cure):
        raise CommandFailed(f"{command[0]} did not end within {timeout:g} s", cure=cure)


def test_a_page_gets_no_more_than_it_can_show():
    ran = _ran(_Wordy())
    assert isinstance(ran, Ran) and len(repr(ran)) < 600_000 and len(ran._repr_html_()) < 600_000
    assert "bytes are left out" in ran.stdout and "bytes are left out" in ran.stderr
    assert repr(ran).endswith(
        "exit status 3 on node7; for all of it, write it into a file there and %pathos copy it here"
    )


def test_one_that_takes_too_long_is_told_with_the_option_of_the_magic():
    with pytest.raises(CommandFailed, match=r"within 2 s.*%pathos exec --timeout SECONDS"):
        _ran(_Slow(), timeout=2.0)
