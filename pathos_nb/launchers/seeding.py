"""Random numbers that depend on the seed and the item, and on nothing else.

Each item of a seeded run has three sources of its own, all made from ``(seed, index)``: numpy's `Generator` that `rng`
gives, numpy's legacy generator (``np.random.rand``), and `random`. Which worker runs the item, what it ran before, and
how many workers there are make no difference.

The last two are one per *process*, not per thread. Where items run side by side in threads, seeding them would let one
item rewind another's numbers, so there they are left alone (``shared=True``) and `rng` is the source to use.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from contextlib import suppress

from pathos_nb.errors import PathosNbError

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    import numpy as np

__all__ = ["Seed", "preserved", "reseed", "rng", "seeded"]

Seed = int | Sequence[int]

# A spawn key no user reaches by spawning children of the item's own sequence one after the other.
_LEGACY = 2**32 - 1


class _Here(threading.local):
    item: seeded | None = None


_here = _Here()


def rng() -> np.random.Generator:
    """Give the random generator of the item that is running in this thread.

    Returns
    -------
    numpy.random.Generator
        ``default_rng(SeedSequence(seed, spawn_key=(index,)))``, as ``SeedSequence(seed).spawn(n)[index]`` would give;
        the same object for every call within one item.

    Raises
    ------
    PathosNbError
        Outside an item, in an item of a run without ``seed=``, or without numpy.

    Examples
    --------
    >>> with seeded(7, 0):
    ...     a = rng().random()
    >>> with seeded(7, 0):
    ...     a == rng().random()
    True
    """
    if _here.item is None:
        raise PathosNbError("no seeded item is running in this thread", cure="give the map a seed, as in seed=1")
    return _here.item.generator()


class seeded:
    """Run the block as item `index` of a run with that seed.

    Parameters
    ----------
    seed : int or sequence of int
        The run's seed, not negative.
    index : int
        The item's place in the input.
    shared : bool
        True where other threads draw from this process' generators at the same time: leave those alone.
    restore : bool
        Put the process' generators back as they were. A worker that has the whole chunk in `preserved` says False.
    """

    __slots__ = ("_before", "_generator", "_kept", "index", "restore", "seed", "shared")

    def __init__(self, seed: Seed, index: int, *, shared: bool = False, restore: bool = True) -> None:
        self.seed, self.index = seed, index
        self.shared, self.restore = shared, restore and not shared
        self._generator: np.random.Generator | None = None
        self._kept: preserved | None = None
        self._before: seeded | None = None

    def __enter__(self) -> seeded:
        if self.restore:
            self._kept = preserved().__enter__()
        if not self.shared:
            _seed_process(self.seed, self.index)
        self._before, _here.item = _here.item, self
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        _here.item = self._before
        if self._kept is not None:
            self._kept.__exit__(kind, error, at)

    def generator(self) -> np.random.Generator:
        """Give the item's generator; made when it is first asked for."""
        if self._generator is None:
            numpy = _numpy()
            if numpy is None:
                raise PathosNbError("rng() needs numpy", cure="install numpy, or draw from the module random")
            child = numpy.random.SeedSequence(self.seed, spawn_key=(self.index,))
            self._generator = numpy.random.default_rng(child)
        return self._generator


class preserved:
    """Put the process' generators back as they were at the end of the block."""

    __slots__ = ("_legacy", "_state")

    def __enter__(self) -> preserved:
        import random

        self._state = random.getstate()
        numpy = _numpy()
        self._legacy: Any = numpy.random.get_state(legacy=False) if numpy else None  # numpy's own dict
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        sys.modules["random"].setstate(self._state)
        if self._legacy is not None:
            sys.modules["numpy"].random.set_state(self._legacy)


def reseed() -> None:
    """Take new seeds from the system: what a worker does after a fork, lest all of them draw the same numbers.

    Notes
    -----
    `random` does it by itself after a fork; numpy's legacy generator does not. Neither is imported for this.
    """
    if "random" in sys.modules:
        sys.modules["random"].seed()
    numpy_random = sys.modules.get("numpy.random")
    if numpy_random is not None:
        numpy_random.seed()


def _seed_process(seed: Seed, index: int) -> None:
    import random

    # A text is hashed by SHA-512 on every version of Python; an int would make near seeds of near indices.
    random.seed(f"{_told(seed)}/{index}")
    numpy = _numpy()
    if numpy is not None:
        child = numpy.random.SeedSequence(seed, spawn_key=(index, _LEGACY))
        numpy.random.seed(child.generate_state(8))


def _told(seed: Seed) -> str:
    return str(int(seed)) if not isinstance(seed, Sequence) else ",".join(str(int(part)) for part in seed)


def _numpy() -> Any:  # the module or None; Any, since numpy is no dependency
    # Imported although the item may not want it: an item that imports it itself must find it seeded.
    with suppress(ImportError):
        import numpy.random

        return numpy
    return None
