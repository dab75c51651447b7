"""The lanes of a run as a drawing: a pure function of its record, readable on white and on black."""

from __future__ import annotations

import re
from collections import defaultdict
from html import escape

from pathos_nb.dispatch.record import duration
from pathos_nb.wire.messages import Lane, RunRecord

__all__ = ["lanes_svg"]

_WIDTH, _NAMES, _MOST_HEIGHT = 760, 130, 320
_AXIS, _N_NAMED = 18, 20
_BUSY, _FAILED, _GREY = "#3b82f6", "#d9534f", "#8a8a8a"
_HALF_BUSY = 0.6


def lanes_svg(record: RunRecord) -> str:
    """Draw a timeline, one line a worker.

    Parameters
    ----------
    record : RunRecord
        The run.

    Returns
    -------
    str
        An SVG document without script; it grows with the record's spans, of which there are few.
    """
    lanes = nested(sorted(record["lanes"], key=_by_host))
    is_named = len(lanes) <= _N_NAMED
    step = min(16.0, _MOST_HEIGHT / max(1, len(lanes)))
    left = _NAMES if is_named else 4
    height = round(step * len(lanes) + _AXIS)
    rows = {lane["lane"]: number for number, lane in enumerate(lanes)}
    parts = [_tracks(len(lanes), step, left), *_bars(record, rows, step, left)]
    parts += [_name(lane, number, step) for number, lane in enumerate(lanes)] if is_named else []
    parts += _axis(_length(record), step * len(lanes), left)
    box = f'viewBox="0 0 {_WIDTH} {height}" width="{_WIDTH}" height="{height}"'
    font = 'font-family="sans-serif" font-size="10"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {box} {font} fill="{_GREY}">{"".join(parts)}</svg>'


def nested(lanes: list[Lane]) -> list[Lane]:
    """Give lanes with those of maps inside of items under the worker whose item it is."""
    under: dict[int, list[Lane]] = defaultdict(list)
    known = {lane["lane"] for lane in lanes}
    for lane in lanes:
        parent = lane.get("parent", -1)  # records of earlier versions have none
        under[parent if parent in known and parent != lane["lane"] else -1].append(lane)
    listed, todo = [], under.pop(-1, [])[::-1]
    while todo:
        lane = todo.pop()
        listed.append(lane)
        todo += under.pop(lane["lane"], [])[::-1]
    return listed


def _by_host(lane: Lane) -> tuple[str, list[tuple[int, str]], int]:
    """Order by host, and workers by their names, whose numbers count as such."""
    parts = re.split(r"(\d+)", lane["worker"])
    return lane["host"], [(int(part), "") if part.isdecimal() else (-1, part) for part in parts], lane["lane"]


def _length(record: RunRecord) -> float:
    return max([record["figures"]["elapsed_s"], *record["spans"]["end_s"], 1e-3])


def _tracks(n: int, step: float, left: int) -> str:
    path = "".join(f"M{left} {(row + 0.5) * step:.1f}H{_WIDTH}" for row in range(n))
    return f'<path d="{path}" stroke="{_GREY}" stroke-opacity="0.15" stroke-width="{_thick(step):.1f}"/>'


def _thick(step: float) -> float:
    return step * 0.7


def _bars(record: RunRecord, rows: dict[int, int], step: float, left: int) -> list[str]:
    """Draw the spans, one path for each colour: a hundred bytes less for each of them.

    What failed is drawn as two thin lines, so that it is told from work by its shape too, not by its colour alone.
    """
    spans, scale = record["spans"], (_WIDTH - left) / _length(record)
    paths: dict[tuple[str, float], list[str]] = defaultdict(list)
    for number, lane in enumerate(spans["lane"]):
        start, end, busy = spans["start_s"][number], spans["end_s"][number], spans["busy_s"][number]
        is_full = busy >= _HALF_BUSY * (end - start)
        color = _FAILED if spans["n_failed"][number] else _BUSY
        # A hair's gap shows where one chunk ends and the next begins.
        width = max(0.6, (end - start) * scale - 0.4)
        y = (rows.get(lane, 0) + 0.5) * step
        paths[color, 0.9 if is_full else 0.5].append(f"M{left + start * scale:.1f} {y:.1f}h{width:.1f}")
    return [_drawn("".join(path), color, part, step) for (color, part), path in sorted(paths.items())]


def _drawn(path: str, color: str, part: float, step: float) -> str:
    look = f'd="{path}" stroke="{color}" stroke-opacity="{part}"'
    if color == _BUSY:
        return f'<path {look} stroke-width="{_thick(step):.1f}"/>'
    thick, apart = _thick(step) * 0.42, _thick(step) * 0.29
    upper = f'<path id="failed-{part}" {look} stroke-width="{thick:.1f}" transform="translate(0 {-apart:.1f})"/>'
    return f'{upper}<use href="#failed-{part}" y="{2 * apart:.1f}"/>'


def _name(lane: Lane, row: int, step: float) -> str:
    is_said = lane["worker"].startswith(f"{lane['host']}-")  # workers are called after their place
    host = f"{lane['host']} " if lane["host"] and not is_said else ""
    name = "".join(filter(str.isprintable, f"{host}{lane['worker']}"))
    if lane.get("parent", -1) >= 0:
        name = f"› {name.rpartition(' › ')[2]}"
    name = name if len(name) <= 24 else f"…{name[-23:]}"
    y = (row + 0.5) * step + 3.5
    return f'<text x="{_NAMES - 6}" y="{y:.1f}" text-anchor="end">{escape(name)}</text>'


def _axis(length_s: float, y: float, left: int) -> list[str]:
    marks = ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    return [
        f'<text x="{left + part * (_WIDTH - left):.0f}" y="{y + 13:.1f}" text-anchor="{anchor}">'
        f"{escape(duration(part * length_s)) if part else 0}</text>"
        for part, anchor in marks
    ]
