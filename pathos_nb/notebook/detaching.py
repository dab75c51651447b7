"""Cells whose points a batch queue computes: ``%%pmap --detach -p slurm``, and what finds them again."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Mapping
from typing import Any

from pathos_nb.detached.ask import Ask, read_settings
from pathos_nb.detached.jobs import Job as QueueJob
from pathos_nb.detached.queues import Queue
from pathos_nb.detached.registry import QUEUES, is_queue, queue_of
from pathos_nb.detached.sweeps import Found, plan_detached
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.errors import BadOption, CannotKey, LauncherUnavailable, StoreError
from pathos_nb.notebook.repeats import Job
from pathos_nb.notebook.usage import given
from pathos_nb.session import Session

__all__ = ["Detaching"]

_NOT_THERE = {
    "profile": "--profile", "count_calls": "--count-calls", "verify": "--verify", "dry_run": "--dry-run",
}  # fmt: skip


class Detaching:
    """Submits cells to queues.

    Parameters
    ----------
    session : Session
        It watches them.
    store : callable
        Gives the store of a name, or the one that is set.
    """

    def __init__(self, session: Session, store: Callable[[str | None], Store]) -> None:
        self._session, self._store = session, store

    def begin(self, job: Job) -> Run:
        """Submit a cell's points, or find them in the queue, or finished.

        Parameters
        ----------
        job : Job
            The cell's.

        Returns
        -------
        Run
            It fills from now on.

        Raises
        ------
        BadOption
            The cell asks for what a queue cannot do.
        QueueError
            The queue does not take it.
        """
        queue, ask = self._queue(job.values), _ask(job.values)
        _check(job.values)
        found = self._found(job)
        options = given(job.values, "timeout", "retries", "seed")
        if job.values.get("quiet"):
            options["progress"] = False
        run, submitted = self._session.detached.begin(found, ask, queue, {**options, "title": job.title})
        if not job.values.get("quiet"):
            sys.stderr.write(f"note: {_said(run, found, submitted)}\n")
        return run

    def _queue(self, values: Mapping[str, Any]) -> Queue:
        places = values["pool"] or tuple(place for place in self._session.places if is_queue(place))
        if len(places) != 1:
            cure = f"as in %%pmap --detach -p {next(iter(QUEUES))} …"
            raise BadOption("a detached sweep goes to one batch queue", cure=cure)
        queue = queue_of(places[0])
        if why := queue.availability():
            raise LauncherUnavailable(f"{places[0]} cannot be used here", cause=why)
        return queue

    def _found(self, job: Job) -> Found:
        values = job.values
        try:
            key = function_key(job.function, names=job.names, seed=values.get("seed"))
            store = self._store(values.get("store"))
            options = given(values, "timeout", "retries", "seed")
            source = getattr(job.function, "source", "")
            sweep = Sweep(job.function, key, job.names, job.points, job.title, source, options)
            return plan_detached(store, sweep, bool(values.get("fresh")))
        except (CannotKey, StoreError) as error:
            raise BadOption(f"the points of a detached sweep are kept, and cannot be: {error}") from error


def _ask(values: Mapping[str, Any]) -> Ask:
    settings = {name: _value(text) for name, text in (values.get("settings") or {}).items()}
    if values["nodes"]:
        settings["nodes"] = values["nodes"]
    return read_settings(settings)


def _value(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _check(values: Mapping[str, Any]) -> None:
    for key, flag in _NOT_THERE.items():
        if values.get(key):
            raise BadOption(f"{flag} does not go with --detach", cure="try some points without it first")
    if values.get("files") or values.get("collect"):
        cure = "name files by their whole paths, in a folder that the nodes see too"
        raise BadOption("a detached sweep brings no files, and collects none", cure=cure)
    if values.get("on_error") in ("raise", "stop"):
        cure = "leave --on-error out: a point that fails holds its Failure"
        raise BadOption("a queue goes on when a point fails", cure=cure)


def _said(run: Run, found: Found, job: QueueJob | None) -> str:
    """Say where the points are now, and how to find them again."""
    title, total = run.title, run.total or 0
    if job is None:
        return f"{title}: all {total:,} points are there already; --fresh computes them anew"
    there = f", {found.plan.n_kept:,} of {total:,} points are there" if found.plan.n_kept else ""
    if found.live is not None:
        before = f" (it was called {found.live.title} so far)" if found.live.title != title else ""
        return f"{title} is in the queue already{before}, as {job.called}{there}; --fresh submits it anew"
    if not job.id:
        cure = f"%pathos runs tells more, and this cell or %pathos load {title} finds it"
        return f"{title}: {job.queue} has not answered, and may have taken it or not; {cure}"
    n = total - found.plan.n_kept
    what = f"{title}: {n:,} points in {job.n_tasks:,} tasks are {job.called} now{there}"
    return f"{what}; this kernel may end: the cell, or %pathos load {title}, finds them again"
