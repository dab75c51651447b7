"""Points that run again: what comes of them is put into the run that they belong to, whose record grows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.ended import EndedRun
from pathos_nb.dispatch.keepers import ListKeeper
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.unrun import Seen
from pathos_nb.dispatch.using.how import Sweep
from pathos_nb.dispatch.using.selected import is_not_run, moved
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.events import ChunkDone

__all__ = ["Filler", "missing", "run_again"]


def missing(results: Sweep) -> list[int]:
    """Give the points that have no value: they failed, or were not run.

    Parameters
    ----------
    results : Results
        Of a run that is over.

    Returns
    -------
    list of int
        Their places.
    """
    return [index for index, value in enumerate(results) if isinstance(value, Failure)]


class Filler:
    """Puts what a second run gave into the results of the first, once.

    Parameters
    ----------
    results : Results
        Of the first run, which is over.
    again : Run
        The second run.
    indices : sequence of int
        Which points of the first run those of the second are.
    """

    def __init__(self, results: Sweep, again: Run, indices: Sequence[int]) -> None:
        self._results, self._again, self._indices = results, again, indices
        self._lock, self._is_done = threading.Lock(), False

    def __call__(self, again: Run | None = None) -> None:
        """Do it, if the second run is over and it has not been done."""
        with self._lock:
            if self._is_done or not self._again.is_over:
                return
            self._is_done = True
            run = self._results.run
            if isinstance(run, Run) and isinstance(run.keeper, ListKeeper):
                self._fill(run, run.keeper)
            elif isinstance(run, EndedRun):
                self._results.run = _refilled(run, self._again, self._indices)
            self._results.forget()

    def _fill(self, run: Run, keeper: ListKeeper) -> None:
        failures = dict(run.failures)
        run.attempts |= _attempts(run.attempts, self._again, self._indices)
        for index, value in zip(self._indices, self._again.seen(), strict=False):
            if isinstance(value, Failure) and isinstance(value.error, Cancelled):
                continue  # not run this time either: what was there stays
            was_done = keeper.has(index) and not is_not_run(keeper.values[index])
            run.n_done += not was_done
            failures.pop(index, None)
            if isinstance(value, Failure):
                value = failures[index] = moved(value, index)
            keeper.place([index], [value])
        run.failures, run.n_failed = failures, len(failures)
        shift_s = run.started_at + run.seconds - self._again.started_at  # as if it had gone on at once
        run.chunks += [_renamed(chunk, run.run_id, self._indices, shift_s) for chunk in self._again.chunks]
        _join_profiles(run.profile, self._again, self._indices)
        run.ended_at = (run.ended_at or 0.0) + self._again.seconds
        run.error = None if run.n_done == run.total else run.error
        run.state = "failed" if failures or run.error else "done" if run.n_done == run.total else run.state


def _attempts(before: Mapping[int, int], again: Run, indices: Sequence[int]) -> dict[int, int]:
    """Give how often items were begun before their last time, counting both runs."""
    begun = {place for chunk in again.chunks for place in chunk.indices}
    begun |= {place for place, failure in again.failures.items() if failure.worker}
    return {indices[p]: before.get(indices[p], 0) + 1 + again.attempts.get(p, 0) for p in begun}


def _refilled(run: EndedRun, again: Run, indices: Sequence[int]) -> EndedRun:
    """Give a record with what a second run gave: of results that came from a file."""
    found, failed = list(run.found), dict(run.failed)
    for index, value in zip(indices, again.seen(), strict=False):
        if is_not_run(value):
            continue
        failed.pop(index, None)
        found[index] = None if isinstance(value, Failure) else value
        if isinstance(value, Failure):
            failed[index] = moved(value, index)
    n_done = sum(not is_not_run(value) for value in Seen(found, len(found), failed))
    n_failed = sum(not is_not_run(failure) for failure in failed.values())
    state = "failed" if n_failed else "done" if n_done == len(found) else run.state
    shift_s = run.started_at + run.seconds - again.started_at
    chunks = (_renamed(chunk, run.run_id, indices, shift_s) for chunk in again.chunks)
    _join_profiles(run.profile, again, indices)
    return replace(
        run, found=found, failed=failed, n_done=n_done, n_failed=n_failed, state=state,
        seconds=run.seconds + again.seconds, chunks=ChunkLog(chain(run.chunks, chunks)),
        attempts={**run.attempts, **_attempts(run.attempts, again, indices)},
    )  # fmt: skip


def _renamed(chunk: ChunkDone, run_id: str, indices: Sequence[int], shift_s: float) -> ChunkDone:
    ends = [end + shift_s for end in chunk.ends]
    places = [indices[i] for i in chunk.indices]
    output = tuple((indices[i], text) for i, text in chunk.output)
    pictures = tuple((indices[i], kind, data) for i, kind, data in chunk.pictures)
    failures = tuple(moved(failure, indices[failure.index]) for failure in chunk.failures)
    return chunk._replace(
        run_id=run_id, indices=places, started=chunk.started + shift_s, ends=ends, failures=failures, output=output,
        pictures=pictures,
    )  # fmt: skip


def _join_profiles(profile: Any, again: Run, indices: Sequence[int]) -> None:
    if profile is not None and again.profile is not None:
        profile.join(again.profile, indices)


def run_again(
    results: Sweep, pool: Any, function: Callable[..., Any], indices: Sequence[int], options: Mapping[str, Any]
) -> None:
    """Run points again, on a pool, into the results that they belong to.

    Parameters
    ----------
    results : Results
        Of a run that is over.
    pool : Pool
        Where.
    function : callable
        Called with the parameters of a point.
    indices : sequence of int
        Which points.
    options : mapping
        Of the map.

    Raises
    ------
    BaseException
        What an item raises, unless ``on_error`` says otherwise.
    """
    points = [results.points[index] for index in indices]
    again: Run = pool.start(function, points, star=True, drawn_at=indices, **options)
    filler = Filler(results, again, indices)
    try:
        again.wait()
    finally:
        filler()
    again.raise_if_failed()
