"""Numbers and how they are summed up: rows of a table, goals, outcomes; all of them plain JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any


def lower_quartile(values: Sequence[float]) -> float:
    """Give the value that a quarter of the repetitions stay below: robust against a disturbed machine."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=4, method="inclusive")[0]


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the value that `percent` of the values stay below."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def spread(values: Sequence[float]) -> float:
    """Give the distance of the quartiles over the median; 0 for fewer than three values."""
    if len(values) < 3:
        return 0.0
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return (high - low) / middle if middle else 0.0


@dataclass(frozen=True)
class Row:
    """One line of a table: who, how set, what came out. `value` is None where `note` says why."""

    who: str
    what: str
    value: float | None
    unit: str
    spread: float = 0.0
    n: int = 1
    note: str = ""
    is_bound: bool = False


def row_of(who: str, what: str, values: Sequence[float], unit: str, note: str = "", *, is_bound: bool = False) -> Row:
    """Sum up repetitions as their lower quartile and spread."""
    if not values:
        return Row(who, what, None, unit, note=note or "no result", is_bound=is_bound)
    return Row(who, what, lower_quartile(values), unit, spread(values), len(values), note, is_bound)


@dataclass(frozen=True)
class Goal:
    """A line of the issue: what was asked, what came, whether it is met (None: could not be told)."""

    text: str
    target: str
    got: str
    is_met: bool | None


@dataclass
class Outcome:
    """All that a case has to say."""

    name: str
    title: str
    rows: list[Row] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    seconds: float = 0.0

    def value(self, who: str, what: str | None = None) -> float | None:
        """Give one row's value."""
        for row in self.rows:
            if row.who == who and what in (None, row.what):
                return row.value
        return None

    def best_peer(self, *, what: str | None = None, smallest: bool = True) -> Row | None:
        """Give the best row of anybody who is neither pathos_nb nor a bound nor serial."""
        found = [
            row
            for row in self.rows
            if row.value is not None
            and not row.is_bound
            and row.who not in ("pathos_nb", "serial")
            and what in (None, row.what)
        ]
        if not found:
            return None
        pick = min if smallest else max
        return pick(found, key=lambda row: row.value or 0.0)

    def to_json(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Outcome:
        """Make it again from plain data."""
        rows = [Row(**row) for row in data["rows"]]
        goals = [Goal(**goal) for goal in data["goals"]]
        return cls(data["name"], data["title"], rows, goals, data["seconds"])


def at_most(text: str, got: float | None, limit: float | None, unit: str = "") -> Goal:
    """Give a goal that is met by a value no greater than its limit."""
    return _goal(text, got, limit, unit, "≤", None if got is None or limit is None else got <= limit)


def at_least(text: str, got: float | None, limit: float | None, unit: str = "") -> Goal:
    """Give a goal that is met by a value no smaller than its limit."""
    return _goal(text, got, limit, unit, "≥", None if got is None or limit is None else got >= limit)


def _goal(text: str, got: float | None, limit: float | None, unit: str, sign: str, is_met: bool | None) -> Goal:
    return Goal(text, f"{sign} {show(limit, unit)}", show(got, unit), is_met)


def ratio(one: float | None, other: float | None) -> float | None:
    """Give one over the other, None where either is missing."""
    return one / other if one is not None and other else None


def show(value: float | None, unit: str = "") -> str:
    """Give a number with three digits and its unit."""
    if value is None:
        return "–"
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{text} {unit}".strip()
