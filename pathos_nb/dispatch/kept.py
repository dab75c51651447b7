"""What is remembered of a run when its values are the caller's alone."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any

from pathos_nb.dispatch.run import Run
from pathos_nb.errors import BadOption, Failure
from pathos_nb.events import Event, RunEnded

__all__ = ["KeptRun", "RunLog"]

_log = logging.getLogger(__name__)


class KeptRun:
    """What is remembered of a run: all of it while it goes on, then its figures and failures, not its values.

    Parameters
    ----------
    run : Run
        A run that begins.
    """

    def __init__(self, run: Run) -> None:
        self.run_id, self.title, self.total, self.called = run.run_id, run.title, run.total, run.called
        self.state, self.n_done, self.seconds = run.state, run.n_done, run.seconds
        self.failures: dict[int, Failure] = {}
        self.heavy: tuple[tuple[str, int], ...] = ()
        self.again: Callable[[bool], Any] | None = None  # runs its points again, or only those without a value
        self.results: Callable[[], Any] | None = None  # gives its results as long as somebody has them
        self.profile, self.inner = run.profile, run.inner
        self.started_at, self.chunks = run.started_at, run.chunks if run.profile is not None else []
        self._run: Run | None = run
        run.subscribe(self._hear)

    @property
    def label(self) -> str:
        """What a person calls it: its title, or the name of the function that was called."""
        return self.title or self.called

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


class RunLog:
    """The runs that were and are, whoever began them.

    Parameters
    ----------
    n_runs : int
        How many ended runs are remembered.

    Attributes
    ----------
    views : list of callable
        Each is told of every run that begins.
    """

    def __init__(self, n_runs: int) -> None:
        self.views: list[Callable[[Run], None]] = []
        self._runs: OrderedDict[str, KeptRun] = OrderedDict()
        self._n_runs = n_runs
        self._heavy: set[str] = set()
        self._trial = threading.local()
        self._lock = threading.RLock()

    @property
    def runs(self) -> list[KeptRun]:
        """The runs, the latest last."""
        with self._lock:
            return [kept.refresh() for kept in self._runs.values()]

    @contextlib.contextmanager
    def forgetting(self) -> Iterator[None]:
        """Remember none of the runs that this thread begins inside the block: they are asked for by nobody."""
        self._trial.is_on, before = True, getattr(self._trial, "is_on", False)
        try:
            yield
        finally:
            self._trial.is_on = before

    def note(self, run: Run) -> None:
        """Remember a run that begins, and tell the views.

        Parameters
        ----------
        run : Run
            Of any pool, whoever made it.
        """
        if getattr(self._trial, "is_on", False):
            return
        with self._lock:
            self._runs[run.run_id] = KeptRun(run)
            over = [key for key, kept in self._runs.items() if kept.is_over]
            for key in over[: max(0, len(self._runs) - self._n_runs)]:
                del self._runs[key]
        for view in list(self.views):
            try:
                view(run)
            except Exception:  # who looks on must not stop the run
                _log.warning("a view of run %s could not begin", run.run_id, exc_info=True)

    @contextlib.contextmanager
    def listening(self, view: Callable[[Run], None]) -> Iterator[None]:
        """Tell one more view, inside the block, of runs that begin.

        Parameters
        ----------
        view : callable
            Called after the session's other views.
        """
        self.views.append(view)
        try:
            yield
        finally:
            self.views.remove(view)

    def run(self, name: str | None = None) -> KeptRun:
        """Find a run.

        Parameters
        ----------
        name : str, optional
            Its id, the beginning of it, or its title; the latest if None.

        Returns
        -------
        KeptRun
            The latest that fits.

        Raises
        ------
        BadOption
            If none fits.
        """
        for run in reversed(self.runs):
            if name is None or run.run_id == name or run.title == name:
                return run
        found = [run for run in self.runs if name and run.run_id.startswith(name)]
        if not found:
            raise BadOption(f"no run is called {name!r}" if name else "no run yet", cure="%pathos runs lists them")
        return found[-1]

    def heavy(self) -> list[tuple[str, int]]:
        """Give the large values that maps have brought to workers, each name once.

        Returns
        -------
        list of (str, int)
            Names and bytes, since it was last asked.
        """
        found = [pair for run in self.runs for pair in run.heavy if pair[0] not in self._heavy]
        self._heavy.update(name for name, _ in found)
        return list(dict(found).items())

    def cancel(self, run: KeptRun | None = None) -> list[KeptRun]:
        """Stop a run, or all that go on.

        Parameters
        ----------
        run : KeptRun, optional
            Which one.

        Returns
        -------
        list of KeptRun
            Those that were stopped by this call.
        """
        running = [each for each in ([run] if run else self.runs) if not each.is_over]
        for each in running:
            each.cancel()
        return running
