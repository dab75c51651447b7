"""Whether silence is a cut: read from the system's table of connections, with what was seen there."""

from __future__ import annotations

import os
import socket
import sys
import threading
from types import SimpleNamespace

import pytest

from pathos_nb.joined.carried import CarriedServer
from pathos_nb.launchers import agent_far, ppft_carried
from pathos_nb.launchers import agent_messages as messages
from pathos_nb.launchers.agent_messages import BRIEF, LONG
from pathos_nb.launchers.agent_patience import Patience
from pathos_nb.launchers.agent_silence import is_cut, unanswered

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LINE = "   1: 0204A8C0:0016 {there} 01 0000003C:00000000 {timer}:00000040 {times:08X}     0        0 8813 4 0 24 4 31 10 -1\n"
THERE, HERE = "0104A8C0:D204", "0204A8C0:0016"


@pytest.mark.parametrize(
    ("timer", "times", "expected"),
    [("01", 3, 3), ("00", 0, 0), ("04", 5, 0), ("02", 9, 0)],
    ids=["sent again", "all acknowledged", "its reader is slow", "keepalive"],
)
def test_only_what_is_sent_again_and_again_counts(timer, times, expected):
    assert unanswered(HEAD + LINE.format(there=THERE, timer=timer, times=times), THERE, HERE) == expected


def test_other_connections_do_not_count():
    table = HEAD + LINE.format(there="0304A8C0:D204", timer="01", times=7)
    assert unanswered(table, THERE, HERE) == 0


def test_an_address_that_is_mapped_into_the_new_kind_is_found_by_its_end():
    mapped = "0000000000000000FFFF0000"
    line = LINE.format(there=mapped + THERE, timer="01", times=2).replace(" 0204A8C0", f" {mapped}0204A8C0")
    assert unanswered(HEAD + line, THERE, HERE) == 2


@pytest.mark.parametrize("said", ["", "a b c d", "10.0.0.1 22", "10.0.0.1 22 10.0.0.2 x", "::1 22 nowhere 22"])
def test_what_is_no_connection_is_no_cut(said):
    assert not is_cut(said)


@pytest.mark.skipif(sys.platform != "linux", reason="the table is Linux's")
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_connection_that_stands_is_not_cut(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        listener = socket.create_server((address, 0), family=family)
    except OSError as error:
        pytest.skip(f"no loopback of that kind: {error}")
    with listener, socket.create_connection(listener.getsockname()[:2]) as there:
        here, _ = listener.accept()
        with here:
            there.sendall(b"unread")
            told = [str(word) for end in (there, here) for word in end.getsockname()[:2]]
            assert not is_cut(" ".join(told))


def test_behind_a_jump_host_not_three_beats_of_silence_are_a_cut_unless_the_pool_was_once_kept_from_speaking():
    assert Patience(2.0, 30.0, is_direct=True).seconds == 30.0
    behind = Patience(2.0, 30.0, is_direct=False)
    behind.note(0.5)  # no more than a busy machine does
    assert behind.seconds == 5.5
    behind.note(1.5)  # it held its interpreter, and may do so for longer
    assert behind.seconds == 30.0


def test_a_cut_is_found_within_five_seconds_and_three_beats_wherever_it_is():
    """The pool's own measure is the shortest, so that no agent ends while it is still believed in."""
    at_the_pool = messages.SILENCE_BEATS * messages.BEAT_S
    by_an_agent = [beats * messages.BEAT_S for beats in (messages.SILENCE_BEATS, messages.JUMP_BEATS)]
    look_s = max(messages.BEAT_S / agent_far._LOOKS_A_BEAT, ppft_carried._LOOK_S)
    assert at_the_pool <= min(by_an_agent) < max(by_an_agent) + look_s <= min(5.0, 3.1 * messages.BEAT_S)


@pytest.mark.parametrize(("late_s", "said"), [(0.5, BRIEF), (1.5, LONG)])
def test_a_server_is_told_how_long_a_silence_may_last(late_s, said):
    here, there = socket.socketpair()
    server = CarriedServer(SimpleNamespace(sock=here), 1, 2, 3, "", Patience(2.0, 30.0, is_direct=False))
    server.patience.note(late_s)
    with here, there:
        there.sendall(b".")
        listener = threading.Thread(target=server.wait_ended)
        listener.start()
        there.settimeout(30)
        assert there.recv(1) == said
        there.shutdown(socket.SHUT_RDWR)
        listener.join(30)
        assert not listener.is_alive()


def test_a_server_that_is_told_to_bear_little_ends_soon(monkeypatch):
    monkeypatch.setattr(ppft_carried, "BEAT_S", 0.1)
    monkeypatch.setattr(ppft_carried, "_LOOK_S", 0.05)
    here, there = socket.socketpair()
    stream, an_hour_s = (there.fileno(), os.dup(there.fileno())), 3600.0
    server = threading.Thread(target=ppft_carried._until_over, args=(stream, os.getppid(), an_hour_s), daemon=True)
    with here, there:
        server.start()
        here.sendall(LONG + BRIEF)
        server.join(30)
        assert not server.is_alive()
    os.close(stream[1])
