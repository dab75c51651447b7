"""The columns of a result's table: what the items gave, how long they took, where, and what went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pathos_nb.dispatch.failed import describe
from pathos_nb.dispatch.record import ItemTimes
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
    rows = None if _is_plain(values) else [_as_mapping(v) for v in values]
    if rows is None or any(row is None for row, v in zip(rows, values, strict=True) if not isinstance(v, Failure)):
        return [("value", [None if isinstance(v, Failure) else v for v in values])]
    keys = dict.fromkeys(key for row in rows if row for key in row)
    return [(key, [row.get(key) if row else None for row in rows]) for key in keys]


def _is_plain(values: Sequence[Any]) -> bool:
    """Tell by the first good value, so that a million numbers cost nothing."""
    first = next((v for v in values if not isinstance(v, Failure)), None)
    return _as_mapping(first) is None


def _as_mapping(value: Any) -> Mapping[str, Any] | None:
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return dict(value._asdict())
    is_row = isinstance(value, Mapping) and value and all(isinstance(key, str) for key in value)
    return value if is_row else None


def record_columns(
    values: Sequence[Any], times: ItemTimes, attempts: Mapping[int, int], is_over: bool
) -> list[tuple[str, list[Any]]]:
    """Give how long each item took, where, and what went wrong.

    Parameters
    ----------
    values : sequence
        As in `value_columns`.
    times : ItemTimes
        Of the same items.
    attempts : mapping
        How often an item was begun before, where it was.
    is_over : bool
        Whether items that are not there will not come any more.

    Returns
    -------
    list of (str, list)
        ``seconds``, ``worker``, ``host``, ``attempt`` and ``error``.
    """
    seconds, workers, hosts = list(times.seconds), list(times.workers), list(times.hosts)
    errors: list[str | None] = [None] * len(values)
    for index, failure in enumerate(values):
        if isinstance(failure, Failure):
            errors[index] = _error_text(failure, is_over)
            if seconds[index] is None and failure.worker:  # its worker died, or was stopped
                seconds[index], workers[index], hosts[index] = failure.seconds or None, failure.worker, failure.host
    begun = [attempts.get(index, 0) + 1 if worker else None for index, worker in enumerate(workers)]
    told = [("seconds", seconds), ("worker", workers), ("host", hosts), ("attempt", begun), ("error", errors)]
    return told  # type: ignore[return-value]  # columns of several kinds


def _error_text(failure: Failure, is_over: bool) -> str | None:
    if isinstance(failure.error, Cancelled):
        return ("stopped" if failure.attempt and failure.worker else "not run") if is_over else None
    return describe(failure)


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
