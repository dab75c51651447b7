"""What a plot of a result shows, before anything is drawn: a pure function of the table.

::

    table ──► parameters that vary, by kind and number of values ──► who is x, who is colour, who has panels
                                                                     line · scatter · heat · bar

A number along x with one value each is a line; what was drawn at random, a scatter; two that fill a grid, a heat map.
A parameter of few values becomes colour or small multiples, and what is left over is averaged, which the note says.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from pathos_nb.dispatch.tables import short
from pathos_nb.errors import BadOption

__all__ = ["Asked", "Drawing", "Panel", "Scale", "choose"]

_MOST_MARKS, _MOST_PANELS, _MOST_COLORS, _MOST_VALUES = 3000, 12, 12, 4
_FEW, _MOST_ACROSS = 6, 3
_LOG_SPAN = 50.0
_RECORD = ("seconds", "attempt")
KINDS = ("line", "scatter", "heat", "bar")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user wants of a plot; None is left to us.

    Parameters
    ----------
    y : sequence of str
        Columns to draw; by default those of the values that are numbers.
    x, color, panels : str, optional
        Parameters.
    kind : str, optional
        ``line``, ``scatter``, ``heat`` or ``bar``.
    """

    y: tuple[str, ...] = ()
    x: str | None = None
    color: str | None = None
    panels: str | None = None
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """What lies along an axis, or is told by colour.

    Parameters
    ----------
    name : str
        Its title.
    kind : str
        ``number``, ``time`` or ``name``.
    is_log : bool
        Whether it grows by factors.
    order : sequence
        Of names: in which order.
    """

    name: str
    kind: str = "number"
    is_log: bool = False
    order: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Panel:
    """One of several small plots: its title, what it measures, and columns of marks."""

    title: str
    measure: str = "value"
    x: list[Any] = field(default_factory=list)
    y: list[Any] = field(default_factory=list)
    color: list[Any] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Drawing:
    """A plot as data.

    Parameters
    ----------
    kind : str
        ``line``, ``scatter``, ``heat`` or ``bar``.
    title : str
        What it is called.
    x, y : Scale
        The axes; in a heat map both are parameters.
    color : Scale or None
        What colour tells.
    panels : sequence of Panel
        At least one.
    note : str
        What is not shown, or shown together.
    n_across : int
        How many panels stand side by side.
    """

    kind: str
    title: str
    x: Scale
    y: Scale
    color: Scale | None
    panels: Sequence[Panel]
    note: str = ""
    n_across: int = 1

    @property
    def is_map(self) -> bool:
        """Whether both axes are parameters, and colour is what was measured."""
        return self.y.name not in {panel.measure for panel in self.panels} | {"value"}

    def __str__(self) -> str:
        measured = ", ".join(dict.fromkeys(panel.measure for panel in self.panels))
        if self.is_map:
            parts = [f"{measured} over {self.x.name} and {self.y.name}"]
        else:
            parts = [f"{measured} over {self.x.name}"]
            parts += [f"by {self.color.name}"] if self.color is not None else []
        parts += [f"{len(self.panels)} panels"] if len(self.panels) > 1 else []
        return f"{self.kind} plot of {self.title}: {', '.join(parts)}" + (f" ({self.note})" if self.note else "")


@dataclass(frozen=True, slots=True)
class _Parameter:
    name: str
    column: list[Any]
    kind: str
    values: list[Any]

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def scale(self) -> Scale:
        return Scale(self.name, self.kind, self.kind == "number" and _is_log(self.values), self.values)


def choose(names: Sequence[str], columns: Mapping[str, list[Any]], title: str, asked: Asked | None = None) -> Drawing:
    """Choose what to draw.

    Parameters
    ----------
    names : sequence of str
        The parameters.
    columns : mapping
        The table.
    title : str
        What the result is called.
    asked : Asked, optional
        What is wanted.

    Returns
    -------
    Drawing
        Of bounded size, whatever the table's.

    Raises
    ------
    BadOption
        There is nothing to draw, or no such column.
    """
    wanted = asked or Asked()
    _check(wanted, names, columns)
    measures = _measures(names, columns, wanted)
    rows = [i for i in range(len(columns[measures[0]])) if any(_is_finite(columns[m][i]) for m in measures)]
    if not rows:
        raise BadOption("no point has a number as its value yet", cure="plot() draws numbers; y='name' takes a column")
    given = [_parameter(name, [columns[name][i] for i in rows]) for name in names]
    varying = [each for each in given if each.n > 1 or each.name in (wanted.x, wanted.color, wanted.panels)]
    found = {m: [columns[m][i] for i in rows] for m in measures}
    plan = _roles(varying or [_places(rows)], wanted, len(measures))
    return _drawn(plan, found, title)


def _check(asked: Asked, names: Sequence[str], columns: Mapping[str, list[Any]]) -> None:
    for role, name, known in (
        *(("y", name, columns) for name in asked.y),
        *((role, getattr(asked, role), names) for role in ("x", "color", "panels")),
    ):
        if name is not None and name not in known:
            raise BadOption(f"{role} is {name!r}, which there is not", cure=f"there are {', '.join(known)}")
    if asked.kind is not None and asked.kind not in KINDS:
        raise BadOption(f"kind is {asked.kind!r}", cure=f"it may be {', '.join(KINDS)}")


def _measures(names: Sequence[str], columns: Mapping[str, list[Any]], asked: Asked) -> list[str]:
    """Give the columns to draw: numbers that the points gave."""
    if asked.y:
        return list(asked.y)
    tail = list(columns)[-5:]  # seconds, worker, host, attempt, error
    found = [name for name in columns if name not in (*names, *tail) and _kind(columns[name]) == "number"]
    if not found:
        _check_some_are_good(columns[tail[-1]])
        known = ", ".join(name for name in columns if name not in names)
        raise BadOption("the points gave no numbers to draw", cure=f"y='seconds' draws a column; there are {known}")
    return found[:_MOST_VALUES]


def _check_some_are_good(errors: Sequence[Any]) -> None:
    n = len(errors)
    if n and all(error is not None for error in errors):
        raise BadOption(f"no point has a value: all {n:,} failed, or were not run", cure=".errors says why they failed")


def _kind(column: Sequence[Any]) -> str:
    kinds = {_kind_of(value) for value in column if value is not None}
    return kinds.pop() if len(kinds) == 1 else "name"


def _kind_of(value: Any) -> str:
    if isinstance(value, bool) or type(value).__name__ == "bool_":
        return "name"
    scalar = getattr(getattr(value, "dtype", None), "kind", "") if getattr(value, "shape", None) == () else ""
    if isinstance(value, int | float) or (scalar and scalar in "iuf"):
        return "number"
    return "time" if isinstance(value, date) or scalar == "M" else "name"


def _is_finite(value: Any) -> bool:
    return _kind_of(value) == "number" and _fits(value) and math.isfinite(value)


def _fits(value: Any) -> bool:
    """Tell whether a number can be drawn: whole ones have no end, and axes have that of floats."""
    try:
        float(value)
    except OverflowError:
        return False
    return True


def _parameter(name: str, column: Sequence[Any]) -> _Parameter:
    kind = _kind(column)
    if kind == "number" and not all(value is None or _fits(value) for value in column):
        kind = "name"
    plain = [_plain(value, kind) for value in column]
    values = list(dict.fromkeys(plain))
    return _Parameter(name, plain, kind, values if kind == "name" else sorted(values))


def _plain(value: Any, kind: str) -> Any:
    if kind == "number":
        return value.item() if hasattr(value, "item") else value
    if kind == "time":
        return value.isoformat() if isinstance(value, date) else str(value)
    return value if isinstance(value, str) and len(value) <= 30 else short(value, 30)


def _places(rows: Sequence[int]) -> _Parameter:
    return _Parameter("point", list(rows), "number", list(rows))


def _is_log(values: Sequence[float]) -> bool:
    """Tell whether numbers grow by factors rather than by steps."""
    if len(values) < 3 or values[0] <= 0 or values[-1] / values[0] < _LOG_SPAN:
        return False
    middle = values[len(values) // 2]
    return abs(math.log(middle) - (math.log(values[0]) + math.log(values[-1])) / 2) < abs(
        math.log(middle) - math.log((values[0] + values[-1]) / 2)
    )


@dataclass(frozen=True, slots=True)
class _Plan:
    """Who has which role."""

    kind: str
    x: _Parameter
    second: _Parameter | None  # colour, or the heat map's other axis
    panels: _Parameter | None
    rest: tuple[_Parameter, ...]


def _roles(given: Sequence[_Parameter], asked: Asked, n_measures: int) -> _Plan:
    free = [each for each in given if each.name not in (asked.x, asked.color, asked.panels)]
    named = {each.name: each for each in given}
    x = named[asked.x] if asked.x else _best_x(free)
    free = [each for each in free if each is not x]
    second = named[asked.color] if asked.color else _best_second(free)
    free = [each for each in free if each is not second]
    panels = named[asked.panels] if asked.panels else _best_panels(free, n_measures)
    plan = _Plan("line", x, second, panels, tuple(each for each in free if each is not panels))
    kind = asked.kind or _kind_of_plot(plan)
    if kind == "heat" and second is None:
        raise BadOption("a heat map wants two parameters that vary", cure="leave kind out")
    if kind != "heat" and second is not None and second.n > _MOST_COLORS and second.kind == "name":
        plan = replace(plan, rest=(*plan.rest, second), second=None)
    return replace(plan, kind=kind)


def _best_x(free: Sequence[_Parameter]) -> _Parameter:
    """Give the number of most values; else the name of most."""
    return max(free, key=lambda each: (each.kind != "name", each.n))


def _best_second(free: Sequence[_Parameter]) -> _Parameter | None:
    return max(free, key=lambda each: (each.n <= _MOST_COLORS or each.kind != "name", each.n), default=None)


def _best_panels(free: Sequence[_Parameter], n_measures: int) -> _Parameter | None:
    fit = [each for each in free if each.n * n_measures <= _MOST_PANELS]
    return max(fit, key=lambda each: each.n, default=None)


def _kind_of_plot(plan: _Plan) -> str:
    x, second = plan.x, plan.second
    if second is None:
        if x.kind == "name":
            return "bar"
        return "line" if _is_in_order(x) or x.n < len(x.column) else "scatter"
    if x.kind == "name" or second.n > _FEW:
        n_pairs = len(set(zip(x.column, second.column, strict=True)))
        return "heat" if n_pairs * 2 >= x.n * second.n else "scatter"
    return "line" if x.n * second.n <= 2 * len(x.column) else "scatter"


def _is_in_order(parameter: _Parameter) -> bool:
    column = parameter.column
    return column in (parameter.values, parameter.values[::-1])


def _drawn(plan: _Plan, measures: Mapping[str, list[Any]], title: str) -> Drawing:
    notes = [f"mean over {', '.join(each.name for each in plan.rest)}"] if plan.rest else []
    kept, left_out = _thinned(plan)
    notes += [left_out] if left_out else []
    panels = [panel for name, column in measures.items() for panel in _panels(plan, name, column, kept, len(measures))]
    measure = Scale(next(iter(measures)) if len(measures) == 1 else "value")
    is_heat = plan.kind == "heat"
    is_map = is_heat or (plan.kind == "scatter" and plan.second is not None and plan.second.n > _MOST_COLORS)
    if is_map and plan.second is not None:
        panels = [Panel(each.title, each.measure, each.x, each.color, each.y) for each in panels]
        x, y = plan.x.scale, plan.second.scale
        return Drawing(plan.kind, title, x, y, measure, panels, "; ".join(notes), _across(plan, len(panels)))
    color = plan.second.scale if plan.second is not None else None
    if color is not None and color.kind == "number" and plan.kind in ("line", "bar"):
        color = replace(color, kind="name")  # a few numbers are told apart better by hue
    return Drawing(plan.kind, title, plan.x.scale, measure, color, panels, "; ".join(notes), _across(plan, len(panels)))


def _across(plan: _Plan, n: int) -> int:
    """Give how many panels stand side by side: one row for each measure where these are few."""
    if plan.panels is not None and 1 < plan.panels.n <= _MOST_ACROSS and n > plan.panels.n:
        return plan.panels.n
    return 2 if n == 4 else min(n, _MOST_ACROSS)


def _thinned(plan: _Plan) -> tuple[list[int], str]:
    """Choose the rows to draw: whole values of x, so that lines and maps stay whole."""
    n, places = len(plan.x.column), {value: place for place, value in enumerate(plan.x.values)}
    step = math.ceil(n / _MOST_MARKS)
    if step == 1:
        return list(range(n)), ""
    kept = [i for i, value in enumerate(plan.x.column) if places[value] % step == 0][:_MOST_MARKS]
    return kept, f"{len(kept):,} of {n:,} points are drawn"


def _panels(plan: _Plan, name: str, column: list[Any], kept: Sequence[int], n_measures: int) -> list[Panel]:
    groups: dict[Any, dict[tuple[Any, Any], list[float]]] = defaultdict(lambda: defaultdict(list))
    is_each = plan.kind == "scatter" or (plan.x.name == "point")
    for i in kept:
        if not _is_finite(column[i]):
            continue
        second = plan.second.column[i] if plan.second is not None else None
        mark = (plan.x.column[i], second)
        groups[plan.panels.column[i] if plan.panels is not None else None][mark].append(float(column[i]))
    order = plan.panels.values if plan.panels is not None else [None]
    return [
        _panel(Panel(_heading(plan, name, value, n_measures), name), groups[value], is_each)
        for value in order
        if value in groups
    ]


def _heading(plan: _Plan, name: str, value: Any, n_measures: int) -> str:
    parts = [name] if n_measures > 1 else []
    parts += (
        [f"{plan.panels.name} = {value if isinstance(value, str) else short(value, 30)}"]
        if plan.panels is not None
        else []
    )
    return ", ".join(parts)


def _panel(panel: Panel, marks: Mapping[tuple[Any, Any], list[float]], is_each: bool) -> Panel:
    for (x, second), values in marks.items():
        for value in values if is_each else [sum(values) / len(values)]:
            panel.x.append(x)
            panel.y.append(value)
            panel.color.append(second)
    return panel
