"""What a case is given to run in: how often, how big, and how to start contenders."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks import peers
from benchmarks.process import Contender, ContenderError

START_DEADLINE_S = 60.0


@dataclass(frozen=True)
class Scene:
    """The settings of one run of the benchmarks.

    Parameters
    ----------
    n_reps : int
        Repetitions of each measurement.
    is_quick : bool
        Whether cases are scaled down.
    say : callable
        Takes a line of progress.
    without : frozenset of str
        Peers that are left out.
    """

    n_reps: int
    is_quick: bool
    say: Callable[[str], None]
    without: frozenset[str] = field(default_factory=frozenset)

    def peers(self, names: tuple[str, ...]) -> list[str]:
        """Give pathos_nb and those of `names` that take part."""
        return ["pathos_nb", *(name for name in names if name not in self.without and not peers.missing(name))]

    @contextmanager
    def contender(self, case: str, peer: str) -> Iterator[Contender]:
        """Start a contender and end it, whatever happens."""
        with Contender(case, peer, self.is_quick) as contender:
            yield contender

    @contextmanager
    def open_contender(self, case: str, peer: str) -> Iterator[Contender]:
        """Start a contender whose far side has `warm`, and open its pool.

        Raises
        ------
        ContenderError
            If it does not start.
        """
        with self.contender(case, peer) as contender:
            contender.ask("warm", START_DEADLINE_S)
            yield contender


__all__ = ["ContenderError", "Scene"]
