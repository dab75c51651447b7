"""A sweep over a grid as a labelled array: one dimension for each parameter."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any

from pathos_nb.dispatch.columns import free_name
from pathos_nb.dispatch.store.canonical import digest
from pathos_nb.dispatch.tables import short
from pathos_nb.errors import BadOption, CannotKey

__all__ = ["Axis", "to_dataset"]

_MOST_EMPTY = 100  # cells for each point, in a grid that is larger than this
_SMALL = 10_000
_NUMBERS, _SORTED = "iufc", "biufcUMm"
_ROWS = "to_pandas() gives the points as rows"


class Axis:
    """The values of one parameter, in the order of their first points.

    Parameters
    ----------
    name : str
        The parameter.
    column : sequence
        Its value in each point.

    Attributes
    ----------
    values : list
        The different ones.
    codes : list of int
        For each point the place of its value among them.
    """

    def __init__(self, name: str, column: Sequence[Any]) -> None:
        self.name, self.values, self.is_plain = name, list[Any](), True
        places: dict[Any, int] = {}
        self.codes = [self._code(value, places) for value in column]

    def _code(self, value: Any, places: dict[Any, int]) -> int:
        try:
            key: Any = value if value == value else math.nan
            hash(key)
        except Exception:  # an array or a list
            key, self.is_plain = _content_of(value), False
        if key not in places:
            places[key] = len(places)
            self.values.append(value)
        return places[key]

    def __len__(self) -> int:
        return len(self.values)


def _content_of(value: Any) -> tuple[str, Any]:
    """Give what tells a value that is no key of a dict from others: its content, or which object it is."""
    try:
        return "content", digest(value)
    except CannotKey:
        return "id", id(value)


def to_dataset(
    names: Sequence[str], columns: Mapping[str, list[Any]], dims: Sequence[str] | None, attributes: dict[str, Any]
) -> Any:
    """Lay a table out as a grid.

    Parameters
    ----------
    names : sequence of str
        The parameters, which are the first columns.
    columns : mapping
        The table.
    dims : sequence of str, optional
        Which parameters are dimensions; the others become coordinates along these.
    attributes : dict
        Of the dataset.

    Returns
    -------
    xarray.Dataset
        One variable for each other column; NaN or None where there is no point, or no value. A dimension of lists or
        arrays counts them from 0, and a coordinate ``NAME_values`` has them.

    Raises
    ------
    BadOption
        The points are no grid.
    ImportError
        xarray is not installed.
    """
    try:
        import xarray
    except ImportError:
        raise ImportError(f"to_xarray() needs xarray: pip install xarray; {_ROWS}") from None
    axes = {name: Axis(name, columns[name]) for name in _checked(dims, names)}
    flat, shape = _places(list(axes.values()), is_chosen=dims is not None)
    coordinates = {name: (name, _ticks(axis)) for name, axis in axes.items()}
    for name, axis in axes.items():
        if not axis.is_plain:
            coordinates[free_name(f"{name}_values", columns)] = name, _boxes(axis.values)
    others = [Axis(name, columns[name]) for name in names if name not in axes]
    coordinates |= {each.name: _along(each, axes, flat, shape) for each in others}
    variables = {
        name: _variable(name, column, flat, tuple(axes), shape) for name, column in columns.items() if name not in names
    }
    return xarray.Dataset(variables, coordinates, attributes)


def _checked(dims: Sequence[str] | None, names: Sequence[str]) -> Sequence[str]:
    chosen = tuple(names if dims is None else dims)
    unknown = [name for name in chosen if name not in names]
    if unknown or not chosen or len(set(chosen)) < len(chosen):
        what = f"there is no parameter {unknown[0]!r}" if unknown else "a grid wants a dimension, and each one once"
        raise BadOption(what, cure=f"the parameters are {', '.join(names) or 'none'}; {_ROWS}")
    return chosen


def _places(axes: Sequence[Axis], *, is_chosen: bool) -> tuple[list[int], tuple[int, ...]]:
    """Give each point's place in the flat grid, and the grid's shape."""
    shape, n = tuple(map(len, axes)), len(axes[0].codes)
    if pair := None if is_chosen or math.prod(shape) <= n else _linked(axes):
        rest = ", ".join(repr(axis.name) for axis in axes if axis is not pair[1])
        what = f"{pair[0].name} and {pair[1].name} move together, as zip makes them, and are no grid"
        raise BadOption(what, cure=f"to_xarray([{rest}]) gives {pair[1].name} along {pair[0].name}; {_ROWS}")
    if math.prod(shape) > max(_SMALL, _MOST_EMPTY * n):
        sizes = " × ".join(f"{size:,}" for size in shape)
        raise BadOption(f"{n:,} points are no grid of {sizes}", cure=f"name fewer parameters as dimensions, or {_ROWS}")
    steps = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
    rows = zip(*(axis.codes for axis in axes), strict=True)
    flat = [sum(code * step for code, step in zip(row, steps, strict=True)) for row in rows]
    _check_once(flat, axes)
    return flat, shape


def _linked(axes: Sequence[Axis]) -> tuple[Axis, Axis] | None:
    """Find two parameters each value of which comes with one of the other's only."""
    for one, other in itertools.combinations(axes, 2):
        if len(one) == len(other) > 1 and len(set(zip(one.codes, other.codes, strict=True))) == len(one):
            return one, other
    return None


def _check_once(flat: Sequence[int], axes: Sequence[Axis]) -> None:
    if len(set(flat)) == len(flat):
        return
    seen: dict[int, int] = {}
    for index, place in enumerate(flat):
        if place in seen:
            at = ", ".join(f"{axis.name}={short(axis.values[axis.codes[index]], 30)}" for axis in axes)
            what = f"the points are no grid: those at {seen[place]} and {index} have the same {at}"
            raise BadOption(what, cure=f"leave one out, or name more parameters as dimensions; {_ROWS}")
        seen[place] = index


def _ticks(axis: Axis) -> Any:
    """Give the labels of a dimension: the values themselves where they can be looked up."""
    import numpy

    if not axis.is_plain:
        return numpy.arange(len(axis))
    return _plain_array(axis.values)


def _plain_array(values: Sequence[Any]) -> Any:
    import numpy

    try:
        found = numpy.asarray(values)
    except Exception:  # whatever the values' own conversion raises
        found = None
    is_mixed = len({isinstance(v, str) for v in values}) > 1  # numpy would make texts of the numbers
    if found is not None and found.ndim == 1 and found.dtype.kind in _SORTED and not is_mixed:
        return found
    return _boxes(values)


def _boxes(values: Sequence[Any]) -> Any:
    import numpy

    box = numpy.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        box[place] = value
    return box


def _along(axis: Axis, axes: Mapping[str, Axis], flat: Sequence[int], shape: tuple[int, ...]) -> Any:
    """Give a parameter that is no dimension: along the one dimension that it goes with, or along all."""
    for name, dimension in axes.items():
        pairs = dict(zip(dimension.codes, axis.codes, strict=True))
        if all(pairs[code] == other for code, other in zip(dimension.codes, axis.codes, strict=True)):
            return name, _plain_array([axis.values[pairs[code]] for code in range(len(dimension))])
    return _variable(axis.name, [axis.values[code] for code in axis.codes], flat, tuple(axes), shape)


def _variable(name: str, column: Sequence[Any], flat: Sequence[int], dims: tuple[str, ...], shape: Any) -> Any:
    good = [(place, value) for place, value in zip(flat, column, strict=True) if value is not None]
    is_full = len(good) == math.prod(shape)
    inner = _common_shape([value for _, value in good])
    if inner is None:
        return dims, _objects(good, shape)
    array = _numbers(good, shape, inner, is_full)
    return (*dims, *(f"{name}_{place}" for place in range(len(inner)))), array


def _common_shape(values: Sequence[Any]) -> tuple[int, ...] | None:
    """Give the shape of each of the values, if all are numbers, or arrays of numbers, of one shape."""
    import numpy

    found: tuple[int, ...] | None = None
    for value in values:
        is_array = isinstance(value, numpy.ndarray | numpy.generic)
        if isinstance(value, bool) or not (is_array or isinstance(value, int | float | complex)):
            return None
        if is_array and value.dtype.kind not in _NUMBERS:
            return None
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 63:
            return None
        shape = value.shape if is_array else ()
        if found is not None and shape != found:
            return None
        found = shape
    return found


def _numbers(good: Sequence[tuple[int, Any]], shape: tuple[int, ...], inner: tuple[int, ...], is_full: bool) -> Any:
    import numpy

    kind = numpy.result_type(*{numpy.asarray(value).dtype for _, value in good})
    kind = kind if is_full or kind.kind in "fc" else numpy.result_type(kind, numpy.float64)
    array = numpy.full((math.prod(shape), *inner), 0 if kind.kind in "iu" else numpy.nan, dtype=kind)
    for place, value in good:
        array[place] = value
    return array.reshape((*shape, *inner))


def _objects(good: Sequence[tuple[int, Any]], shape: tuple[int, ...]) -> Any:

    values: list[Any] = [None] * math.prod(shape)
    for place, value in good:
        values[place] = value
    is_full, is_text = len(good) == len(values), all(isinstance(v, str | bool) for v in values)
    array = _plain_array(values) if values and is_full and is_text else _boxes(values)
    return array.reshape(shape)
