"""A graph of calls as a picture and as text: pure functions of what is to be drawn.

Calls stand in columns, each to the right of all its inputs. Sanitizers strip ``<svg>``, so the picture is an ``<img>``
of one; it is readable on white and on black.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

__all__ = ["Drawn", "as_picture", "as_text"]

_BOX_W, _BOX_H, _GAP_X, _GAP_Y, _EDGE = 168, 38, 48, 12, 6
_MOST, _LABEL = 120, 24
_COLORS = {
    "waiting": "#8a8a8a", "queued": "#8a8a8a", "running": "#3b82f6", "done": "#2e9e5b", "failed": "#d9534f",
    "cancelled": "#b8860b",
}  # fmt: skip
_MARKS = {"waiting": "…", "queued": "…", "running": "▶", "done": "✓", "failed": "✗", "cancelled": "–"}


class Drawn(NamedTuple):
    """One call: what it is called, its state, that in words, and the numbers of its inputs, which come before it."""

    label: str
    state: str
    told: str
    inputs: Sequence[int]


def as_text(graph: Sequence[Drawn]) -> str:
    """Give a graph as lines, one for each call.

    Parameters
    ----------
    graph : sequence of Drawn
        Each after its inputs.

    Returns
    -------
    str
    """
    lines = [_line(number, each, graph) for number, each in enumerate(graph[:_MOST])]
    more = [f"… and {len(graph) - _MOST:,} more calls"] if len(graph) > _MOST else []
    return "\n".join([*lines, *more])


def _line(number: int, each: Drawn, graph: Sequence[Drawn]) -> str:
    inputs = ", ".join(f"[{i}] {graph[i].label}" for i in each.inputs)
    return f"{_MARKS.get(each.state, '?')} [{number}] {each.label}: {each.told}{f'  ← {inputs}' if inputs else ''}"


def as_picture(graph: Sequence[Drawn]) -> str:
    """Give a graph as HTML: one picture, with the text as its alternative.

    Parameters
    ----------
    graph : sequence of Drawn
        Each after its inputs; of very many the first are drawn.

    Returns
    -------
    str
    """
    data = base64.b64encode(_svg(graph[:_MOST]).encode()).decode()
    more = f"<div>… and {len(graph) - _MOST:,} more calls</div>" if len(graph) > _MOST else ""
    alt = escape(as_text(graph), quote=True)
    look = "max-width:100%"
    return f'<img class="pathos-nb-graph" style="{look}" alt="{alt}" src="data:image/svg+xml;base64,{data}">{more}'


def _svg(graph: Sequence[Drawn]) -> str:
    places = _placed(graph)
    width = max((x for x, _ in places), default=0) + _BOX_W + 2 * _EDGE
    height = max((y for _, y in places), default=0) + _BOX_H + 2 * _EDGE
    parts = [_edge(places[i], places[n]) for n, each in enumerate(graph) for i in each.inputs if i < len(places)]
    parts += [_box(each, *places[number]) for number, each in enumerate(graph)]
    size = f'width="{width}" height="{height}" viewBox="{-_EDGE} {-_EDGE} {width} {height}"'
    font = 'font-family="sans-serif" font-size="12"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>{"".join(parts)}</svg>'


def _placed(graph: Sequence[Drawn]) -> list[tuple[int, int]]:
    """Give each call its place: the column by its longest way from a beginning, the row near those of its inputs."""
    columns: list[int] = []
    for each in graph:
        columns.append(1 + max((columns[i] for i in each.inputs if i < len(columns)), default=-1))
    rows = [0.0] * len(graph)
    members: dict[int, list[int]] = defaultdict(list)
    for number, column in enumerate(columns):
        members[column].append(number)
    for column in sorted(members):
        row = sorted(members[column], key=lambda n: (_middle(rows, graph[n].inputs, n), n))
        for place, number in enumerate(row):
            rows[number] = place
        members[column] = row
    tallest = max(map(len, members.values()), default=0)
    shift = {column: (tallest - len(row)) / 2 for column, row in members.items()}
    return [
        (columns[n] * (_BOX_W + _GAP_X), round((rows[n] + shift[columns[n]]) * (_BOX_H + _GAP_Y)))
        for n in range(len(graph))
    ]


def _middle(rows: Sequence[float], inputs: Sequence[int], number: int) -> float:
    known = [rows[i] for i in inputs if i < len(rows)]
    return sum(known) / len(known) if known else float(number)


def _edge(start: tuple[int, int], end: tuple[int, int]) -> str:
    x0, y0 = start[0] + _BOX_W, start[1] + _BOX_H / 2
    x1, y1 = end[0] - 5, end[1] + _BOX_H / 2
    bend = max(_GAP_X / 2, (x1 - x0) / 2)
    path = f"M{x0} {y0:g}C{x0 + bend:g} {y0:g} {x1 - bend:g} {y1:g} {x1} {y1:g}"
    head = f"M{x1 - 4} {y1 - 4:g}L{x1 + 3} {y1:g}L{x1 - 4} {y1 + 4:g}"
    return f'<path d="{path}" fill="none" stroke="#8a8a8a"/><path d="{head}" fill="none" stroke="#8a8a8a"/>'


def _box(each: Drawn, x: int, y: int) -> str:
    color = _COLORS.get(each.state, "#8a8a8a")
    is_open = ' stroke-dasharray="4 3"' if each.state in ("waiting", "queued") else ""
    frame = f'x="{x}" y="{y}" width="{_BOX_W}" height="{_BOX_H}" rx="5"'
    label = each.label if len(each.label) <= _LABEL else f"{each.label[: _LABEL - 1]}…"
    clean = "".join(filter(str.isprintable, label))
    return (
        f'<rect {frame} fill="{color}" fill-opacity="0.15" stroke="{color}"{is_open}/>'
        f'<text x="{x + 9}" y="{y + 16}" fill="{color}" font-weight="bold">{escape(clean)}</text>'
        f'<text x="{x + 9}" y="{y + 31}" fill="#8a8a8a" font-size="11">{escape(each.told)}</text>'
    )
