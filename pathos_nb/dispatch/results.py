"""What a parallel cell gives back: the values in order, each with the parameters of its point.

A `Results` is a view of its run: while the run goes on (``--bg``) it fills, and what an interrupted or failed run has
finished stays in it.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, overload

from pathos_nb.dispatch.columns import free_name, in_boxes, record_columns, value_columns
from pathos_nb.dispatch.ended import EndedRun, ended
from pathos_nb.dispatch.failed import Errors, tidy
from pathos_nb.dispatch.profile_report import ProfileReport
from pathos_nb.dispatch.record import ItemTimes, Timing, duration, item_times, timing_of
from pathos_nb.dispatch.run import Run
from pathos_nb.dispatch.tables import BAD, FAINT, GOOD, Cell, html_table, html_text, pick_rows, short, text_table
from pathos_nb.dispatch.unrun import Seen
from pathos_nb.dispatch.using.comparing import same
from pathos_nb.dispatch.using.how import How
from pathos_nb.dispatch.using.picking import picked, place_of
from pathos_nb.dispatch.using.selected import Selected
from pathos_nb.dispatch.using.shows import Shows
from pathos_nb.errors import Cancelled, Failure

__all__ = ["Results"]

_N_ROWS, _N_WANTED = 10, 4
_N_WHOLE = 10_000  # of more points no table of all is made before somebody wants it


class Results(Shows):
    """Values in the order of the points, with the parameters of each.

    A point that failed, or that has not been run, holds a `Failure`:
    ``[y for y in results if not isinstance(y, Failure)]`` leaves those out.

    Parameters
    ----------
    run : Run
        The run that makes the values.
    names : sequence of str
        What the parameters are called.
    points : sequence of tuple
        The parameters of each point, in order.
    how : How, optional
        What runs points again, and what a report says of the run.

    Notes
    -----
    A slice, a mask and `where` give results again: views, which fill as these do. They compare as lists do.
    """

    run: Run | EndedRun | Selected

    def __init__(
        self,
        run: Run | EndedRun | Selected,
        names: Sequence[str],
        points: Sequence[tuple[Any, ...]],
        how: How | None = None,
    ) -> None:
        self.run, self.names, self.points = run, tuple(names), points
        self.how = how or How()
        self._parts: list[weakref.ref[Results]] = []
        # Made once when nothing more will come: a table of a million points takes a second.
        self._final: Sequence[Any] | None = None
        self._final_times: ItemTimes | None = None
        self._final_table: dict[str, list[Any]] | None = None

    # the sequence

    def __len__(self) -> int:
        # Of a clause whose end nobody knows a few more points are read than are run.
        return len(self.points) if self.run.total is not None else min(len(self.points), self.run.reach)

    def __reduce__(self) -> tuple[Any, ...]:
        points = list(self.points[: len(self)])
        return Results, (ended(self.run, len(points)), self.names, points, self.how)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice | Sequence[Any]) -> Results: ...
    def __getitem__(self, index: int | slice | Sequence[Any]) -> Any:
        """Give one value; by a slice, a list of places or a mask of truth values, results again."""
        if hasattr(index, "__index__") and not hasattr(index, "__len__"):  # an array has both
            return self._seen()[place_of(index, len(self))]
        return self._picked(picked(index, len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Results | list | tuple):
            return NotImplemented
        return same(list(self), list(other))

    __hash__ = None  # type: ignore[assignment]  # as a list's: what it is equal to changes

    def __iter__(self) -> Iterator[Any]:
        return iter(self._seen())

    def values(self) -> list[Any]:
        """Give all values.

        Returns
        -------
        list
            One entry for each point, in order; a `Failure` where there is no value (yet).
        """
        return list(self._seen())

    def _seen(self) -> Sequence[Any]:
        """Give all values, for looking only."""
        if self._final is not None:
            return self._final
        is_over = self.run.is_over  # asked before: what is over cannot change behind it
        found = self.run.seen()
        if len(found) < len(self):
            found = Seen(found, len(self), is_over=is_over)
        if is_over:
            self._final = found
        return found

    def forget(self) -> None:
        """Forget what was made of the run: its record has grown."""
        self._final = self._final_times = self._final_table = None
        for part in [part() for part in self._parts]:
            if part is not None:
                part.forget()

    def _part(self, run: Selected, points: Sequence[tuple[Any, ...]]) -> Results:
        part = Results(run, self.names, points)
        self._parts = [*(ref for ref in self._parts if ref() is not None), weakref.ref(part)]
        return part

    # the run

    @property
    def run_id(self) -> str:
        """The name of the run, for ``%pathos errors`` and the like."""
        return self.run.run_id

    @property
    def is_over(self) -> bool:
        """Whether nothing more will come."""
        return self.run.is_over

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the run's end.

        Parameters
        ----------
        timeout : float, optional
            Seconds; for ever if None.

        Returns
        -------
        bool
            False if the time ran out first.
        """
        return self.run.wait(timeout)

    def cancel(self) -> None:
        """Stop the run; what is finished stays."""
        self.run.cancel()

    # views

    @property
    def errors(self) -> Errors:
        """The points that failed: a sequence of `Failure`, in the order of the points."""
        failures = dict(self.run.failures)
        real = [failures[i] for i in sorted(failures) if not isinstance(failures[i].error, Cancelled)]
        return Errors(real, self.label)

    @property
    def timing(self) -> Timing:
        """What the run cost and what it gained."""
        failures = dict(self.run.failures).values()
        return timing_of(self._times(), failures, self.run.seconds + getattr(self.run, "earlier_s", 0.0))

    @property
    def profile(self) -> ProfileReport:
        """Where the time went: a flame graph and tables, of a run with ``profile=True`` or ``--profile``."""
        return ProfileReport(self.run, self.label)

    def label(self, index: int) -> str:
        """Say which point it is.

        Parameters
        ----------
        index : int
            The point's place.

        Returns
        -------
        str
            Such as ``alpha=0.1, fold=2``.
        """
        pairs = zip(self.names, self.points[index], strict=True)
        return ", ".join(f"{name}={short(value, 30)}" for name, value in pairs)

    def to_dict(self) -> dict[str, list[Any]]:
        """Give the table as columns.

        Returns
        -------
        dict of str to list
            One column for each parameter; then ``value``, or one column for each key where the values are dicts or
            named tuples; then ``seconds``, ``worker``, ``host``, ``attempt`` (how often the point was begun) and
            ``error``; None where there is none.
        """
        return {name: list(column) for name, column in self._columns().items()}

    def _columns(self) -> dict[str, list[Any]]:
        if self._final_table is not None:
            return self._final_table
        is_over = self.run.is_over
        values = self._seen()
        times = self._times().first(len(values))
        table = self._as_columns(self.points[: len(values)], values, times, dict(self.run.attempts))
        if is_over:
            self._final_table = table
        return table

    def _columns_of(self, values: Sequence[Any], indices: Sequence[int]) -> dict[str, list[Any]]:
        """Give the table of some points: that of ten millions would be larger than the results."""
        attempts, times = self.run.attempts, self._times().of_some(indices)
        begun = {place: attempts[index] for place, index in enumerate(indices) if index in attempts}
        return self._as_columns([self.points[i] for i in indices], [values[i] for i in indices], times, begun)

    def _as_columns(
        self, points: Sequence[tuple[Any, ...]], values: Sequence[Any], times: ItemTimes, attempts: Mapping[int, int]
    ) -> dict[str, list[Any]]:
        columns = map(list, zip(*points, strict=True)) if points else ([] for _ in self.names)
        table: dict[str, list[Any]] = dict(zip(self.names, columns, strict=True))
        record = record_columns(values, times, attempts, self.run.is_over)
        for name, column in [*value_columns(values), *record]:
            table[free_name(name, table)] = column
        return table

    def _times(self) -> ItemTimes:
        if self._final_times is not None:
            return self._final_times
        is_over = self.run.is_over
        chunks = iter(self.run.chunks)  # what there is now, before the points are counted: each has its point
        times = item_times(chunks, len(self.points))
        if is_over:
            self._final_times = times
        return times

    def to_pandas(self) -> Any:
        """Give the table as a DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each point, with the columns of `to_dict`.

        Raises
        ------
        ImportError
            Where pandas is not installed; `to_dict` needs nothing.
        """
        try:
            import pandas
        except ImportError:
            raise ImportError("to_pandas() needs pandas: pip install pandas; to_dict() works without") from None
        series = {name: pandas.Series(in_boxes(column)) for name, column in self._columns().items()}
        return pandas.DataFrame(series)

    # looks

    def summary(self) -> str:
        """Say in one line what there is.

        Returns
        -------
        str
            Such as ``fits: 200 points, 3 failed, 1.9 s for 3.7 s of work on 2 workers``.
        """
        n_failed, n_done = len(self.errors), self.run.n_done
        parts = [f"{self.run.title or 'Results'}: {_count(len(self), 'point')}"]
        parts += [f"{n_done} finished"] if n_done < len(self) else []
        parts += [f"{n_failed} failed"] if n_failed else []
        parts += [str(self.timing)] if self.run.is_over else [f"running for {duration(self.run.seconds)}"]
        return ", ".join(parts)

    def __repr__(self) -> str:
        columns, rows = self._table()
        return f"{self.summary()}\n{text_table(columns, rows)}"

    def _repr_html_(self) -> str:
        columns, rows = self._table()
        return f'<div class="pathos-nb-results">{_headline(self)}{html_table(columns, rows)}{_rest(self)}</div>'

    def _table(self) -> tuple[list[str], list[Sequence[Cell] | None]]:
        values = self._seen()
        picked = pick_rows(len(values), _N_ROWS, [f.index for f in self.errors[:_N_WANTED]])
        indices = range(len(values)) if len(values) <= _N_WHOLE else [i for i in picked if i is not None]
        table = self._columns() if len(indices) == len(values) else self._columns_of(values, indices)
        *given, seconds, _, _, _, error = table
        shown = [*given, seconds, error] if any(table[error]) else [*given, seconds]

        def row(index: int) -> list[Cell]:
            failure, at = values[index] if isinstance(values[index], Failure) else None, indices.index(index)
            cells = [_cell(table[name][at], failure) for name in given]
            cells += [_seconds_cell(table[seconds][at]), _error_cell(table[error][at], failure)]
            return cells[: len(shown)]

        return shown, [None if index is None else row(index) for index in picked]


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def _cell(value: Any, failure: Failure | None) -> Cell:
    return Cell("" if value is None and failure is not None else short(value))


def _seconds_cell(seconds: float | None) -> Cell:
    return Cell("" if seconds is None else duration(seconds))


def _error_cell(text: str | None, failure: Failure | None) -> Cell:
    if failure is None or isinstance(failure.error, Cancelled):
        return Cell(text or "")
    return Cell(text or "", BAD, tidy(failure.traceback))


def _headline(results: Results) -> str:
    color = {"done": GOOD, "failed": BAD, "cancelled": BAD}.get(results.run.state, "")
    if results.errors:
        color = BAD
    dot = f'<span style="color:{color or "inherit"}">●</span>' if color else "●"
    return f"<div>{dot} {html_text(results.summary())}</div>"


def _rest(results: Results) -> str:
    if len(results) <= _N_ROWS + 2:
        return ""
    return f'<div style="font-size:12px;{FAINT}">.to_pandas() gives all {len(results):,} points</div>'
