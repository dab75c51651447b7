"""The soak: rounds until the time is over; what fails is told with the line that plays it again."""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence

import psutil

from tests.soak.rounds import draw
from tests.soak.runner import Runner

_ROUND_S = 120.0
_BLOCK_BYTES = 64  # about what an object takes
_REST_EVERY = 8
_MOST_GROWN_MB = 30.0


def main(words: Sequence[str]) -> int:
    """Play; give the number of rounds that failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="play this one only, again and again")
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="pathos-nb-soak-") as folder:
        return _Soak(asked, folder).play()


class _Malloc(ctypes.Structure):
    """``struct mallinfo2`` of mallinfo(3)."""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena", "ordblks", "smblks", "hblks", "mapped", "usmblks", "fsmblks", "used", "free", "keepcost",
        )
    )  # fmt: skip


def held_bytes() -> int:
    """Give the memory that this process has allocated and not freed; where that is not told, what is resident."""
    gc.collect()
    try:
        tell = ctypes.CDLL(None).mallinfo2
    except (AttributeError, OSError):  # not glibc
        return int(psutil.Process().memory_info().rss)
    tell.restype = _Malloc
    told = tell()
    return int(told.used + told.mapped) + sys.getallocatedblocks() * _BLOCK_BYTES


class _Soak:
    """What is asked, and what has come of it."""

    def __init__(self, asked: argparse.Namespace, folder: str) -> None:
        self.asked, self.folder = asked, folder
        self.runner = Runner()
        self.n_failed = self.number = 0
        self.before_bytes, self.before_held = psutil.Process().memory_info().rss, held_bytes()

    def play(self) -> int:
        until_s = time.monotonic() + self.asked.seconds
        while time.monotonic() < until_s:
            self.number += 1
            self._play_one(self.number)
            if self.number % _REST_EVERY == 0:
                self._try(f"rest after round {self.number}", self.runner.rest)
        self._try("the last rest", self.runner.rest)
        self._try("the memory that is left", self.weigh)
        grown = (psutil.Process().memory_info().rss - self.before_bytes) / 2**20
        sys.stdout.write(
            f"seed {self.asked.seed}: {self.number} rounds, {self.runner.n_items} items compared, "
            f"{self.runner.n_faults} faults in time, {grown:.0f} MB grown, {self.n_failed} failed\n"
        )
        return min(self.n_failed, 100)

    def weigh(self) -> None:
        """See that what is held has not grown; what the C library keeps for later, it gives back when it likes."""
        grown = (held_bytes() - self.before_held) / 2**20
        if grown > _MOST_GROWN_MB:
            raise AssertionError(f"{grown:.0f} MB more are held than at the beginning")

    def _play_one(self, turn: int) -> None:
        number = self.asked.round or turn
        planned = draw(self.asked.seed, number, tempfile.mkdtemp(dir=self.folder))
        random.seed(f"{self.asked.seed} {number}")
        if self.asked.verbose:
            sys.stdout.write(f"{number}: {planned}\n")
            sys.stdout.flush()
        self._try(f"round {number}: {planned}", lambda: self.runner.play(planned))

    def _try(self, what: str, act: object) -> None:
        faulthandler.dump_traceback_later(_ROUND_S, exit=True)
        begun = time.monotonic()
        try:
            act()  # type: ignore[operator]
        except Exception:
            self.n_failed += 1
            again = f"python -m tests.soak --seed {self.asked.seed} --round {self.asked.round or self.number}"
            sys.stdout.write(f"FAILED {what} ({time.monotonic() - begun:.1f} s); {again}\n{traceback.format_exc()}\n")
            sys.stdout.flush()
        finally:
            faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
