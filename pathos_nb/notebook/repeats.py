"""Cells that run again: all their points, or those that have no value.

Of a run its function is kept, as long as the session remembers the run. Its points and values belong to the result, and
are held by nothing but that: a result that nobody has any more cannot be filled.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pathos_nb.dispatch.again import Filler, missing
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import BadOption
from pathos_nb.launchers.sourced import Sourced
from pathos_nb.notebook.said import Said
from pathos_nb.notebook.views import Views
from pathos_nb.session import Session

__all__ = ["Job", "Repeats"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """What a cell asks for.

    Parameters
    ----------
    function : Sourced
        Called once for each point.
    names : tuple of str
        The parameters' names.
    points : list of tuple
        The parameters; those that were read so far, where `rows` is an iterator.
    rows : list or iterator of tuple
        What the map takes.
    values : mapping
        The options.
    title : str
        What the run is called.
    filenames : tuple of str
        Where errors of the input begin to be the user's.
    into : tuple of str and list of int, or None
        The run that the points belong to, and where they stand there, when they run again.
    """

    function: Sourced
    names: tuple[str, ...]
    points: list[tuple[Any, ...]]
    rows: list[tuple[Any, ...]] | Iterator[tuple[Any, ...]]
    values: Mapping[str, Any]
    title: str
    filenames: tuple[str, ...] = ()
    into: tuple[str, list[int]] | None = None


class Repeats:
    """Lets runs run again.

    Parameters
    ----------
    session : Session
        It remembers the runs.
    views : Views
        Where they are shown.
    complete : callable
        Runs a job.
    renew : callable
        Shows results anew, where their cell has shown them.
    """

    def __init__(
        self,
        session: Session,
        views: Views,
        complete: Callable[[Job], Results],
        renew: Callable[[Results], object] = lambda results: None,
    ) -> None:
        self._session, self._views, self._complete, self._renew = session, views, complete, renew
        self._parts = threading.local()

    def offer(self, results: Results, job: Job) -> None:
        """Remember how a run that begins could run again.

        Parameters
        ----------
        results : Results
            Its results.
        job : Job
            What it does.
        """
        run, part = results.run, getattr(self._parts, "part", None)
        if not isinstance(run, Run):
            return
        if part is not None:
            part.begin(run)
        repeat = part.repeat if part is not None else _Repeat(self, weakref.ref(results), _without_points(job), run)
        results.how = replace(results.how, again=repeat.some)
        kept = self._session.run(run.run_id)
        kept.again, kept.results = repeat, repeat.results
        self._views.on_retry(run.run_id, _Once(run, repeat))

    def run(self, part: _Part, job: Job) -> None:
        """Run some points again; shown in the cell that asks, or where the first run was if no cell does."""
        is_cell = threading.current_thread() is threading.main_thread()
        place = contextlib.nullcontext() if is_cell else self._views.instead_of(part.first.run_id)
        with self._announced(part), place:
            try:
                self._complete(job)
            finally:
                part.end(self._session)
                self._renew(part.results)

    @contextlib.contextmanager
    def _announced(self, part: _Part) -> Iterator[None]:
        self._parts.part = part
        try:
            yield
        finally:
            self._parts.part = None


def _without_points(job: Job) -> Job:
    return replace(job, points=[], rows=[])


class _Repeat:
    """How one run runs again."""

    def __init__(self, repeats: Repeats, results: weakref.ref[Results], job: Job, run: Run) -> None:
        self._repeats, self.results, self._job, self._name = repeats, results, job, run.title or run.run_id

    @property
    def is_there(self) -> bool:
        """Whether anybody has the result still."""
        return self.results() is not None

    def __call__(self, is_only_missing: bool) -> Any:
        results, _ = self._there()
        indices = missing(results) if is_only_missing else list(range(len(results)))
        if not indices:
            return Said(f"nothing to do: every point of {self._name} has a value")
        return self.some(indices)

    def _there(self) -> tuple[Results, Run]:
        results = self.results()
        run = results.run if results is not None else None
        if results is None or not isinstance(run, Run):
            cure = "keep a result in a variable, by -o NAME, as long as its points may run again"
            raise BadOption(f"the points of {self._name} are not there any more", cure=cure)
        if not results.is_over:
            raise BadOption(f"{self._name} is still running", cure="wait for its end, or %pathos cancel it")
        return results, run

    def some(self, indices: Sequence[int]) -> Results:
        """Run some points again."""
        results, run = self._there()
        points = [results.points[index] for index in indices]
        title = self._name if self._name.endswith(" again") else f"{self._name} again"
        again = {"bg": False, "out": None, "quiet": False, "resume": False, "plot": False, "verify": None}
        again["detach"] = False  # here, on what cells run on: a queue would take longer
        values = {**self._job.values, **again}
        job = replace(
            self._job, points=points, rows=points, values=values, title=title, into=(run.run_id, list(indices))
        )
        self._repeats.run(_Part(self, results, run, indices), job)
        return results


class _Part:
    """Points that run again now."""

    def __init__(self, repeat: _Repeat, results: Results, first: Run, indices: Sequence[int]) -> None:
        self.repeat, self.first = repeat, first
        self.results, self._indices = results, indices
        self._filler: Filler | None = None

    def begin(self, run: Run) -> None:
        self._filler = Filler(self.results, run, self._indices)
        run.when_over(self._filler)  # also if nobody waits for it any more

    def end(self, session: Session) -> None:
        if self._filler is not None:
            self._filler()
            with contextlib.suppress(BadOption):  # so many runs later it is forgotten
                session.run(self.first.run_id).renew(self.first)


class _Once:
    """What the button does: the points without a value run again as soon as the run is over."""

    def __init__(self, run: Run, repeat: _Repeat) -> None:
        self._run, self._repeat, self._is_asked = run, repeat, False

    def __call__(self) -> None:
        if not self._is_asked:
            self._is_asked = True
            self._run.when_over(lambda run: threading.Thread(target=self._go, name="pathos-nb-again").start())

    def _go(self) -> None:
        try:
            self._repeat(True)
        except Exception:  # an item's, which the view shows; or there is nothing to run on
            _log.debug("the points of run %s did not run again", self._run.run_id, exc_info=True)
