"""What a parallel cell gives back: the values in order, each with the parameters of its point.

A `Results` is a view of its run: while the run goes on (``--bg``) it fills, and what an interrupted or failed run has
finished stays in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol, overload

from pathos_nb.dispatch.record import Span, Timing, duration, item_spans, timing_of
from pathos_nb.dispatch.tables import BAD, FAINT, GOOD, Cell, html_table, rows_of, short, text_table
from pathos_nb.errors import Cancelled, Failure
from pathos_nb.events import ChunkDone

__all__ = ["Errors", "Results", "RunView"]

_N_ROWS, _N_WANTED = 10, 4


class RunView(Protocol):
    """The part of a run that its results are made from."""

    @property
    def run_id(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def n_done(self) -> int: ...
    @property
    def state(self) -> str: ...
    @property
    def seconds(self) -> float: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def failures(self) -> Mapping[int, Failure]: ...
    @property
    def chunks(self) -> Sequence[ChunkDone]: ...

    def values(self) -> list[Any]: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def cancel(self) -> None: ...


class Results(Sequence[Any]):
    """Values in the order of the points, with the parameters of each.

    A point that failed, or that has not been run, holds a `Failure`, which is false: ``[y for y in results if y]``.

    Parameters
    ----------
    run : RunView
        The run that makes the values.
    names : sequence of str
        What the parameters are called.
    points : sequence of tuple
        The parameters of each point, in order.
    """

    def __init__(self, run: RunView, names: Sequence[str], points: Sequence[tuple[Any, ...]]) -> None:
        self.run, self.names, self.points = run, tuple(names), points
        self._final: list[Any] | None = None

    # the sequence

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Give one value, or a list of them."""
        return self.values()[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values())

    def values(self) -> list[Any]:
        """Give all values.

        Returns
        -------
        list
            One entry for each point, in order; a `Failure` where there is no value (yet).
        """
        if self._final is not None:
            return self._final
        is_over = self.run.is_over  # asked before: what is over cannot change behind it
        found = self.run.values()
        found += [_not_run(i) for i in range(len(found), len(self.points))]
        if is_over:
            self._final = found
        return found

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
        failures = [v for v in self.values() if isinstance(v, Failure) and not isinstance(v.error, Cancelled)]
        return Errors(failures, self.label)

    @property
    def timing(self) -> Timing:
        """What the run cost and what it gained."""
        failures = dict(self.run.failures).values()
        return timing_of(self._spans(), failures, self.run.seconds)

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
            named tuples; then ``seconds``, ``worker`` and ``error`` (None where there is none).
        """
        is_over, values, spans = self.run.is_over, self.values(), self._spans()
        names = list(self.names)
        columns = dict(zip(names, map(list, zip(*self.points, strict=True)), strict=True)) if self.points else {}
        table: dict[str, list[Any]] = {name: columns.get(name, []) for name in names}
        for name, column in [*_value_columns(values), *_record_columns(values, spans, is_over)]:
            table[_free_name(name, table)] = column
        return table

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
        series = {name: pandas.Series(_boxed(column)) for name, column in self.to_dict().items()}
        return pandas.DataFrame(series)

    def _spans(self) -> dict[int, Span]:
        return item_spans(list(self.run.chunks))

    # looks

    def summary(self) -> str:
        """Say in one line what there is.

        Returns
        -------
        str
            Such as ``fits: 200 points, 3 failed, 1.9 s for 3.7 s of work on 2 workers``.
        """
        n_failed, n_done = len(self.errors), sum(not _is_unfinished(v) for v in self.values())
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
        table = self.to_dict()
        columns = [name for name in table if name != "worker"]
        if not any(table["error"]):
            columns.remove("error")
        values = self.values()

        def row(index: int) -> list[Cell]:
            failure = values[index] if isinstance(values[index], Failure) else None
            return [_cell(name, table[name][index], failure) for name in columns]

        return columns, rows_of(values, _N_ROWS, row, [f.index for f in self.errors[:_N_WANTED]])


class Errors(Sequence[Failure]):
    """The failures of a run, which show themselves as a table.

    Parameters
    ----------
    failures : sequence of Failure
        In the order of the items.
    label : callable
        From an index to what the item is called.
    """

    def __init__(self, failures: Sequence[Failure], label: Any = None) -> None:
        self._failures, self._label = list(failures), label or (lambda index: f"item {index}")

    def __len__(self) -> int:
        return len(self._failures)

    @overload
    def __getitem__(self, index: int) -> Failure: ...
    @overload
    def __getitem__(self, index: slice) -> list[Failure]: ...
    def __getitem__(self, index: int | slice) -> Any:
        """Give the n-th failure, or a list of them."""
        return self._failures[index]

    def _rows(self) -> list[Sequence[Cell] | None]:
        return rows_of(self._failures, 2 * _N_ROWS, lambda i: self._row(self._failures[i]))

    def _row(self, failure: Failure) -> list[Cell]:
        error = Cell(describe(failure), BAD, failure.traceback)
        return [Cell(str(failure.index)), Cell(self._label(failure.index)), error, Cell(failure.worker)]

    def __repr__(self) -> str:
        return text_table(_ERROR_COLUMNS, self._rows()) if self._failures else "no errors"

    def _repr_html_(self) -> str:
        return html_table(_ERROR_COLUMNS, self._rows()) if self._failures else "no errors"


_ERROR_COLUMNS = ("index", "point", "error", "worker")


def describe(failure: Failure) -> str:
    """Say what went wrong in one line.

    Parameters
    ----------
    failure : Failure
        What is kept of it.

    Returns
    -------
    str
        The exception's type and the first line of its text.
    """
    first = str(failure.error).strip().partition("\n")[0]
    return short_text(f"{type(failure.error).__name__}: {first}" if first else type(failure.error).__name__)


def short_text(text: str, n_characters: int = 160) -> str:
    """Cut a text that is too long.

    Parameters
    ----------
    text : str
        One line.
    n_characters : int
        At most so many.

    Returns
    -------
    str
        With an ellipsis where it was cut.
    """
    return text if len(text) <= n_characters else text[: n_characters - 1] + "…"


def _not_run(index: int) -> Failure:
    return Failure(index, Cancelled("not run", index=index))


def _is_unfinished(value: object) -> bool:
    return isinstance(value, Failure) and isinstance(value.error, Cancelled)


def _count(n: int, noun: str) -> str:
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def _value_columns(values: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    rows = [_as_mapping(v) for v in values]
    found = [row for value, row in zip(values, rows, strict=True) if not isinstance(value, Failure)]
    if not found or any(row is None for row in found):
        return [("value", [None if isinstance(v, Failure) else v for v in values])]
    keys = dict.fromkeys(key for row in found if row for key in row)
    return [(key, [row.get(key) if row else None for row in rows]) for key in keys]


def _as_mapping(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return dict(value._asdict())
    is_row = isinstance(value, Mapping) and value and all(isinstance(key, str) for key in value)
    return value if is_row else None


def _record_columns(values: Sequence[Any], spans: Mapping[int, Span], is_over: bool) -> list[tuple[str, list[Any]]]:
    failures = {v.index: v for v in values if isinstance(v, Failure)}
    seconds: list[Any] = [spans[i].seconds if i in spans else _lost_seconds(failures.get(i)) for i in range(len(values))]
    workers = [spans[i].worker if i in spans else getattr(failures.get(i), "worker", "") for i in range(len(values))]
    errors = [_error_text(failures[i], is_over) if i in failures else None for i in range(len(values))]
    return [("seconds", seconds), ("worker", workers), ("error", errors)]


def _error_text(failure: Failure, is_over: bool) -> str | None:
    if isinstance(failure.error, Cancelled):
        return ("stopped" if failure.attempt and failure.worker else "not run") if is_over else None
    return describe(failure)


def _lost_seconds(failure: Failure | None) -> float | None:
    return failure.seconds if failure is not None and failure.worker else None


def _free_name(name: str, taken: Mapping[str, Any]) -> str:
    while name in taken:
        name += "_"
    return name


def _boxed(column: list[Any]) -> Any:
    """Keep arrays and lists as single entries: pandas would take them apart, or refuse."""
    import numpy

    if not any(hasattr(v, "__len__") and not isinstance(v, str | bytes) for v in column):
        return column
    box = numpy.empty(len(column), dtype=object)
    for index, value in enumerate(column):
        box[index] = value
    return box


def _cell(name: str, value: Any, failure: Failure | None) -> Cell:
    if name == "seconds":
        return Cell("" if value is None else duration(value))
    if name == "error" and failure is not None:
        is_error = not isinstance(failure.error, Cancelled)
        return Cell(value or "", BAD if is_error else "", failure.traceback if is_error else "")
    return Cell("" if value is None and failure is not None else "" if name == "error" else short(value))


def _headline(results: Results) -> str:
    from html import escape

    color = {"done": GOOD, "failed": BAD, "cancelled": BAD}.get(results.run.state, "")
    if results.errors:
        color = BAD
    dot = f'<span style="color:{color or "inherit"}">●</span>' if color else "●"
    return f"<div>{dot} {escape(results.summary())}</div>"


def _rest(results: Results) -> str:
    if len(results) <= _N_ROWS + 2:
        return ""
    return f'<div style="font-size:12px;{FAINT}">.to_pandas() gives all {len(results):,} points</div>'
