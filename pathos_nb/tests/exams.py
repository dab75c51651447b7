"""What is tried of a place: each exam takes a pool of two workers, and raises `Wrong` if it does not do as promised.

Functions are made where they are used, so that they go by value: a host has no module of this name.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import Failure, RemoteTraceback, WorkerLost
from pathos_nb.launchers.registry import registry

__all__ = ["EXAMS", "Wrong", "exams_for", "wait_until_childless"]

N_ITEMS = 200
MOST_PULLED = 200  # by one result of a lazy map with two workers; their window is 16 each
CHILDREN_S = 10.0


class Wrong(Exception):
    """The pool did something else than it promises."""


def order(pool: Any) -> None:
    """Expect the values of a loop, in its order, by a function that knows a variable of its caller."""
    offset = 7
    expect(pool.map(lambda x: x * x + offset, range(N_ITEMS)), [x * x + offset for x in range(N_ITEMS)])


def errors(pool: Any) -> None:
    """Expect what an item raises as itself, and where it is kept the values of all others."""

    def picky(x: int) -> int:
        if x == 3:
            raise ValueError(f"no {x}")
        return x

    kept = pool.map(picky, range(8), on_error="keep")
    expect([y for y in kept if not isinstance(y, Failure)], [0, 1, 2, 4, 5, 6, 7])
    try:
        pool.map(picky, range(8))
    except ValueError as error:
        expect((str(error), type(error.__cause__)), ("no 3", RemoteTraceback))
    else:
        raise Wrong("an item raised, and the map did not")


def laziness(pool: Any) -> None:
    """Expect the first result of an input without end, of which no more is read than the window."""
    pulled = itertools.count()
    results = pool.imap(lambda x: x + 1, (next(pulled) for _ in itertools.repeat(0)))
    expect(next(results), 1)
    results.close()
    n_pulled = next(pulled)
    if n_pulled > MOST_PULLED:
        raise Wrong(f"one result pulled {n_pulled} items of the input")


def lost_worker(pool: Any) -> None:
    """Expect that an item which kills its worker fails alone, and that the pool takes the next map."""

    def deadly(x: int) -> int:
        if x == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        return x

    kept = pool.map(deadly, range(6), on_error="keep", retries=0, chunksize=1)
    expect([y for y in kept if not isinstance(y, Failure)], [0, 1, 3, 4, 5])
    expect([type(y.error) for y in kept if isinstance(y, Failure)], [WorkerLost])
    order(pool)


EXAMS: Mapping[str, Callable[[Any], None]] = {
    "order": order,
    "errors": errors,
    "laziness": laziness,
    "a lost worker": lost_worker,
}


def exams_for(place: str) -> list[str]:
    """Give the names of what can be tried of a place: what shares this process cannot lose a worker."""
    shares = registry.get(place).shares_memory
    return [name for name in EXAMS if not (shares and name == "a lost worker")]


def examine(place: str, settings: Mapping[str, Any], tell: Callable[[str], None]) -> None:
    """Try all of them on a place, in this process.

    Parameters
    ----------
    place : str
        A launcher or a host.
    settings : mapping
        Of the pool.
    tell : callable
        Called with the name of each part before it begins.

    Raises
    ------
    Wrong
        Something is not as promised.
    """
    tell("start")
    with Pool(place, nodes=1 if place == "serial" else 2, **settings) as pool:
        for name in exams_for(place):
            tell(name)
            EXAMS[name](pool)
    tell("end")
    wait_until_childless()


def expect(found: object, expected: object) -> None:
    """Raise `Wrong` where something is not what it should be."""
    if found != expected:
        raise Wrong(f"{_short(found)} came instead of {_short(expected)}")


def wait_until_childless() -> None:
    """Wait until this process has no children any more, where the system can tell.

    Raises
    ------
    Wrong
        A pool that was closed has left some.
    """
    deadline = time.monotonic() + CHILDREN_S
    while hasattr(os, "WNOHANG"):
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid and time.monotonic() > deadline:
            raise Wrong(f"{CHILDREN_S:.0f} s after the pool was closed it has processes left")
        if not pid:
            time.sleep(0.01)


def _short(thing: object) -> str:
    text = repr(thing)
    return text if len(text) <= 120 else f"{text[:117]}..."
