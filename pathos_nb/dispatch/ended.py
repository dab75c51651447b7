"""A run as a record only: what a pickled or copied result has in place of the run that made it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pathos_nb.dispatch.chunk_log import ChunkLog
from pathos_nb.dispatch.keepers import MISSING
from pathos_nb.dispatch.profiles import Profile
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.unrun import Seen, is_unrun
from pathos_nb.dispatch.using.selected import Selected
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.events import ChunkDone
from pathos_nb.launchers.failing import report, revive
from pathos_nb.wire.protocol import RAISED, ItemReport

__all__ = ["EndedRun", "ended", "failure_of_parts", "in_parts"]

_OVER = ("done", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class EndedRun:
    """What a run was, and nothing that could go on.

    Parameters
    ----------
    run_id, title, state : str
        As the run had them.
    n_done, n_failed : int
        Finished items, and how many of these failed.
    total : int or None
        All items, if that was known.
    started_at, seconds : float
        When it began, in seconds since the epoch, and how long it took.
    found : list
        The values; `MISSING` where an item was not run, anything at the place of a failure.
    failed : dict
        Index to `Failure`.
    chunks : sequence of ChunkDone
        The record.
    attempts : dict
        Index to how often an item was begun before.
    profile : Profile or None
        What was sampled.
    """

    run_id: str
    title: str
    state: str
    n_done: int
    n_failed: int
    total: int | None
    started_at: float
    seconds: float
    found: Sequence[Any]
    failed: dict[int, Failure]
    chunks: Sequence[ChunkDone]
    attempts: dict[int, int] = field(default_factory=dict)
    profile: Profile | None = None

    @property
    def is_over(self) -> bool:
        """Always: a record does not go on."""
        return True

    @property
    def error(self) -> None:
        """What ended the input early: not on the record."""
        return None

    @property
    def reach(self) -> int:
        """How many items there are, as `Run.reach`."""
        return len(self.found)

    @property
    def failures(self) -> dict[int, Failure]:
        """Index to `Failure`, of items that were run."""
        return {i: f for i, f in self.failed.items() if f.worker or not isinstance(f.error, Cancelled)}

    def values(self) -> list[Any]:
        """Give the values, with a `Failure` where there is none."""
        return list(self.seen())

    def seen(self) -> Sequence[Any]:
        """Give the values as `values`, without a copy of them; a `Failure` that was not run is made when it is seen."""
        if not self.failed and self.n_done == len(self.found):
            return self.found
        return Seen(self.found, len(self.found), self.failed)

    def wait(self, timeout: float | None = None) -> bool:
        """Give True: it is over."""
        return True

    def cancel(self) -> None:
        """Do nothing: it is over."""

    def raise_if_failed(self) -> None:
        """Raise the first failure, if there is one."""
        if self.failures:
            next(iter(self.failures.values())).reraise()

    def __reduce__(self) -> tuple[Any, ...]:
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "failed"}
        told = [in_parts(failure) for failure in self.failed.values()]
        return _whole, (plain, told)


def ended(run: Run | EndedRun | Selected, n_points: int) -> EndedRun:
    """Make a record of a run as it is now.

    Parameters
    ----------
    run : Run, EndedRun or Selected
        One that goes on is a cancelled one in its record.
    n_points : int
        How many points it has.

    Returns
    -------
    EndedRun
    """
    if isinstance(run, EndedRun):
        return run
    found = [MISSING if is_unrun(value) else value for value in run.seen()][:n_points]
    failed = {index: value for index, value in enumerate(found) if isinstance(value, Failure)}
    return EndedRun(
        run.run_id, run.title, run.state if run.state in _OVER else "cancelled", run.n_done, run.n_failed, run.total,
        run.started_at, run.seconds, [None if i in failed else v for i, v in enumerate(found)],
        failed, ChunkLog(chunk._replace(failures=(), pictures=()) for chunk in run.chunks),
        attempts=dict(run.attempts), profile=run.profile,
    )  # fmt: skip


def in_parts(failure: Failure) -> tuple[Any, ...]:
    """Give a failure as what can always be pickled, whatever exception of the user's it holds.

    Parameters
    ----------
    failure : Failure
        Of any item.

    Returns
    -------
    tuple
        For `failure_of_parts`.
    """
    plain = {name: getattr(failure, name) for name in failure.__slots__ if name not in ("error", "index")}
    return failure.index, plain, tuple(report(0, RAISED, failure.error))


def failure_of_parts(index: int, fields: dict[str, Any], raw: Sequence[Any]) -> Failure:
    """Give a failure back.

    Parameters
    ----------
    index, fields, raw
        What `in_parts` gave.

    Returns
    -------
    Failure
    """
    return Failure(index, revive(ItemReport(*raw)), **fields)


def _whole(plain: dict[str, Any], told: Sequence[tuple[Any, ...]]) -> EndedRun:
    failed = {parts[0]: failure_of_parts(*parts) for parts in told}
    return EndedRun(failed=failed, **plain)
