"""Outcomes as text: on the screen, and as docs/performance.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.figures import Goal, Outcome, Row, show

_MARKS = {True: "met", False: "**not met**", None: "not told"}

_HEAD = """# Performance

What `pathos_nb` costs, next to its peers, measured in the same run on the same machine. This page is written by

    python -m benchmarks --write-docs

(`make bench` prints the same tables, `make bench-quick` a scaled-down run in a few minutes, and
`python -m benchmarks --only NAME` one of them; with `--write-docs` its part here is renewed, and the others stay).
Do not edit it by hand.

## How it is measured

- `Pool("processes", nodes=2)` with its default start, no chunk size given, stamps and output capture on.
- Peers run at their defaults and tuned: the best of several chunk sizes, found in the same run. mpire tuned also keeps
  its workers, joblib tuned also sends everything at once. futures, loky, ipyparallel and dask run tuned only where
  their default of one item a message would take minutes.
- Every contender is a process of its own with a deadline, and they take turns, so that what else the machine does falls
  on all alike. A figure is the lower quartile of its repetitions; the spread is the distance of the quartiles over the
  median.
- Every result of a race is checked against the serial one.
- Busy items are a calibrated loop in pure Python. Rows in *italics* are bounds of physics from the same turns: no pool
  can beat them.
- Ratios carry over to other machines better than times do.
"""


def screen(outcome: Outcome) -> str:
    """Give an outcome as lines for a terminal."""
    lines = [f"\n{outcome.name}: {outcome.title}  ({outcome.seconds:.0f} s)"]
    lines += [_screen_row(row, outcome) for row in outcome.rows]
    lines += [
        f"  [{_MARKS[goal.is_met].strip('*'):>8}] {goal.text}: {goal.got} ({goal.target})" for goal in outcome.goals
    ]
    return "\n".join(lines)


def _screen_row(row: Row, outcome: Outcome) -> str:
    names = f" {'=' if row.is_bound else ' '}{row.who:<28.28}{row.what:<34.34}"
    return f"{names}{show(row.value, row.unit):>14}  {_relative(row, outcome):>6} {_quality(row)}"


def _relative(row: Row, outcome: Outcome) -> str:
    ours = _ours(row, outcome)
    return f"{row.value / ours:.2f}" if ours and ours > 0 and row.value is not None else ""


def _ours(row: Row, outcome: Outcome) -> float | None:
    mine = [other for other in outcome.rows if other.who == "pathos_nb" and other.unit == row.unit]
    same = [other for other in mine if other.what == row.what]
    chosen = same or mine
    return chosen[0].value if chosen else None


def _quality(row: Row) -> str:
    spread = f"±{row.spread:.0%}" if row.n > 2 else ""
    return " ".join(part for part in (spread, f"n={row.n}" if row.n > 1 else "", row.note) if part)


def page(outcomes: Sequence[Outcome], machine: dict[str, str], before: str = "") -> str:
    """Give docs/performance.md.

    Parameters
    ----------
    outcomes : sequence of Outcome
        What was measured.
    machine : dict
        Where, and how.
    before : str, optional
        The page as it is: what was not measured now stays as it stands there.
    """
    goals, sections = _goals_of(before), _sections_of(before)
    for outcome in outcomes:
        goals[outcome.name] = "".join(f"{_goal_line(outcome, goal)}\n" for goal in outcome.goals)
        sections[outcome.name] = _section(outcome, machine)
    table = "".join(["## Goals\n\n| benchmark | goal | asked | reached | |\n|---|---|---|---|---|\n", *goals.values()])
    return "\n".join([_HEAD, _machine(machine), table, *sections.values()]).rstrip() + "\n"


def _goals_of(text: str) -> dict[str, str]:
    """Give the lines of a page's goals, by the case."""
    goals: dict[str, str] = {}
    for line, name in re.findall(r"^(\| \[.*\]\(#(\w+)\) .*\n)", text, re.MULTILINE):
        goals[name] = goals.get(name, "") + line
    return goals


def _sections_of(text: str) -> dict[str, str]:
    """Give a page's sections, by the case."""
    _, *parts = re.split(r'^(?=<a id=")', text, flags=re.MULTILINE)
    return {part.split('"')[1]: f"\n{part.rstrip()}\n" for part in parts}


def _machine(machine: dict[str, str]) -> str:
    words = ", ".join(f"{key} {value}" for key, value in machine.items() if key != "run")
    return f"\nEach part says when it was measured, how, and where. The last one: {words}.\n"


def _goal_line(outcome: Outcome, goal: Goal) -> str:
    return f"| [{outcome.title}](#{outcome.name}) | {goal.text} | {goal.target} | {goal.got} | {_MARKS[goal.is_met]} |"


def _section(outcome: Outcome, machine: dict[str, str]) -> str:
    lines = [f'\n<a id="{outcome.name}"></a>\n\n## {outcome.title[0].upper()}{outcome.title[1:]}\n']
    lines += [f"*{machine.get('run', 'whole')}*\n"]
    lines += ["| who | what | figure | ÷ pathos_nb | spread | n | |", "|---|---|---:|---:|---:|---:|---|"]
    lines += [_page_row(row, outcome) for row in outcome.rows]
    return "\n".join(lines) + "\n"


def _page_row(row: Row, outcome: Outcome) -> str:
    who = f"*{row.who}*" if row.is_bound else row.who
    spread = f"{row.spread:.0%}" if row.n > 2 else ""
    cells = [who, row.what, show(row.value, row.unit), _relative(row, outcome), spread, str(row.n), row.note]
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write_page(path: Path, outcomes: Sequence[Outcome], machine: dict[str, Any]) -> None:
    """Write docs/performance.md, or renew the parts of it that were measured."""
    path.parent.mkdir(exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    path.write_text(page(outcomes, machine, before), encoding="utf-8")
