"""The soak: rounds until the time is over; what fails is told with the line that plays it again."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import psutil

from tests.soak.clock import Clock
from tests.soak.great import GreatRound, draw_great, warm_up
from tests.soak.grounds import Grounds, told
from tests.soak.held import held_bytes
from tests.soak.rounds import draw
from tests.soak.runner import Runner

_ROUND_S, _GREAT_S, _GREAT_EVERY_S = 120.0, 900.0, 60.0
_SMALL_S = 30.0  # for small rounds after each great one, which on a busy machine would take all the time
_REST_EVERY = 8
_MOST_GROWN_MB = 30.0


def main(words: Sequence[str]) -> int:
    """Play; give the number of rounds that failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="play this one only, again and again")
    parser.add_argument("--great", type=int, help="play this great round only, once")
    parser.add_argument("--items", type=int, default=100_000, help="of a great round; 0 for none")
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args(words)
    with (
        tempfile.TemporaryDirectory(prefix="pathos-nb-soak-", ignore_cleanup_errors=True) as folder,
        ExitStack() as ends,
    ):
        grounds = ends.enter_context(Grounds(Path(folder))) if asked.items else None
        return _Soak(asked, folder, grounds).play()


class _Soak:
    """What is asked, and what has come of it."""

    def __init__(self, asked: argparse.Namespace, folder: str, grounds: Grounds | None) -> None:
        self.asked, self.folder, self.grounds = asked, folder, grounds
        self.clock = Clock(grounds.__exit__ if grounds else lambda: None)  # before the census: it stays
        self.runner = Runner(grounds.own_processes if grounds else set())
        self.n_failed = self.number = self.n_great = self.n_great_items = 0
        self.harms = Counter[str]()
        if grounds is not None:
            warm_up(grounds)  # what is loaded for the first pool there stays
        self.before_bytes, self.before_held = psutil.Process().memory_info().rss, held_bytes()

    def play(self) -> int:
        if self.grounds is not None:
            sys.stdout.write(f"{told(self.grounds)}\n")
            sys.stdout.flush()
        if self.asked.great is not None:
            self._play_great(self.asked.great)
        else:
            self._play_all()
        self._try("the memory that is left", self.weigh)
        grown = (psutil.Process().memory_info().rss - self.before_bytes) / 2**20
        faults = self.runner.faults + self.harms
        sys.stdout.write(
            f"faults: {_counted(faults)}\nitems run: {_counted(self.runner.places)}\n"
            f"seed {self.asked.seed}: {self.number} rounds, {self.runner.n_items + self.n_great_items} items compared, "
            f"{faults.total()} faults in time, {self.n_great} of the rounds great, "
            f"{grown:.0f} MB grown, {self.n_failed} failed\n"
        )
        return min(self.n_failed, 100)

    def _play_all(self) -> None:
        began, small_s = time.monotonic(), 0.0
        while (gone := time.monotonic() - began) < self.asked.seconds or small_s < self.n_great * _SMALL_S:
            is_due = gone >= self.n_great * _GREAT_EVERY_S and small_s >= self.n_great * _SMALL_S
            if self.grounds is not None and not self.asked.round and is_due:
                self._play_great(self.n_great + 1)
                continue
            self.number += 1
            begun = time.monotonic()
            self._play_one(self.number)
            small_s += time.monotonic() - begun
            if self.number % _REST_EVERY == 0:
                self._try(f"rest after round {self.number}", self.runner.rest)
        self._try("the last rest", self.runner.rest)

    def weigh(self) -> None:
        """See that what is held has not grown; what the C library keeps for later, it gives back when it likes."""
        grown = (held_bytes() - self.before_held) / 2**20
        if grown > _MOST_GROWN_MB:
            raise AssertionError(f"{grown:.0f} MB more are held than at the beginning")

    def _play_one(self, turn: int) -> None:
        number = self.asked.round or turn
        planned = draw(self.asked.seed, number, tempfile.mkdtemp(dir=self.folder))
        random.seed(f"{self.asked.seed} {number}")
        self._say(f"{number}: {planned}")
        again = f"python -m tests.soak --seed {self.asked.seed} --round {number}"
        self._try(f"round {number}: {planned}", lambda: self.runner.play(planned), again)

    def _play_great(self, number: int) -> None:
        assert self.grounds is not None, "a great round needs --items"
        self.n_great += 1
        self.number += 1
        played = GreatRound(self.grounds, planned := draw_great(self.asked.seed, number, self.asked.items))
        self._say(str(planned))
        self._try("the rest before it", self.runner.rest)
        began = time.monotonic()
        self._try(
            str(planned), played.play, f"python -m tests.soak --seed {self.asked.seed} --great {number}", _GREAT_S
        )
        self._try("the rest after it", self.runner.rest)  # which lets go of the runs that were noted
        self.n_great_items += played.n_compared
        done = played.harms.done if played.harms else []
        self.harms.update(harm.name for harm in done if harm.whom != "nobody")
        self.harms["interrupt"] += played.n_interrupted - sum(harm.name == "interrupt" for harm in done)
        self.runner.places += played.places
        harms = ", ".join(f"{harm.name} {harm.whom}".strip() for harm in done)
        self._say(f"{planned}: {time.monotonic() - began:.0f} s, {played.n_interrupted} interrupts; {harms}")

    def _say(self, text: str) -> None:
        if self.asked.verbose:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()

    def _try(self, what: str, act: Callable[[], object], again: str = "", most_s: float = _ROUND_S) -> None:
        begun = time.monotonic()
        with self.clock.running(most_s, f"FAILED {what}: it hangs; {again}"):
            try:
                act()
            except Exception:
                self.n_failed += 1
                took = f"({time.monotonic() - begun:.1f} s)"
                sys.stdout.write(f"FAILED {what} {took}; {again}\n{traceback.format_exc()}\n")
                sys.stdout.flush()


def _counted(found: Counter[str]) -> str:
    """Say how many of each, the names as people write them."""
    return ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in sorted(found.items()) if n) or "none"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
