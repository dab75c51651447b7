"""An item that writes whole messages to its worker's channel, with fields that no worker would give: it ends in a word."""

from __future__ import annotations

import os
import stat
import time
from array import array
from functools import partial
from typing import Any

import pytest

from pathos_nb import Pool
from pathos_nb.errors import Failure, PathosNbError
from pathos_nb.wire import protocol
from pathos_nb.wire.framing import Frame, pack
from tests.rig.census import Census

LIAR = 3
_NOTHING = b"\x80\x05]."


def report(**wrong: Any) -> Frame:
    """Give a report on the first chunk that is wrong in some fields."""
    ends = array("d", [2.0]).tobytes()
    told = protocol.Report(1, 1, 1.0, ends, 1, (), (), "")._replace(**wrong)
    return Frame(protocol.DONE, tuple(told), _NOTHING)


LIES = {
    "no fields": Frame(protocol.DONE, ()),
    "no tuple": Frame(protocol.DONE, 5),  # type: ignore[arg-type]
    "a chunk that is no number": report(chunk=[1]),
    "a chunk that nobody sent": report(chunk=10**9),
    "half a stamp": report(ends=b"123"),
    "more items than were sent": report(n_run=1000),
    "values that are no list": report()._replace(body=b"\x80\x05K\x05."),
    "a failure of an item that is not there": report(failures=((99, 0, None, "x", "y", "z"),)),
    "a failure that is none": report(failures=(5,)),
    "an initializer that failed without a word": Frame(protocol.BROKEN, ()),
    "news of no map": Frame(protocol.INNER, (1,)),
    "a failure that ends the map": Frame(protocol.FAILED, (1,)),
    "memory that was never lent": Frame(protocol.RELEASE, ((77, 78),)),
    "memory that is none": Frame(protocol.RELEASE, (5,)),
    "a kind that nobody knows": Frame(250, ("x",)),
}


def lie(data: bytes, x: int) -> int:
    if x == LIAR:
        for name in os.listdir("/proc/self/fd"):
            try:
                if stat.S_ISSOCK(os.fstat(int(name)).st_mode):
                    os.write(int(name), data)
            except OSError:
                continue
        time.sleep(0.05)
    return x


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="it finds its channel by /proc")
@pytest.mark.parametrize("name", LIES)
def test_it_ends_in_an_error_of_ours_or_in_the_right_values(name: str) -> None:
    before, data = Census.take(), b"".join(map(bytes, pack(LIES[name])))
    pool = Pool("processes", nodes=1)
    try:
        values = pool.map(partial(lie, data), range(8), on_error="keep")
        assert all(y == x or isinstance(y, Failure) for x, y in enumerate(values)), values
        assert pool.map(abs, [-1]) == [1]
    except PathosNbError as error:
        assert "makes no sense" in str(error) or "initializer" in str(error), error
        pool.restart()
        assert pool.map(abs, [-1]) == [1]
    finally:
        pool.terminate()
    before.check()
