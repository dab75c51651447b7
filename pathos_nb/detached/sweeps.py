"""All detached sweeps of a kernel: submitted, found again, watched, cancelled."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

from pathos_nb.detached.ask import Ask
from pathos_nb.detached.jobs import Job, jobs_of
from pathos_nb.detached.looking import Standing, look_at
from pathos_nb.detached.queues import Queue
from pathos_nb.detached.registry import queue_of
from pathos_nb.detached.submitting import Wanted, submit
from pathos_nb.detached.watching import Patience, Watching
from pathos_nb.dispatch.deliveries import complain
from pathos_nb.dispatch.keepers import ListKeeper
from pathos_nb.dispatch.options import MapOptions
from pathos_nb.dispatch.run import Call, Run
from pathos_nb.dispatch.source import SliceSource
from pathos_nb.dispatch.store.found import StoredRun, keys_of, of_function, points_of
from pathos_nb.dispatch.store.keys import FunctionKey
from pathos_nb.dispatch.store.points import kept_points
from pathos_nb.dispatch.store.recorder import Recorder
from pathos_nb.dispatch.store.resume import Plan, plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import NOT_KEPT, Sweep
from pathos_nb.errors import QueueError, StoreError
from pathos_nb.launchers.registry import registry

__all__ = ["Detached", "Found", "plan_detached"]


_AWAY_S = 15.0


class Found(NamedTuple):
    """How a sweep is computed, and whether it is in a queue already."""

    plan: Plan
    live: StoredRun | None


def plan_detached(store: Store, sweep: Sweep, is_fresh: bool) -> Found:
    """Look for a sweep: in a queue, or finished as far as it is.

    Parameters
    ----------
    store : Store
        Where.
    sweep : Sweep
        What is wanted.
    is_fresh : bool
        Whether all of it is to be computed anew.

    Returns
    -------
    Found
        What any run has finished is not computed again: a cell that is run again, after days, wants what its job has
        found.

    Raises
    ------
    StoreError, CannotKey
        As `plan`.
    """
    if is_fresh:
        return Found(plan(store, sweep, "fresh"), None)
    for run in of_function(store.file, sweep.key.digest):
        if run.is_detached and run.total == len(sweep.rows) and sweep.all_keys() == keys_of(store.file, run.run):
            sweep.fix()
            return Found(_going_on(store, sweep, run), run)
    return Found(plan(store, sweep, "resume"), None)


def _going_on(store: Store, sweep: Sweep, run: StoredRun) -> Plan:
    return Plan(store, sweep, run, kept_points(store.file, run.run, max(1, len(sweep.rows))))


class Detached:
    """The sweeps that this kernel watches.

    Parameters
    ----------
    patience : Patience, optional
        How often to look after each.
    """

    def __init__(self, patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._watched: dict[str, Watching] = {}
        self._away_until: dict[str, float] = {}

    def begin(self, found: Found, ask: Ask, queue: Queue, options: Mapping[str, Any]) -> tuple[Run, Job | None]:
        """Submit what is missing of a sweep, or watch it if it is in a queue already.

        Parameters
        ----------
        found : Found
            From `plan_detached`.
        ask : Ask
            What each task gets.
        queue : Queue
            Where to.
        options : mapping
            ``title``, ``seed``, ``timeout``, ``retries``, ``progress``, as of a map.

        Returns
        -------
        tuple of Run and Job
            The run fills from now on; no job if nothing is missing.

        Raises
        ------
        QueueError
            The queue does not take it.
        """
        how, live = found
        run = self._run(how, live.run_id if live is not None else f"d{os.urandom(4).hex()}", options)
        watching: Any = self._watched[run.run_id]
        how.attach(run)
        if live is not None:
            run.started_at, run.earlier_s = live.started, 0.0
        try:
            job, queue = self._open_job(how.store, live) if live is not None else self._submit(run, how, (ask, queue))
        except BaseException as error:
            run.error = error
            run.stopping = "failed"
            self._announce(run)
            run.finish()
            raise
        self._announce(run)
        watching.begin(run, job, queue)
        return run, job

    def _submit(self, run: Run, how: Plan, where: tuple[Ask, Queue]) -> tuple[Job | None, Any]:
        ask, queue = where
        keeper = run.keeper
        assert isinstance(keeper, ListKeeper)
        missing = [place for place in range(len(how.sweep.rows)) if not keeper.has(place)]
        recorder: Any = run.recorder
        if not how.store.writer.flush() or not isinstance(recorder, Recorder) or recorder.row is None:
            raise recorder.trouble or StoreError("the store takes nothing", cure="nothing was submitted; look after it")
        if not missing:
            return None, None
        given = {name: getattr(run.options, name) for name in ("seed", "timeout", "retries")}
        wanted = Wanted(recorder.row, run.run_id, run.title, how.sweep.function, how.sweep.rows, missing, given)
        return submit(how.store.file, wanted, ask, queue), queue

    @staticmethod
    def _open_job(store: Store, live: StoredRun) -> tuple[Job, Queue]:
        jobs = jobs_of(store.file, live.run)
        job = [*jobs, *(job for job in jobs if job.is_open)][-1]  # closed in the meantime: all of it is in the store
        return job, queue_of(job.queue)

    def attach(self, store: Store, stored: StoredRun) -> tuple[Run, Plan]:
        """Watch a sweep that is in a queue, as the store has it.

        Parameters
        ----------
        store : Store
            Its store.
        stored : StoredRun
            Which; it is detached.

        Returns
        -------
        tuple of Run and Plan
            The run fills from now on.
        """
        rows = points_of(store.file, stored)
        rows += [(NOT_KEPT,) * len(stored.names)] * ((stored.total or 0) - len(rows))
        key = FunctionKey(stored.digest, stored.options.get("seed"))
        keys = keys_of(store.file, stored.run)
        sweep = Sweep(_not_here, key, stored.names, rows, stored.title, stored.source, stored.options, keys)
        found = Found(_going_on(store, sweep, stored), stored)
        run, _ = self.begin(found, Ask(), queue_of("slurm"), {"title": stored.title})
        return run, found.plan

    def _run(self, how: Plan, run_id: str, options: Mapping[str, Any]) -> Run:
        """Make a run that is watched from now on, and by nobody else in this kernel."""
        store, sweep = how.store, how.sweep
        before = self._watched.pop(run_id, None)
        if before is not None:
            before.hand_over()
        watching = self._watched[run_id] = Watching(store, run_id, self.patience)
        asked = MapOptions(on_error="keep", **options)
        return Run(watching, Call(sweep.function, SliceSource((sweep.rows,), True), asked), ListKeeper(len(sweep.rows)))

    @staticmethod
    def _announce(run: Run) -> None:
        for observer in tuple(registry.observers):
            try:
                observer(run)
            except Exception:  # a view that breaks must not break the run
                complain("an observer of runs failed")
        run.begin()

    def standing(self, store: Store, stored: StoredRun) -> tuple[str, Standing]:
        """Tell how far a sweep is.

        Parameters
        ----------
        store : Store
            Its store.
        stored : StoredRun
            Which; it is detached.

        Returns
        -------
        tuple of str and Standing
            What its job is called, and the counts.
        """
        job, queue = self._open_job(store, stored)
        watching = self._watched.get(stored.run_id)
        if watching is not None and watching.job is not None and not watching.standing.trouble:
            return job.called, watching.standing
        if time.monotonic() < self._away_until.get(job.queue, 0.0):  # each question would take long
            return job.called, Standing(trouble=f"{job.queue} does not answer")
        standing = look_at(job, queue).standing
        if standing.trouble:
            self._away_until[job.queue] = time.monotonic() + _AWAY_S
        return job.called, standing

    def is_watched(self, run_id: str) -> bool:
        """Whether this kernel looks after a sweep of that name."""
        return run_id in self._watched and not self._watched[run_id].is_over

    def said(self, run_id: str) -> str:
        """Say how far a sweep is that this kernel looks after, in the words of `%pathos runs`."""
        watching = self._watched.get(run_id)
        if watching is None or watching.job is None or watching.is_over:
            return ""
        return f"{watching.job.called}: {watching.trouble or watching.standing}"

    def cancel(self, store: Store, stored: StoredRun) -> None:
        """End the job of a sweep that this kernel does not watch; what it has finished is collected later."""
        job, queue = self._open_job(store, stored)
        queue.cancel(job.id, job.name)

    def leave(self) -> None:
        """Watch no more: the kernel ends, and the jobs go on."""
        for watching in self._watched.values():
            watching.leave()
        self._watched.clear()


def _not_here(*args: Any) -> Any:
    raise QueueError("the function of a sweep that was found again is in its queue only")
