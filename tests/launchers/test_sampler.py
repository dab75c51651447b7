"""What a sampler sees of a thread that is in C code, however often Python has been there before."""

from __future__ import annotations

import os
import sys
import threading
from types import FrameType

import pytest

from pathos_nb.launchers.sampler import Sampler
from pathos_nb.launchers.stacks import Stacks
from tests.rig.census import until


def take(source: int, n_bytes: int) -> None:
    """Read byte by byte: after some, Python has an instruction of its own for the call."""
    for _ in range(n_bytes):
        os.read(source, 1)


@pytest.mark.parametrize("n_before", [0, 1000])
def test_a_call_into_c_is_known_by_its_place_and_name(n_before):
    source, target = os.pipe()
    os.write(target, bytes(n_before))
    thread = threading.Thread(target=take, args=(source, n_before + 1))
    thread.start()

    def frame() -> FrameType | None:
        found = sys._current_frames().get(thread.ident or 0)
        is_there = found is not None and found.f_code is take.__code__ and found.f_locals.get("_") == n_before
        return found if is_there and _place(found) >= 0 else None

    try:
        assert until(lambda: frame() is not None, 30), "it waits in C code"
        stacks, innermost = Stacks(), frame()
        assert innermost is not None
        stacks.add(innermost, _place(innermost), "", [0.0, 0.0, 0.2, 0.0, 0.8])
        (*_, last), _ = stacks.take()
        if sys.version_info >= (3, 11):  # before, Python knows the line only
            assert last[0] == "os.read", "also where the machine has no core for it most of the time"
    finally:
        os.write(target, b"x")
        thread.join()
        os.close(source)
        os.close(target)


def _place(frame: FrameType) -> int:
    sampler = Sampler.__new__(Sampler)
    sampler._texts = {}
    return sampler._place(frame)
