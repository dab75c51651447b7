"""Large buffers go through memory that is claimed before it is written, and written again when it is let go."""

from __future__ import annotations

import errno
import os
from typing import Any

import numpy as np
import pytest

from pathos_nb import Pool
from pathos_nb.launchers.segments import Inbox, Outbox, bare

MIB = 1 << 20


def stowed(outbox: Outbox, *buffers: bytes, run: int = 0) -> dict[int, Any]:
    return outbox.stow(buffers, run)


def test_a_large_buffer_is_read_where_it_was_written() -> None:
    outbox, inbox = Outbox(), Inbox()
    places = stowed(outbox, b"small", b"x" * MIB)
    assert list(places) == [1]
    number, offset, size = places[1]
    seen = inbox.resolve(number, offset, size)
    assert bytes(seen) == b"x" * MIB
    assert inbox.releases() == []
    del seen
    (told,) = inbox.releases()
    assert told.meta == ([number],)
    outbox.give_back([number])
    assert stowed(outbox, b"y" * MIB)[0][0] == number
    inbox.close()
    outbox.close()


def test_what_a_function_captured_is_not_written_to_by_its_readers() -> None:
    outbox, inbox = Outbox(), Inbox()
    place = stowed(outbox, bytes(MIB), run=7)[0]
    first = inbox.resolve(*place)
    memoryview(first)[0] = 1
    again = stowed(outbox, bytes(MIB), run=8)[0]
    assert bare(again[0]) == bare(place[0])
    second = inbox.resolve(*again)
    assert second[0] == 0
    del first, second
    inbox.close()
    outbox.close()


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.ENOMEM, errno.EMFILE])
def test_without_space_buffers_go_through_the_stream(monkeypatch: pytest.MonkeyPatch, reason: int) -> None:
    def refuse(*asked: object) -> None:
        raise OSError(reason, os.strerror(reason))

    with Pool("processes", nodes=1) as pool:
        monkeypatch.setattr(os, "posix_fallocate", refuse)
        arrays = [np.full(1 << 18, i) for i in range(3)]
        back = pool.map(np.negative, arrays)
        assert all((y == -x).all() for x, y in zip(arrays, back, strict=True))
