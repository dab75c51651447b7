"""Looking for a moment before falling asleep: what comes at once is had sooner, if there is a core to look from."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # every worker's start waits for this file, so it loads little
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

_MOST_SKIPPED = 63


class Spin:
    """Looks again and again for a moment, and less and less often where that finds nothing.

    Where all cores are taken, whoever is waited for may be waiting for this very core; a sleep gives it away at once.

    Parameters
    ----------
    seconds : float
        How long to look.
    """

    __slots__ = ("_n_missed", "_n_to_skip", "_seconds")

    def __init__(self, seconds: float) -> None:
        self._seconds, self._n_missed, self._n_to_skip = seconds, 0, 0

    def is_due(self) -> bool:
        """Whether it is worth looking this time; where finding that out costs something, this is asked before."""
        if self._n_to_skip:
            self._n_to_skip -= 1
            return False
        return True

    def __call__(self, look: Callable[[], T | None]) -> T | None:
        """Give what `look` finds, or None.

        Parameters
        ----------
        look : callable
            Gives something false while there is nothing; must not wait.
        """
        if not self.is_due():
            return None
        until = time.perf_counter() + self._seconds
        while not (found := look()):
            if time.perf_counter() > until:
                self._n_missed = min(2 * self._n_missed + 1, _MOST_SKIPPED)
                self._n_to_skip = self._n_missed
                return None
        self._n_missed = 0
        return found
