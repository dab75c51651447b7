"""A flame graph as a drawing: functions as boxes, as wide as the time in them, above those that they were called by.

It is a picture without script, for places where nothing runs; strings in it are escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape
from typing import NamedTuple

from pathos_nb.dispatch.calltree import ROOT, CallTree, Times
from pathos_nb.dispatch.record import duration
from pathos_nb.wire.protocol import KINDS

__all__ = ["COLORS", "KIND_WORDS", "Box", "boxes", "flame_img", "flame_svg", "kind_of"]

KIND_WORDS = ("Python", "C code", "waiting", "waiting for the GIL", "without a core")
COLORS = ("#e8a33d", "#4285d0", "#9aa0aa", "#b05cc6", "#d9534f")
_WIDTH, _ROW, _LEGEND, _MOST_ROWS, _MOST_BOXES = 760, 17, 20, 40, 500
_CHARACTER, _LEAST_PX = 6.2, 0.8
_INK = "#1c1c1c"
_STARVED = KINDS.index("starved")


class Box(NamedTuple):
    """A function in the graph: how deep, from where to where (parts of the whole), and its times."""

    node: int
    depth: int
    left: float
    right: float
    times: Times


def boxes(tree: CallTree, own: Mapping[int, Times], least: float = _LEAST_PX / _WIDTH) -> list[Box]:
    """Lay a tree of calls out.

    Parameters
    ----------
    tree : CallTree
        The calls.
    own : mapping
        What was seen in each node.
    least : float
        What part of the whole a box must be, to be one.

    Returns
    -------
    list of Box
        Callers before what they called.
    """
    totals = tree.totals(own)
    whole = sum(totals.get(ROOT, [0])[1:])
    if not whole:
        return []
    children: dict[int, list[int]] = {}
    for node in sorted(totals):
        if node != ROOT and sum(totals[node][1:]) >= least * whole:
            children.setdefault(tree.parent_of[node], []).append(node)
    found: list[Box] = []
    todo = [(ROOT, 0, 0.0)]
    while todo:
        node, depth, left = todo.pop()
        width = sum(totals[node][1:]) / whole
        found.append(Box(node, depth, left, left + width, totals[node]))
        for child in sorted(children.get(node, ()), key=lambda each: tree.frames[tree.frame_of[each]]):
            todo.append((child, depth + 1, left))
            left += sum(totals[child][1:]) / whole
    return found


def kind_of(times: Sequence[int]) -> int:
    """Give the kind of most of the time; want of a core, which is no property of the code, only where nothing else is."""
    kinds = times[1:]
    most = max(range(_STARVED), key=kinds.__getitem__)
    return most if kinds[most] or not kinds[_STARVED] else _STARVED


def flame_svg(tree: CallTree, own: Mapping[int, Times]) -> str:
    """Draw a flame graph.

    Parameters
    ----------
    tree, own
        As for `boxes`.

    Returns
    -------
    str
        An SVG document, at most about 120 kB.
    """
    fit = [box for box in boxes(tree, own) if box.depth < _MOST_ROWS]
    laid = sorted(fit, key=lambda box: box.left - box.right)[:_MOST_BOXES]  # a caller is as wide as what it calls
    depth = max((box.depth for box in laid), default=0) + 1
    height = depth * _ROW + _LEGEND
    size = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    font = 'font-family="sans-serif" font-size="10.5"'
    parts = [_drawn(tree, box, depth) for box in laid]
    total = laid[0].times if laid else [0] * (len(KINDS) + 1)
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>{"".join(parts)}{_legend(total, height)}</svg>'


def _drawn(tree: CallTree, box: Box, depth: int) -> str:
    name, file, line = tree.frames[tree.frame_of[box.node]]
    x, width = box.left * _WIDTH, max(0.3, (box.right - box.left) * _WIDTH - 0.5)
    y = (depth - 1 - box.depth) * _ROW
    seconds = sum(box.times[1:]) / 1e6
    color = COLORS[kind_of(box.times)] if box.depth else "#c8ccd2"
    where = f" ({file}:{line})" if file else ""
    title = escape(f"{name}{where}: {duration(seconds)}, {box.right - box.left:.1%}")
    n_characters = int((width - 6) / _CHARACTER)
    text = name if len(name) <= n_characters else name[: max(0, n_characters - 1)] + "…"
    label = ""
    if n_characters > 2:
        label = f'<text x="{x + 3:.1f}" y="{y + 12}" fill="{_INK}">{escape(_clean(text))}</text>'
    box_ = f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_ROW - 1}" rx="1.5" fill="{color}"/>'
    return f"<g><title>{_clean(title)}</title>{box_}{label}</g>"


def _clean(text: str) -> str:
    """Leave out what an XML document may not have in it."""
    return "".join(c if c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff" else "�" for c in text)


def _legend(times: Times, height: int) -> str:
    parts, x = [], 2.0
    whole = sum(times[1:]) or 1
    for kind, (color, word) in enumerate(zip(COLORS, KIND_WORDS, strict=True)):
        if times[1 + kind] < 0.001 * whole:
            continue
        text = f"{word} {times[1 + kind] / whole:.0%}"
        parts.append(f'<rect x="{x:.0f}" y="{height - 14}" width="10" height="10" rx="2" fill="{color}"/>')
        parts.append(f'<text x="{x + 14:.0f}" y="{height - 5}" fill="#8a8a8a">{escape(text)}</text>')
        x += 24 + _CHARACTER * len(text)
    return "".join(parts)


def flame_img(tree: CallTree, own: Mapping[int, Times]) -> str:
    """Give the drawing as an ``<img>``: sanitizers leave that, and strip ``<svg>``."""
    data = base64.b64encode(flame_svg(tree, own).encode("utf-8", "replace")).decode()
    look = "display:block;width:100%;max-width:760px;margin:4px 0"
    alt = escape("flame graph: " + ", ".join(_widest(tree, own)), quote=True)
    return f'<img class="pathos-nb-flame" style="{look}" alt="{alt}" src="data:image/svg+xml;base64,{data}">'


def _widest(tree: CallTree, own: Mapping[int, Times]) -> list[str]:
    top = sorted(own, key=lambda node: -sum(own[node][1:]))[:3]
    whole = sum(sum(times[1:]) for times in own.values()) or 1
    return [f"{tree.frames[tree.frame_of[node]][0]} {sum(own[node][1:]) / whole:.0%}" for node in top]
