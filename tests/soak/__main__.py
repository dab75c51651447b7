"""The soak: rounds until the time is over; what fails is told with the line that plays it again."""

from __future__ import annotations

import argparse
import os
import random
import subprocess
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
from tests.soak.schedule import HERE
from tests.soak.tally import Tally

_ROUND_S, _GREAT_S, _GREAT_EVERY_S = 120.0, 900.0, 60.0
_SMALL_S = 30.0  # for small rounds after each great one, which on a busy machine would take all the time
_BOTH_S = 120.0  # from this long on, a soak has two great rounds at least: together they have all faults at all places
_REST_EVERY = 8
_MOST_GROWN_MB = 30.0
_SMALL = "small rounds"
_KILL_S = 30.0
_ENVIRON = dict(os.environ)  # a great round changes it


def main(words: Sequence[str]) -> int:
    """Play; give the number of rounds that failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--round", type=int, help="play this one only, again and again")
    parser.add_argument("--great", type=int, help="play this great round only, once")
    parser.add_argument("--items", type=int, default=100_000, help="of a great round; 0 for none")
    parser.add_argument("--kills", type=int, default=0, help="then kill a sweep so many times (tests/store/kills.py)")
    parser.add_argument("--verbose", action="store_true")
    asked = parser.parse_args(words)
    with (
        tempfile.TemporaryDirectory(prefix="pathos-nb-soak-", ignore_cleanup_errors=True) as folder,
        ExitStack() as ends,
    ):
        has_great = asked.items and asked.round is None
        grounds = ends.enter_context(Grounds(Path(folder))) if has_great else None
        soak = _Soak(asked, folder, grounds)
        soak.play()
    if asked.kills:
        soak.kill_sweeps()
    _say_it(soak.verdict())
    return min(soak.n_failed, 100)


class _Soak:
    """What is asked, and what has come of it."""

    def __init__(self, asked: argparse.Namespace, folder: str, grounds: Grounds | None) -> None:
        self.asked, self.folder, self.grounds = asked, folder, grounds
        self.clock = Clock(grounds.__exit__ if grounds else lambda: None)  # before the census: it stays
        self.runner = Runner(grounds.own_processes if grounds else set())
        self.n_failed = self.number = self.n_great = self.n_great_items = 0
        self.grown_mb = 0.0
        self.came = Tally()
        if grounds is not None:
            warm_up(grounds)  # what is loaded for the first pool there stays
        self.before_bytes, self.before_held = psutil.Process().memory_info().rss, held_bytes()

    def play(self) -> None:
        """Play, and say which faults came."""
        if self.grounds is not None:
            _say_it(told(self.grounds))
        if self.asked.great is not None:
            self._play_great(self.asked.great)
        else:
            self._play_all()
        self._try("the memory that is left", self.weigh)
        self.grown_mb = (psutil.Process().memory_info().rss - self.before_bytes) / 2**20
        self._count_small()
        _say_it(f"faults that came, by place:\n{self.came.table()}\nitems run: {_counted(self.runner.places)}")

    def kill_sweeps(self) -> None:
        """Kill a process that sweeps, like a kernel, at random moments; see that no point is lost."""
        words = [sys.executable, "-m", "tests.store.kills", str(self.asked.seed), str(self.asked.kills)]
        done = subprocess.run(words, env=_ENVIRON, timeout=_KILL_S * max(60, self.asked.kills), check=False)
        self.n_failed += done.returncode != 0

    def verdict(self) -> str:
        """Say in a line what came of it."""
        faults = f"{self.runner.n_items + self.n_great_items} items compared, {self.came.total} faults in time"
        kills = f"; a sweep killed {self.asked.kills} times" if self.asked.kills else ""
        return (
            f"seed {self.asked.seed} {'FAILED' if self.n_failed else 'PASSED'}: {self.number} rounds, {faults}, "
            f"{self.n_great} of the rounds great, {self.grown_mb:.0f} MB grown, {self.n_failed} failed; "
            f"{self._missing()}{kills}"
        )

    def _count_small(self) -> None:
        """Add what came in small rounds: the launchers there are all of this machine."""
        for kind, n in self.runner.faults.items():
            self.came.add(kind, HERE if kind == "interrupt" else _SMALL, n)

    def _missing(self) -> str:
        if self.grounds is None:
            return "without great rounds, which have the other faults"
        return self.came.missing(self.grounds.can_do(), self.grounds.missing)

    def _play_all(self) -> None:
        began, small_s = time.monotonic(), 0.0
        least = 2 if self.grounds is not None and self.asked.seconds >= _BOTH_S else 0
        while (
            (gone := time.monotonic() - began) < self.asked.seconds
            or small_s < self.n_great * _SMALL_S
            or self.n_great < least
        ):
            is_due = gone >= self.n_great * _GREAT_EVERY_S and small_s >= self.n_great * _SMALL_S
            if self.grounds is not None and is_due:
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
        again = f"python -m tests.soak --seed {self.asked.seed}"
        played = GreatRound(self.grounds, planned := draw_great(self.asked.seed, number, self.asked.items))
        self._say(str(planned))
        self._try("the rest before it", self.runner.rest)
        began = time.monotonic()
        self._try(str(planned), played.play, f"{again} --great {number} --items {self.asked.items}", _GREAT_S)
        self._try("the rest after it", self.runner.rest)  # which lets go of the runs that were noted
        self.n_great_items += played.n_compared
        done = played.harms.done if played.harms else []
        for harm in done:
            self.came.add(harm.kind, harm.place, harm.whom != "nobody" and harm.kind != "interrupt")
        self.came.add("interrupt", HERE, played.n_interrupted)
        self.runner.places += played.places
        harms = ", ".join(f"{harm.kind} {harm.whom}" for harm in done)
        self._say(f"{planned}: {time.monotonic() - began:.0f} s, {played.n_interrupted} interrupts; {harms}")

    def _say(self, text: str) -> None:
        if self.asked.verbose:
            _say_it(text)

    def _try(self, what: str, act: Callable[[], object], again: str = "", most_s: float = _ROUND_S) -> None:
        begun = time.monotonic()
        with self.clock.running(most_s, f"FAILED {what}: it hangs; {again}"):
            try:
                act()
            except Exception:
                self.n_failed += 1
                took = f"({time.monotonic() - begun:.1f} s)"
                _say_it(f"FAILED {what} {took}; {again}\n{traceback.format_exc()}")


def _say_it(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _counted(found: Counter[str]) -> str:
    """Say how many of each, the names as people write them."""
    return ", ".join(f"{name.replace('_', ' ')} {n:,}" for name, n in sorted(found.items()) if n) or "none"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
