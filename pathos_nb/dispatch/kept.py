"""What is remembered of a run when its values are the caller's alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pathos_nb.dispatch.run import Run
from pathos_nb.errors import Failure
from pathos_nb.events import Event, RunEnded

__all__ = ["KeptRun"]


class KeptRun:
    """What is remembered of a run: all of it while it goes on, then its figures and failures, not its values.

    Parameters
    ----------
    run : Run
        A run that begins.
    """

    def __init__(self, run: Run) -> None:
        self.run_id, self.title, self.total = run.run_id, run.title, run.total
        self.state, self.n_done, self.seconds = run.state, run.n_done, run.seconds
        self.failures: dict[int, Failure] = {}
        self.heavy: tuple[tuple[str, int], ...] = ()
        self.again: Callable[[bool], Any] | None = None  # runs its points again, or only those without a value
        self._run: Run | None = run
        run.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if isinstance(event, RunEnded):
            self.refresh()
            self.state, self._run = event.state, None  # the values are the caller's: they may be large

    def renew(self, run: Run) -> None:
        """Take the figures of the run that this is about: points of it have run again."""
        self.state, self.n_done, self.seconds, self.failures = run.state, run.n_done, run.seconds, dict(run.failures)

    def refresh(self) -> KeptRun:
        """Bring the figures up to date.

        Returns
        -------
        KeptRun
            Itself.
        """
        run = self._run
        if run is not None:
            self.state, self.n_done, self.seconds = run.state, run.n_done, run.seconds
            self.title, self.total, self.failures = run.title, run.total, dict(run.failures)
            self.heavy = run.heavy
        return self

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self._run is None or self._run.is_over

    def cancel(self) -> None:
        """Stop it, if it goes on."""
        if self._run is not None:
            self._run.cancel()
