"""Whether two values are the same: numbers with NaN, arrays, tables, containers of these; and where they differ."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from pathos_nb.dispatch.tables import short
from pathos_nb.wire.serialization import dump

__all__ = ["EXACT", "Tolerance", "difference", "same"]

_DEPTH = 20


class Tolerance(NamedTuple):
    """How far two numbers may lie apart: ``absolute + relative * |expected|``."""

    relative: float = 0.0
    absolute: float = 0.0

    def __str__(self) -> str:
        if self == EXACT:
            return "exactly"
        parts = [f"{self.relative:g} of the value"] * bool(self.relative) + [f"{self.absolute:g}"] * bool(self.absolute)
        return f"within {' or '.join(parts)}"


EXACT = Tolerance()


def same(found: Any, expected: Any, tolerance: Tolerance = EXACT) -> bool:
    """Tell whether two values are the same.

    Parameters
    ----------
    found, expected : object
        Any values; NaN is the same as NaN.
    tolerance : Tolerance
        For numbers.

    Returns
    -------
    bool
        True or False, also for arrays.
    """
    return not difference(found, expected, tolerance)


def difference(found: Any, expected: Any, tolerance: Tolerance = EXACT, depth: int = _DEPTH) -> str:
    """Say where two values differ.

    Parameters
    ----------
    found, expected : object
        Any values.
    tolerance : Tolerance
        For numbers.
    depth : int
        How deep to look into containers.

    Returns
    -------
    str
        Such as ``[2]['r2']: 0.5 is not 0.25``; empty if they do not differ.
    """
    if found is expected:
        return ""
    for fits, compare in _KINDS:
        if fits(found) or fits(expected):
            if not (fits(found) and fits(expected)):
                return f": {_kind(found)} is not {_kind(expected)}"
            return compare(found, expected, tolerance, depth - 1) if depth else ""
    return _plain(found, expected)


def _kind(value: Any) -> str:
    return f"{short(value, 40)} ({type(value).__name__})"


def _plain(found: Any, expected: Any) -> str:
    try:
        is_same = bool(found == expected)
    except Exception:  # whatever the values' own comparison raises
        is_same = False
    has_no_own = getattr(type(found), "__eq__", None) is getattr(object, "__eq__", None)
    if not is_same and has_no_own and type(found) is type(expected):
        is_same = _is_alike(found, expected)
    return "" if is_same else f": {short(found, 40)} is not {short(expected, 40)}"


def _is_alike(found: Any, expected: Any) -> bool:
    """Compare objects that have no comparison of their own by what they hold: a fitted model, say."""
    try:
        return bytes(dump(found, 1 << 62).body) == bytes(dump(expected, 1 << 62).body)
    except Exception:  # what cannot be pickled
        return False


def _numbers(found: Any, expected: Any, tolerance: Tolerance, depth: int) -> str:
    if found == expected or (found != found and expected != expected):
        return ""
    is_finite = not any(_is_odd(value) for value in (found, expected))
    gap = abs(found - expected) if is_finite else math.inf
    if gap <= tolerance.absolute + tolerance.relative * abs(expected):
        return ""
    by = f", {gap:.3g} apart" if is_finite else ""
    return f": {found!r} is not {expected!r}{by}"


def _is_odd(value: Any) -> bool:
    return bool(value != value) or abs(value) == math.inf


def _sequences(found: Sequence[Any], expected: Sequence[Any], tolerance: Tolerance, depth: int) -> str:
    if type(found) is not type(expected) and not (isinstance(found, list) and isinstance(expected, list)):
        return f": {_kind(found)} is not {_kind(expected)}"
    if len(found) != len(expected):
        return f": {len(found)} entries are not {len(expected)}"
    for place, pair in enumerate(zip(found, expected, strict=True)):
        if told := difference(*pair, tolerance, depth):
            return f"[{place}]{told}"
    return ""


def _mappings(found: Mapping[Any, Any], expected: Mapping[Any, Any], tolerance: Tolerance, depth: int) -> str:
    if odd := [key for key in [*found, *expected] if key not in found or key not in expected]:
        return f"[{short(odd[0], 30)}]: only in one of them"
    for key, value in found.items():
        if told := difference(value, expected[key], tolerance, depth):
            return f"[{short(key, 30)}]{told}"
    return ""


def _arrays(found: Any, expected: Any, tolerance: Tolerance, depth: int) -> str:
    import numpy

    if found.shape != expected.shape:
        return f": shape {found.shape} is not {expected.shape}"
    if found.dtype.kind not in "biufcmM" or expected.dtype.kind not in "biufcmM":
        pairs = zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True)
        odd = ((i, told) for i, pair in enumerate(pairs) if (told := difference(*pair, tolerance, depth)))
        place, told = next(odd, (0, ""))
        return told and f"[{_position(numpy, place, found.shape)}]{told}"
    is_odd = ~_is_close(numpy, found, expected, tolerance)
    n = int(numpy.count_nonzero(is_odd))
    if not n:
        return ""
    place = int(numpy.flatnonzero(is_odd.ravel())[0])
    pair = f"{found.ravel()[place]} is not {expected.ravel()[place]}"
    return f"[{_position(numpy, place, found.shape)}]: {pair}; {n:,} of {found.size:,} entries differ"


def _position(numpy: Any, place: int, shape: tuple[int, ...]) -> str:
    return ", ".join(str(int(i)) for i in numpy.unravel_index(place, shape)) if shape else ""


def _is_close(numpy: Any, found: Any, expected: Any, tolerance: Tolerance) -> Any:
    is_same = numpy.asarray((found == expected) | ((found != found) & (expected != expected)))
    if tolerance == EXACT or found.dtype.kind in "bmM" or expected.dtype.kind in "bmM":
        return is_same
    rest = {"rtol": tolerance.relative, "atol": tolerance.absolute, "equal_nan": True}
    return is_same | numpy.isclose(found, expected, **rest)


def _tables(found: Any, expected: Any, tolerance: Tolerance, depth: int) -> str:
    """Compare data frames and series, column by column: values, labels and index."""
    if type(found) is not type(expected) or found.shape != expected.shape:
        return f": {_kind(found)} of shape {found.shape} is not {_kind(expected)} of shape {expected.shape}"
    if not found.index.equals(expected.index):
        return ".index: other labels"
    if not hasattr(found, "columns"):
        return difference(found.to_numpy(), expected.to_numpy(), tolerance, depth)
    if list(found.columns) != list(expected.columns):
        return ".columns: other names"
    for place, name in enumerate(found.columns):
        pair = found.iloc[:, place].to_numpy(), expected.iloc[:, place].to_numpy()
        if told := difference(*pair, tolerance, depth):
            return f"[{short(name, 30)}]{told}"
    return ""


def _is_number(value: Any) -> bool:
    is_scalar = getattr(value, "shape", None) == () and getattr(getattr(value, "dtype", None), "kind", "") in "biufc"
    return isinstance(value, int | float | complex) or is_scalar


def _is_table(value: Any) -> bool:
    return hasattr(value, "iloc") and hasattr(value, "index") and hasattr(value, "to_numpy")


def _is_array(value: Any) -> bool:
    return isinstance(getattr(value, "shape", None), tuple) and hasattr(value, "dtype") and hasattr(value, "ravel")


def _is_sequence(value: Any) -> bool:
    return isinstance(value, list | tuple)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


_Compare = Callable[[Any, Any, Tolerance, int], str]
_KINDS: tuple[tuple[Callable[[Any], bool], _Compare], ...] = (
    (_is_number, _numbers),
    (_is_table, _tables),
    (_is_array, _arrays),
    (_is_mapping, _mappings),
    (_is_sequence, _sequences),
)
