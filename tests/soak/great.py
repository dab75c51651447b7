"""The great round: 10^5 items of mixed size over all that there is, while one harm follows another.

A map that is interrupted ends, as it should; what has come stays, and the rest is mapped anew. If all items are done
before all harms are, more follow. In the end all of it is what a serial loop gives: in order, or as a multiset where
results come as they finish.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections import Counter
from typing import NamedTuple

from pathos_nb import Pool
from pathos_nb.dispatch.run import Run
from pathos_nb.launchers.registry import registry
from tests.rig.census import Census
from tests.soak.grounds import Grounds, Stand
from tests.soak.harms import Harms
from tests.soak.runner import count_places
from tests.soak.schedule import schedule
from tests.soak.sized import Sized, answer, load_of, sized, work

__all__ = ["Great", "GreatRound", "draw_great", "warm_up"]

_RETRIES = 50  # who kills at random kills some items' workers again and again
_END_S = 90.0
_MORE, _MOST_S = 10_000, 300.0  # items at a time, until all harms have come; on a very busy machine some never do

Answer = tuple[int, int, bytes]


class Great(NamedTuple):
    """What is to be done: which map, over how many items, and whether what was computed is looked up."""

    kind: str
    n_items: int
    is_kept: bool
    number: int
    seed: int

    def __str__(self) -> str:
        return f"great round {self.number}: {self.kind} of {self.n_items} items{', kept' if self.is_kept else ''}"


def draw_great(seed: int, number: int, n_items: int) -> Great:
    """Give the great round of a number; the same for the same seed."""
    dice = random.Random(f"great {seed} {number}")
    return Great(dice.choice(("imap", "uimap", "map")), n_items, number % 2 == 1, number, seed)


def warm_up(grounds: Grounds) -> None:
    """Have everything at work once, unharmed."""
    with grounds.stand() as stand:
        assert stand.pool.map(work, sized(range(500))) == [answer(item) for item in sized(range(500))]


class GreatRound:
    """One of them, played.

    Parameters
    ----------
    grounds : Grounds
        Where.
    planned : Great
        What.
    """

    def __init__(self, grounds: Grounds, planned: Great) -> None:
        self._grounds, self._planned = grounds, planned
        self.came: list[Answer] = []
        self.n_due = planned.n_items  # more, if they are done before the harms are
        self.n_interrupted = self.n_compared = 0
        self.harms: Harms | None = None
        self.places = Counter[str]()
        self._runs: list[Run] = []

    def play(self) -> None:
        """Play it, and compare.

        Raises
        ------
        AssertionError
            Something is not what it should be.
        """
        if self._grounds.disk is not None:
            os.environ["XDG_DATA_HOME"] = str(self._grounds.disk)
        before = Census.take()
        registry.observers.append(self._runs.append)
        try:
            self._play()
        finally:
            registry.observers.remove(self._runs.append)
            count_places(self._runs, self.places)
            self._runs.clear()
        before.check(_END_S)

    def _play(self) -> None:
        with self._grounds.stand() as stand:
            with self._harms(stand) as self.harms:
                self._gather_all(stand.pool, self.harms)
            self._grounds.mend()
            harms = self.harms
            assert not harms.errors, "\n".join(harms.errors)
            self.compare()
            values = stand.pool.map(abs, range(-500, 0))
            assert values == list(range(500, 0, -1)), f"after it the pool gave {values}"

    def _harms(self, stand: Stand) -> Harms:
        _, _, is_kept, number, seed = self._planned
        planned = schedule(seed, number, self._grounds.can_do(), is_kept=is_kept)
        return Harms(self._grounds, stand, planned, random.Random(f"draws {seed} {number}"))

    def _gather_all(self, pool: Pool, harms: Harms) -> None:
        """Map until all has come, and go on with more items until all harms have come, for a while."""
        until_s = time.monotonic() + _MOST_S
        while True:
            try:
                if len(self.came) >= self.n_due:
                    if harms.has_played or time.monotonic() > until_s:
                        return
                    self.n_due += _MORE
                self._gather(pool)
            except KeyboardInterrupt:
                self.n_interrupted += 1

    def _gather(self, pool: Pool) -> None:
        """Map what has not come yet."""
        options = {"retries": _RETRIES, **({"cache": True} if self._planned.is_kept else {})}
        if self._planned.kind == "map":
            share = sized(range(len(self.came), min(self.n_due, len(self.came) + 25_000)))
            self.came += pool.map(work, share, **options)
            return
        rest = range(len(self.came), self.n_due) if self._planned.kind == "imap" else self._not_here()
        with contextlib.closing(getattr(pool, self._planned.kind)(work, sized(rest), **options)) as values:
            for value in values:
                self.came.append(value)

    def _not_here(self) -> list[int]:
        here = {x for x, *_ in self.came}
        return [x for x in range(self.n_due) if x not in here]

    def _told_of(self, x: int) -> str:
        """Say who has reported an item."""
        found = [c for run in self._runs for c in run.chunks if x in c.indices[: c.n_items]]
        return "\n".join(
            f"{c.worker} {c.pid}: {c.indices[0]}-{c.indices[-1]}, {c.n_items} of {len(c.indices)}, "
            f"{c.started:.4f} to {c.ends[-1] if c.ends else 0:.4f}"
            for c in found
        )

    def compare(self) -> None:
        """See that what came is what a serial loop gives.

        Raises
        ------
        AssertionError
            It is not.
        """
        indices = [x for x, *_ in self.came]
        if self._planned.kind != "uimap":
            wrong = next((place for place, x in enumerate(indices) if x != place), None)
            assert wrong is None, f"at {wrong} came the result of item {indices[wrong or 0]}"
        twice = [x for x, n in Counter(indices).items() if n > 1]
        assert not twice, f"{len(twice)} came more than once: {twice[:20]}\n{self._told_of(twice[0])}"
        assert len(indices) == self.n_due, f"{len(indices)} of {self.n_due} came"
        for value in self.came:
            assert value == answer(Sized(value[0], load_of(value[0]))), f"of item {value[0]} came {value!r:.120}"
        self.n_compared = len(indices)
        self.came.clear()
