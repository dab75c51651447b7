"""What is done in the kernel: maps of every kind, pools that come and go; each result is compared with the serial one."""

from __future__ import annotations

import linecache
import random
import sys
import threading
import time
from typing import Any, NamedTuple

from IPython.core.getipython import get_ipython

from pathos_nb import Pool
from pathos_nb.errors import Failure
from tests.leftovers import STAYING_THREADS, children, files
from tests.soak.held import held_bytes

__all__ = ["Held", "at_work", "cells", "held", "is_well", "maps", "pools"]

PLACES = ("processes", "threads", "serial")
_CELL_EVERY = 50


class Held(NamedTuple):
    """What this process holds: bytes that it has allocated and not freed, descriptors, threads, processes."""

    n_bytes: int
    n_files: int
    n_threads: int
    n_children: int


def held() -> Held:
    """Count, once what is about to end has ended."""
    _forget_sources()
    n_threads = sum(not thread.name.startswith(STAYING_THREADS) for thread in threading.enumerate())
    return Held(held_bytes(), len(files()), n_threads, len(children()))


def _forget_sources() -> None:
    """Have IPython forget the files that tracebacks went through.

    It keeps the text and the syntax tree of each, megabytes in all; an interrupt at a random moment finds one more, until
    all have been seen.
    """
    linecache.clearcache()
    source: Any = getattr(sys.modules.get("executing.executing"), "Source", None)
    for kind in () if source is None else (source, *source.__subclasses__()):
        for name, kept in list(vars(kind).items()):
            if "_cache" in name and isinstance(kept, dict):
                kept.clear()


class _Used:
    """The pools that a notebook has had for a month."""

    def __init__(self) -> None:
        self._pools: dict[str, Pool] = {}

    def get(self, place: str) -> Pool:
        """Give the pool of a place, made when it is first wanted."""
        if place not in self._pools:
            self._pools[place] = Pool(place, nodes=1 if place == "serial" else 2)
        return self._pools[place]

    def close(self) -> None:
        while self._pools:
            self._pools.popitem()[1].close()


USED = _Used()


def _square(x: int) -> int:
    return x * x


def _root(x: float) -> float:
    if x < 0:
        raise ValueError(f"{x} has no root")
    return x**0.5


def _mapped(pool: Pool, dice: random.Random) -> None:
    n = dice.choice((1, 2, 5, 30))
    assert pool.map(_square, range(n)) == [x * x for x in range(n)]


def _closure(pool: Pool, dice: random.Random) -> None:
    shift = dice.randrange(100)
    assert pool.map(lambda x: x + shift, range(5)) == [x + shift for x in range(5)]


def _lazily(pool: Pool, dice: random.Random) -> None:
    with pool.imap(_square, iter(range(20))) as values:
        assert [next(values) for _ in range(3)] == [0, 1, 4]


def _unordered(pool: Pool, dice: random.Random) -> None:
    assert sorted(pool.uimap(_square, range(9))) == [x * x for x in range(9)]


def _later(pool: Pool, dice: random.Random) -> None:
    if pool is not USED.get("serial"):  # there whoever waits computes
        assert pool.amap(_square, range(4)).get(60) == [0, 1, 4, 9]


def _failing(pool: Pool, dice: random.Random) -> None:
    values = pool.map(_root, [4.0, -1.0, 9.0], on_error="keep")
    assert (values[0], values[2]) == (2.0, 3.0) and isinstance(values[1], Failure)


def _data(pool: Pool, dice: random.Random) -> None:
    texts = [bytes([x]) * dice.randrange(1, 30_000) for x in range(3)]
    assert pool.map(len, texts) == [len(text) for text in texts]


_KINDS = (_mapped, _mapped, _mapped, _closure, _lazily, _unordered, _later, _failing, _data)


def maps(n: int, seed: int) -> None:
    """Run so many maps, on three places in turn; every fiftieth is a cell."""
    dice = random.Random(seed)
    for number in range(n):
        if number % _CELL_EVERY == 0:
            cells(1)
        else:
            dice.choice(_KINDS)(USED.get(PLACES[number % len(PLACES)]), dice)


def cells(n: int) -> None:
    """Run so many parallel cells, whose points are kept in the store."""
    shell: Any = get_ipython()
    for _ in range(n):
        shell.run_cell_magic("pmap", "-q -o squares for x in range(6)", "x * x")
        assert list(shell.user_ns["squares"]) == [0, 1, 4, 9, 16, 25]


def pools(n: int, seed: int) -> None:
    """Open and close so many pools; every seventh is left in the middle of a map."""
    dice = random.Random(seed)
    for number in range(n):
        pool = Pool(dice.choice(PLACES[:2]), nodes=dice.choice((1, 2)))
        assert pool.map(_square, [2, 3]) == [4, 9]
        if number % 7 == 0:
            run = pool.start(time.sleep, [0.05] * 40)
            pool.terminate()
            assert run.is_over
        else:
            pool.close()


def at_work(seconds: float) -> None:
    """Map on and on, to be interrupted."""
    until_s, dice = time.monotonic() + seconds, random.Random()
    while time.monotonic() < until_s:
        dice.choice(_KINDS)(USED.get(dice.choice(PLACES)), dice)


def is_well() -> bool:
    """Whether all pools give what they should."""
    return all(USED.get(place).map(_square, range(8)) == [x * x for x in range(8)] for place in PLACES)
