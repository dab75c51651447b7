"""The columns of a result's table: what the items gave, how long they took, where, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pathos_nb.dispatch.failed import describe
from pathos_nb.dispatch.record import Span
from pathos_nb.errors import Cancelled, Failure

__all__ = ["free_name", "in_boxes", "record_columns", "value_columns"]


def value_columns(values: Sequence[Any]) -> list[tuple[str, list[Any]]]:
    """Give what the items gave.

    Parameters
    ----------
    values : sequence
        One for each item; a `Failure` where there is none.

    Returns
    -------
    list of (str, list)
        One column ``value``, or one for each key if all values are dicts with names as keys, or named tuples.
    """
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


def record_columns(values: Sequence[Any], spans: Mapping[int, Span], is_over: bool) -> list[tuple[str, list[Any]]]:
    """Give how long each item took, where, and what went wrong.

    Parameters
    ----------
    values : sequence
        As in `value_columns`.
    spans : mapping
        From index to `Span`.
    is_over : bool
        Whether items that are not there will not come any more.

    Returns
    -------
    list of (str, list)
        ``seconds``, ``worker`` and ``error``.
    """
    failures = {v.index: v for v in values if isinstance(v, Failure)}
    seconds: list[Any] = [
        spans[i].seconds if i in spans else _lost_seconds(failures.get(i)) for i in range(len(values))
    ]
    workers = [spans[i].worker if i in spans else getattr(failures.get(i), "worker", "") for i in range(len(values))]
    errors = [_error_text(failures[i], is_over) if i in failures else None for i in range(len(values))]
    return [("seconds", seconds), ("worker", workers), ("error", errors)]


def _error_text(failure: Failure, is_over: bool) -> str | None:
    if isinstance(failure.error, Cancelled):
        return ("stopped" if failure.attempt and failure.worker else "not run") if is_over else None
    return describe(failure)


def _lost_seconds(failure: Failure | None) -> float | None:
    return failure.seconds if failure is not None and failure.worker else None


def free_name(name: str, taken: Mapping[str, Any]) -> str:
    """Give a name that is not taken yet, by adding underscores.

    Parameters
    ----------
    name : str
        The name wished for.
    taken : mapping
        Those that there are.

    Returns
    -------
    str
        It, or one like it.
    """
    while name in taken:
        name += "_"
    return name


def in_boxes(column: list[Any]) -> Any:
    """Keep arrays and lists as single entries: pandas would take them apart, or refuse.

    Parameters
    ----------
    column : list
        Any values.

    Returns
    -------
    list or numpy.ndarray
        The list itself if it has plain values only.
    """
    import numpy

    if not any(hasattr(v, "__len__") and not isinstance(v, str | bytes) for v in column):
        return column
    box = numpy.empty(len(column), dtype=object)
    for index, value in enumerate(column):
        box[index] = value
    return box
