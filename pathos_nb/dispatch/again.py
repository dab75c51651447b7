"""Points that run again: what comes of them is put into the run that they belong to, whose record grows."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from pathos_nb.dispatch.keepers import ListKeeper
from pathos_nb.dispatch.results import Results
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import Cancelled, Failure

__all__ = ["Filler", "missing"]


def missing(results: Results) -> list[int]:
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
    return [index for index, value in enumerate(results.values()) if isinstance(value, Failure)]


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

    def __init__(self, results: Results, again: Run, indices: Sequence[int]) -> None:
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
                self._results.forget()

    def _fill(self, run: Run, keeper: ListKeeper) -> None:
        failures = dict(run.failures)
        for index, value in zip(self._indices, self._again.values(), strict=False):
            if isinstance(value, Failure) and isinstance(value.error, Cancelled):
                continue  # not run this time either: what was there stays
            was_done = keeper.has(index) and not _is_not_run(keeper.values[index])
            run.n_done += not was_done
            failures.pop(index, None)
            if isinstance(value, Failure):
                value = failures[index] = _moved(value, index)
            keeper.place([index], [value])
        run.failures, run.n_failed = failures, len(failures)
        run.chunks += [
            chunk._replace(run_id=run.run_id, indices=[self._indices[i] for i in chunk.indices], failures=())
            for chunk in list(self._again.chunks)
        ]
        run.ended_at = (run.ended_at or 0.0) + self._again.seconds
        run.error = None if run.n_done == run.total else run.error
        run.state = "failed" if failures or run.error else "done" if run.n_done == run.total else run.state


def _is_not_run(value: object) -> bool:
    return isinstance(value, Failure) and isinstance(value.error, Cancelled)


def _moved(failure: Failure, index: int) -> Failure:
    told = {name: getattr(failure, name) for name in failure.__slots__ if name not in ("index", "error")}
    return Failure(index, failure.error, **told)
