"""Stacks from counted calls, where nothing can be sampled beside the counting.

Who called whom is known of each pair, not of whole stacks. So the time that a function had from each caller is put on
the stack of the one that this caller was mostly called by, and so on: right where a function has one way to be reached.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pathos_nb.launchers.stacks import WAITS
from pathos_nb.wire.protocol import KINDS

__all__ = ["stacks_of"]

_DEPTH = 100
_PYTHON, _NATIVE, _WAITING = map(KINDS.index, ("python", "native", "waiting"))

Stack = tuple[tuple[int, ...], int, tuple[int, ...]]


def stacks_of(rows: Sequence[tuple[Any, ...]], frames: Sequence[tuple[str, str, int]]) -> list[Stack]:
    """Give stacks with times.

    Parameters
    ----------
    rows : sequence of tuple
        `Profiled.calls`.
    frames : sequence of (name, file, line)
        What they count places in.

    Returns
    -------
    list
        As `Profiled.stacks`.
    """
    known = {row[0] for row in rows}
    callers = {row[0]: [told for told in row[5] if told[0] in known] for row in rows}
    found: list[Stack] = []
    for place, _, n_calls, own_s, _, _ in rows:
        parts = [(told[0], told[2], told[3]) for told in callers[place]] or [(None, n_calls, own_s)]
        for caller, n, seconds in parts:
            path = (place,) if caller is None else (*_way_to(caller, callers), place)
            found.append((path, int(n > 0), _times(frames[place], seconds)))
    return found


def _way_to(place: int, callers: dict[int, list[tuple[Any, ...]]]) -> list[int]:
    """Give the stack in which a function mostly is, the outermost first."""
    way = [place]
    while len(way) < _DEPTH:
        above = [told for told in callers[way[-1]] if told[0] not in way]
        if not above:
            break
        way.append(max(above, key=lambda told: float(told[4]))[0])
    return way[::-1]


def _times(frame: tuple[str, str, int], seconds: float) -> tuple[int, ...]:
    name, file, _ = frame
    words = name.strip("<>").replace("'", "").split()
    is_wait = any(word.rpartition(".")[2] in WAITS for word in words)
    kind = _PYTHON if file else _WAITING if is_wait else _NATIVE
    times = [0] * len(KINDS)
    times[kind] = max(0, round(1e6 * seconds))
    return tuple(times)
