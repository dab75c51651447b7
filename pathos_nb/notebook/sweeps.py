"""Cells whose points are kept on disk: what is finished is found again, in this kernel and in later ones."""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pathos_nb.dispatch.again import Filler
from pathos_nb.dispatch.failed import Errors
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.found import (
    StoredRun,
    code_of,
    find,
    listed,
    loaded,
    points_of,
    run_of,
)
from pathos_nb.dispatch.store.kept_profile import profiled_runs
from pathos_nb.dispatch.store.keys import FunctionKey, function_key
from pathos_nb.dispatch.store.place import default_path, move_aside
from pathos_nb.dispatch.store.points import Kept, kept_points
from pathos_nb.dispatch.store.resume import Plan, path_of, plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import NOT_KEPT, Sweep
from pathos_nb.dispatch.using.how import How
from pathos_nb.errors import BadOption, CannotKey, StoreError
from pathos_nb.notebook.repeats import Job
from pathos_nb.notebook.usage import given
from pathos_nb.session import Session

__all__ = ["OFF", "Sweeps"]

T = TypeVar("T")

OFF = "off"
_CURE = "run its cell again: what it has finished is found there"
_KEPT_OPTIONS = ("timeout", "retries", "on_error", "seed", "files", "collect", "collect_to")
_FRESH: Mapping[str, Any] = {
    "pool": None, "nodes": None, "bg": False, "out": None, "quiet": False, "title": None, "resume": False,
    "fresh": False, "store": None, **dict.fromkeys(_KEPT_OPTIONS),
}  # fmt: skip


class Sweeps:
    """Keeps what cells compute, and finds it again.

    Parameters
    ----------
    session : Session
        It owns the open stores.
    setting : callable
        Gives where cells keep their points: a path, empty for the user's own store, or ``off``.
    complete : callable
        Runs a job.
    names : callable
        Gives the notebook's names.
    post_mortem : callable, optional
        Lets the user look into a traceback.
    """

    def __init__(
        self,
        session: Session,
        setting: Callable[[], str],
        complete: Callable[[Job], Results],
        names: Callable[[], dict[str, Any]],
        post_mortem: Callable[[TracebackType], Any] | None = None,
    ) -> None:
        self._session, self._setting, self._complete, self._names = session, setting, complete, names
        self._post_mortem = post_mortem
        self._said: set[str] = set()
        self._plans: dict[int, Plan] = {}
        self.troubles: list[StoreError] = []

    # what a cell asks

    def plan(self, job: Job) -> Plan | None:
        """Say how a cell's points run, and where they are kept.

        Parameters
        ----------
        job : Job
            The cell's.

        Returns
        -------
        Plan or None
            None where they are not kept; why not was said.

        Raises
        ------
        BadOption
            The cell has asked for it, and it cannot be.
        """
        values = job.values
        if id(job.function) in self._plans:
            return self._plans.pop(id(job.function))
        if values.get("resume") and values.get("fresh"):
            raise BadOption("--resume takes what is there, --fresh computes all", cure="leave one of them out")
        if not job.names or (values.get("store") or self._setting()) == OFF:
            if values.get("resume"):
                setting = "%config PathosMagics.store = '' keeps what cells compute"
                raise BadOption("nothing is kept", cure="leave --store off out" if values.get("store") else setting)
            return None
        is_asked = bool(values.get("resume") or values.get("store"))
        try:
            return self._planned(job)
        except (CannotKey, StoreError) as error:
            if is_asked:
                raise BadOption(f"the points cannot be kept: {error}") from error
            self._say(f"the points are not kept: {error}", job)
            return None

    def _planned(self, job: Job) -> Plan | None:
        values = job.values
        key = function_key(job.function, names=job.names, seed=values.get("seed"))
        store = self.store(values.get("store"))
        options = given(values, *(name for name in _KEPT_OPTIONS if name in values))
        source = getattr(job.function, "source", "")
        sweep = Sweep(job.function, key, job.names, job.points, job.title, source, options)
        if job.into is not None:
            return self._into(store, sweep, *job.into)
        how = "resume" if values.get("resume") else "fresh" if values.get("fresh") else ""
        found = plan(store, sweep, how if isinstance(job.rows, list) else "fresh")
        if found.note and not values.get("quiet"):
            sys.stderr.write(f"note: {found.note}\n")
        return found

    @staticmethod
    def _into(store: Store, sweep: Sweep, run_id: str, places: Sequence[int]) -> Plan | None:
        """Have points that run again kept where they were, if they are still the same."""
        store.writer.flush()
        first = run_of(store.file, run_id)
        if first is None or first.digest != sweep.key.digest:
            return None
        return Plan(store, sweep, first, places=places)

    def store(self, text: str | None) -> Store:
        """Give the store of a name, or the one that is set; opened when it is first asked for."""
        setting = self._setting()
        path = path_of(text or ("" if setting == OFF else setting))
        return self._session.stores.get(path)

    def after(self, results: Results, say: Callable[[str], object]) -> None:
        """Say what of a run is not kept, now or when it is over.

        Parameters
        ----------
        results : Results
            Of a run that is over, or goes on behind.
        say : callable
            Takes the text, and is called in any thread if the run goes on.
        """
        run = results.run
        if not isinstance(run, Run):
            return
        if run.is_over:
            _say_what_is_not_kept(run, sys.stderr.write)
        else:
            run.when_over(lambda run: _say_what_is_not_kept(run, say))

    def _say(self, text: str, job: Job) -> None:
        """Say something once a cell."""
        if text not in self._said and not job.values.get("quiet"):
            self._said.add(text)
            sys.stderr.write(f"note: {text}\n")

    # what verbs ask

    @property
    def path(self) -> Path:
        """The store that is set, or this user's own."""
        text = self._setting()
        return (None if text in ("", OFF) else path_of(text)) or default_path()

    @property
    def stores(self) -> list[Store]:
        """The stores that are open; and this user's, if there is one.

        What is wrong with one that cannot be used stands in `troubles` then.
        """
        self.troubles = []
        if self.path.exists():
            self._ask(lambda: [self._session.stores.look(self.path)])
        return [store for store in self._session.stores.opened if store.file.is_there]

    def _ask(self, question: Callable[[], list[T]]) -> list[T]:
        """Give what there is; nothing of a store that cannot be used, and what is wrong with it."""
        try:
            return question()
        except StoreError as error:
            self.troubles.append(error)
            return []

    def open(self, text: str) -> Store:
        """Open a store, whose runs are listed from now on.

        Raises
        ------
        BadOption
            There is none, or it cannot be used.
        """
        path = path_of(text) or self.path
        if not path.exists():
            raise BadOption(f"there is no store {path}", cure="%%pmap --store PATH makes one")
        try:
            return self._session.stores.look(path)
        except StoreError as error:
            raise BadOption(str(error)) from error

    def set_aside(self, text: str | None) -> Path | None:
        """Move a store away, with all that belongs to it; a run that goes on begins a new one.

        Parameters
        ----------
        text : str or None
            Its file; None for the one that is set.

        Returns
        -------
        Path or None
            Where it is now; None if there is none.

        Raises
        ------
        BadOption
            It cannot be moved.
        """
        path = (path_of(text) if text else None) or self.path
        if not path.exists():
            return None
        try:
            return move_aside(path)
        except OSError as error:
            cure = "choose another file by --store PATH"
            raise BadOption(f"{path} cannot be moved: {error.strerror}", cure=cure) from error

    def earlier(self) -> list[tuple[Store, StoredRun]]:
        """Give the runs that are kept and that this session does not know, the latest last."""
        known = {run.run_id for run in self._session.runs}
        pairs = [
            (store, run)
            for store in self.stores
            for run in self._ask(lambda store=store: listed(store.file))  # type: ignore[misc]
            if run.run_id not in known
        ]
        return sorted(pairs, key=lambda pair: pair[1].seen)

    def find(self, name: str | None) -> tuple[Store, StoredRun] | None:
        """Find a run that is kept.

        Parameters
        ----------
        name : str or None
            Its id, or its title; the latest if None.

        Returns
        -------
        tuple of Store and StoredRun, or None
        """
        if name is None:
            return next(reversed(self.earlier()), None)
        found = [
            (store, run)
            for store in self.stores
            for run in self._ask(lambda store=store: [find(store.file, name)])  # type: ignore[misc]
            if run is not None
        ]
        return max(found, key=lambda pair: pair[1].seen, default=None)

    def keep(self, name: str, results: Results) -> None:
        """Put a result into a variable of the notebook."""
        self._names()[name] = results

    def errors(self, name: str | None) -> Errors | None:
        """Give what failed in a run that is kept; None if there is no such run."""
        found = self.find(name)
        if found is None:
            return None
        store, run = found
        return loaded(store.file, run).errors

    def profiled(self, name: str | None) -> Results | None:
        """Give a kept run to look at its profile; the latest that has one if no name is given, None if none has."""
        if name is not None:
            return self.load(name)[0]
        for store in self.stores:
            store.writer.flush()
            rows = profiled_runs(store.file)
            found = next((run for run in reversed(listed(store.file)) if run.run in rows), None)
            if found is not None:
                return loaded(store.file, found)
        return None

    def load(self, name: str) -> tuple[Results, StoredRun]:
        """Give the result of a run that is kept.

        Parameters
        ----------
        name : str
            Its id, or its title.

        Returns
        -------
        tuple of Results and StoredRun

        Raises
        ------
        BadOption
            There is none of that name.
        """
        for store in self.stores:
            store.writer.flush()
        found = self.find(name)
        if found is None:
            cause = "; ".join(map(str, self.troubles))
            cure = "%pathos runs lists them, those of earlier kernels too"
            raise BadOption(f"no run is called {name!r}", cause=cause, cure=cure)
        if found[1].is_detached:
            run, plan = self._session.detached.attach(*found)
            return Results(run, plan.sweep.names, plan.sweep.rows, How(told={"code": found[1].source})), found[1]
        return self._can_run(loaded(found[0].file, found[1]), *found), found[1]

    def _can_run(self, results: Results, store: Store, run: StoredRun) -> Results:
        """Give a result that was read the means to run its points again, by the code that is kept with it."""
        there = weakref.ref(results)

        def again(indices: Sequence[int]) -> None:
            if (found := there()) is not None:
                self._into_loaded(found, store, run, indices)

        results.how = replace(results.how, again=again, post_mortem=self._post_mortem)
        return results

    def _into_loaded(self, results: Results, store: Store, run: StoredRun, indices: Sequence[int]) -> None:
        """Run points of a result that was read again; they are kept where they were."""
        store.writer.flush()
        if (run_of(store.file, run.run_id) or run).is_running:
            raise BadOption(f"{run.title} is still running", cure="wait for its end")
        function: Any = results.how.ready().function
        points = [results.points[index] for index in indices]
        if n := sum(any(value is NOT_KEPT for value in row) for row in points):
            raise BadOption(f"the arguments of {n:,} points of {run.title} were not kept", cure=_CURE)
        key = FunctionKey(run.digest, run.options.get("seed"))
        sweep = Sweep(function, key, run.names, points, run.title, run.source, run.options)
        values = {**_FRESH, **run.options, "store": str(store.file.path), "title": f"{run.title} again"}
        job = Job(function, run.names, points, points, values, values["title"], into=(run.run_id, list(indices)))

        def hear(again: Run) -> None:
            if again.function is function:
                again.when_over(Filler(results, again, indices))

        self._plans[id(function)] = Plan(store, sweep, run, places=list(indices))
        try:
            with self._session.listening(hear):
                self._complete(job)
        finally:
            self._plans.clear()
            results.forget()

    def again(self, name: str | None, is_only_missing: bool) -> Results | None:
        """Run the points of a kept run again, by the code that was kept with it.

        Parameters
        ----------
        name : str or None
            Its id, or its title; the latest if None.
        is_only_missing : bool
            Only those that have no value.

        Returns
        -------
        Results or None
            None if there is no such run.

        Raises
        ------
        BadOption
            It cannot run again, and why.
        """
        found = self.find(name)
        if found is None:
            return None
        store, run = found
        if run.is_running:
            raise BadOption(f"{run.title} is still running", cure="wait for its end")
        try:
            function, _ = code_of(store.file, run)
        except StoreError as error:
            raise BadOption(str(error)) from error
        points = points_of(store.file, run)
        sweep = Sweep(
            function, FunctionKey(run.digest, run.options.get("seed")), run.names, points, run.title, run.source,
            run.options,
        )  # fmt: skip
        how = Plan(store, sweep)
        if is_only_missing:
            how.first, how.kept = run, kept_points(store.file, run.run, max(1, len(points)))
        _check_points(how, run)
        values = {**_FRESH, **run.options, "store": str(store.file.path), "title": run.title}
        job = Job(function, run.names, points, points, values, run.title)
        self._plans[id(function)] = how
        try:
            return self._complete(job)
        finally:
            self._plans.clear()


def _say_what_is_not_kept(run: Run, say: Callable[[str], object]) -> None:
    recorder: Any = run.recorder
    if recorder is None or not hasattr(recorder, "n_unpicklable"):
        return
    run.recorder = None  # it knows the run: together they would live until the collector comes
    if recorder.n_unpicklable:
        n, s = recorder.n_unpicklable, "s" * (recorder.n_unpicklable > 1)
        say(f"note: {n:,} value{s} cannot be pickled: delivered, but not kept\n")
    if recorder.was_begun_again and recorder.trouble is None:
        what = "was removed or replaced while the run went on; all points of the run are in the one that is there now"
        say(f"note: the store {recorder.path} {what}\n")
    if recorder.trouble is not None:
        what = f"{recorder.n_not_kept:,} points of {run.title or run.run_id} are here, but not kept"
        say(f"note: {what}: {recorder.trouble}\n")


def _check_points(how: Plan, run: StoredRun) -> None:
    done = (how.kept or Kept()).values
    lost = [i for i, row in enumerate(how.sweep.rows) if i not in done and any(value is NOT_KEPT for value in row)]
    if lost or (run.total is not None and len(how.sweep.rows) < run.total):
        n = len(lost) or run.total
        raise BadOption(f"the arguments of {n:,} points of {run.title} were not kept", cure=_CURE)
