"""Any value as plain data, for JSON: numbers and texts as they are, arrays as lists, all else as a short text."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from pathos_nb.dispatch.tables import short

__all__ = ["as_plain"]

_MOST_ENTRIES, _DEPTH, _CHARACTERS = 1000, 6, 500
_EXACT = 1 << 53  # the largest whole number that every reader of JSON takes exactly


def as_plain(value: Any, depth: int = _DEPTH) -> Any:
    """Give a value as JSON can hold it.

    Parameters
    ----------
    value : object
        Anything.
    depth : int
        How deep to look into containers.

    Returns
    -------
    object
        None for NaN, ``"Infinity"`` for infinity, a text for whole numbers beyond 2**53, lists for arrays and tuples
        of up to a thousand entries, a short text for what is no data.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value) if -_EXACT <= value <= _EXACT else str(int(value))
    if isinstance(value, float):
        return _number(float(value))
    if isinstance(value, str):
        return str(value)
    if hasattr(value, "dtype") and hasattr(value, "tolist"):
        return _array(value, depth)
    return _container(value, depth) if depth else short(value, _CHARACTERS)


def _number(value: float) -> float | str | None:
    if math.isnan(value):
        return None
    return value if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _array(value: Any, depth: int) -> Any:
    if getattr(value, "size", 0) > _MOST_ENTRIES or not depth:
        return short(value, _CHARACTERS)
    plain = value.tolist()
    return short(value, _CHARACTERS) if type(plain) is type(value) else as_plain(plain, depth)


def _container(value: Any, depth: int) -> Any:
    is_container = isinstance(value, list | tuple | Mapping)
    if not is_container or len(value) > _MOST_ENTRIES:
        return short(value, _CHARACTERS)
    if isinstance(value, Mapping):
        return {key if isinstance(key, str) else short(key): as_plain(each, depth - 1) for key, each in value.items()}
    return [as_plain(each, depth - 1) for each in value]
