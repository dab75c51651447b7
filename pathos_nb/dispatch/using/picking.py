"""Which points are meant: by a slice, a mask, places, values of parameters, or a question put to each point."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, SupportsIndex

from pathos_nb.dispatch.options import is_count
from pathos_nb.dispatch.using.comparing import same
from pathos_nb.errors import BadOption, Failure

__all__ = ["asked", "picked", "place_of", "where"]

_RELATIVE = 1e-9  # parameters as 0.1 and 3 * (0.1 / 3), which are typed and computed


def place_of(index: SupportsIndex, n: int) -> int:
    """Give a place, counted from the first point.

    Parameters
    ----------
    index : int
        A place; below 0 it counts from the end.
    n : int
        How many points there are.

    Returns
    -------
    int

    Raises
    ------
    IndexError
        There is no such place.
    """
    try:
        return range(n)[index]
    except IndexError:
        points = "is 1 point" if n == 1 else f"are {n:,} points"
        raise IndexError(f"there is no point at {index}: there {points}, counted from 0") from None


def picked(key: Any, n: int) -> Sequence[int]:
    """Give the places that a slice, a mask or a list of places means.

    Parameters
    ----------
    key : slice or sequence
        A mask has one truth value for each point.
    n : int
        How many points there are.

    Returns
    -------
    sequence of int
        In the order asked for.

    Raises
    ------
    BadOption
        The mask is of another length, or it is nothing of these.
    IndexError
        There is no such place.
    """
    if isinstance(key, slice):
        return range(n)[key]
    if isinstance(key, str | bytes | Mapping) or not hasattr(key, "__iter__"):
        raise TypeError(f"a result is indexed by places, slices and masks, not by {type(key).__name__}")
    wanted = list(key)
    if wanted and all(_is_bool(each) for each in wanted):
        if len(wanted) != n:
            raise BadOption(f"the mask has {len(wanted):,} entries for {n:,} points", cure="give one for each point")
        return [index for index, is_in in enumerate(wanted) if is_in]
    if not all(is_count(each) for each in wanted):
        raise TypeError("a result is indexed by places, slices and masks: whole numbers, or truth values")
    return [place_of(each, n) for each in wanted]


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool) or type(value).__name__ in ("bool_", "bool")


def where(columns: Mapping[str, list[Any]], names: Sequence[str], wanted: Mapping[str, Any]) -> list[int]:
    """Give the points whose parameters have given values.

    Parameters
    ----------
    columns : mapping
        The result's table.
    names : sequence of str
        Its parameters.
    wanted : mapping
        Parameter to a value; to a list, set or range of them; or to a callable that is given the parameter's value.

    Returns
    -------
    list of int
        Their places, in order.

    Raises
    ------
    BadOption
        There is no such parameter.
    """
    for name in wanted:
        if name not in names:
            known = ", ".join(names) or "none"
            cure = f"the parameters are {known}; a function may ask for any column"
            raise BadOption(f"there is no parameter {name!r}", cure=cure)
    n = len(next(iter(columns.values()), []))
    return [i for i in range(n) if all(_fits(columns[name][i], value) for name, value in wanted.items())]


def _fits(value: Any, wanted: Any) -> bool:
    if callable(wanted) and not isinstance(wanted, type) and not is_equal(value, wanted):
        return bool(wanted(value))
    if isinstance(wanted, list | set | frozenset | range) and not isinstance(value, type(wanted)):
        return any(is_equal(value, each) for each in wanted)
    return is_equal(value, wanted)


def is_equal(value: Any, wanted: Any) -> bool:
    """Tell whether a parameter has a value; floats may differ in their last digits."""
    if isinstance(value, float) and isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return math.isclose(value, wanted, rel_tol=_RELATIVE) or (value != value and wanted != wanted)
    return value is wanted or same(value, wanted)


def asked(columns: Mapping[str, list[Any]], values: Sequence[Any], question: Callable[..., Any]) -> list[int]:
    """Give the points for which a function says yes.

    Parameters
    ----------
    columns : mapping
        The result's table.
    values : sequence
        The values; a `Failure` where there is none.
    question : callable
        Its parameters are called as columns of the table, such as ``lambda alpha, value: value > alpha``; ``value`` is
        the whole value also where the table has one column for each of its keys.

    Returns
    -------
    list of int
        In order. A point without a value is not asked, unless the function asks for ``error``.

    Raises
    ------
    BadOption
        It asks for what is no column.
    """
    wanted = _parameters(question)
    table = columns if "value" in columns else {**columns, "value": values}
    unknown = [name for name in wanted if name not in table]
    if unknown:
        cure = f"there are {', '.join(table)}"
        raise BadOption(f"the function asks for {', '.join(unknown)}, which is no column", cure=cure)
    may_fail = "error" in wanted
    chosen = [index for index, value in enumerate(values) if may_fail or not isinstance(value, Failure)]
    return [index for index in chosen if question(*(table[name][index] for name in wanted))]


def _parameters(question: Callable[..., Any]) -> list[str]:
    try:
        found = inspect.signature(question).parameters.values()
    except (TypeError, ValueError):
        cure = "give one whose parameters are called as the columns, as lambda value: value > 0"
        raise BadOption(f"{question!r} does not say what it takes", cure=cure) from None
    return [each.name for each in found if each.default is each.empty and each.kind not in (2, 4)]
