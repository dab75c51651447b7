"""A run's profile as messages: what is wide enough to be seen, and of that only what has changed.

The bounds are those of the run's view: a message has at most 250 nodes of the flame graph (20 kB) and tables of a few
rows, and there is one a second, so that a long run costs the front end what a short one does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from pathos_nb.dispatch.flame import Box, boxes, kind_of
from pathos_nb.dispatch.functions import FunctionRow, by_host, functions_of, own_of
from pathos_nb.dispatch.profiles import Point, Profile, Usage
from pathos_nb.dispatch.timeline import cut
from pathos_nb.wire.messages import FlameNodes, FunctionRows, PointRows, ProfilePart, UsageRows
from pathos_nb.wire.protocol import KINDS

__all__ = ["ProfileFeed"]

_LEAST, _MOST_NODES, _MOST_KNOWN, _MOST_DEPTH = 0.003, 250, 1500, 60
_N_FUNCTIONS, _N_USAGE, _N_POINTS, _NAME, _WHERE = 20, 20, 5, 60, 70
_SAVED_NODES = 400


class ProfileFeed:
    """Tells one listener of a profile.

    Parameters
    ----------
    profile : Profile
        Of a run.
    label : callable, optional
        What a point is called; its arguments, if nobody says.
    """

    def __init__(self, profile: Profile, label: Callable[[Point], str] | None = None) -> None:
        self._profile, self._label = profile, label or (lambda point: point.argument)
        self._told: dict[int, float] = {}
        self._version = -1

    @property
    def has_news(self) -> bool:
        """Whether more is known than was told."""
        return self._version != self._profile.version

    def whole(self, elapsed_s: float) -> ProfilePart:
        """Give all that is known, as far as it is large enough; of a run that has taken so long."""
        self._told.clear()
        return self._part(_SAVED_NODES, elapsed_s)

    def part(self, elapsed_s: float) -> ProfilePart:
        """Give what has changed; of a run that has taken so long."""
        return self._part(_MOST_NODES, elapsed_s)

    def _points(self, points: list[Point]) -> PointRows:
        few = points[:_N_POINTS]
        return {
            "amount": [round(point.amount, 6) for point in few],
            "label": [cut(self._label(point), _NAME) for point in few],
            "worker": [cut(point.worker, _NAME) for point in few],
        }

    def _part(self, most: int, elapsed_s: float) -> ProfilePart:
        profile = self._profile
        with profile.lock:  # not for long: who takes news in waits for it
            self._version, own = profile.version, own_of(profile)
            n_samples = sum(usage.n_samples for usage in profile.workers.values())
            usage = _usage_rows(profile, elapsed_s)
            longest, heaviest = self._points(profile.longest), self._points(profile.heaviest)
        laid = [box for box in boxes(profile.tree, own, _LEAST) if box.depth < _MOST_DEPTH]
        nodes = self._columns(self._changed(laid, most))
        functions = functions_of(profile)[:_N_FUNCTIONS]
        whole = laid[0].times if laid else [0] * (len(KINDS) + 1)
        return {
            "n_samples": n_samples,
            "kinds_ms": [_ms(micros) for micros in whole[1:]],
            "nodes": nodes,
            "functions": _function_rows(functions),
            "usage": usage,
            "longest": longest,
            "heaviest": heaviest,
            "notes": [cut(note, 200) for note in profile.notes],
        }

    def _changed(self, laid: list[Box], most: int) -> list[Box]:
        """Choose what to tell: what has changed, callers first, until there is enough for a message."""
        found: list[Box] = []
        for box in sorted(laid, key=lambda box: box.depth):
            total = _ms(sum(box.times[1:]))
            if len(found) >= most or self._told.get(box.node) == total:
                continue
            if box.node not in self._told and len(self._told) >= _MOST_KNOWN:
                continue
            self._told[box.node] = total
            found.append(box)
        return found

    def _columns(self, chosen: Iterable[Box]) -> FlameNodes:
        tree = self._profile.tree
        rows = [(box, *tree.frames[tree.frame_of[box.node]]) for box in chosen]
        return {
            "id": [box.node for box, *_ in rows],
            "parent": [tree.parent_of[box.node] for box, *_ in rows],
            "name": [cut(name, _NAME) for _, name, _, _ in rows],
            "where": [cut(f"{file}:{line}", _WHERE) if file else "" for _, _, file, line in rows],
            "total_ms": [_ms(sum(box.times[1:])) for box, *_ in rows],
            "kind": [kind_of(box.times) for box, *_ in rows],
        }


def _ms(micros: float) -> float:
    return round(micros / 1000, 1)


def _function_rows(rows: list[FunctionRow]) -> FunctionRows:
    return {
        "name": [cut(row.name, _NAME) for row in rows],
        "where": [cut(row.where, _WHERE) if row.where else "" for row in rows],
        "own_ms": [_ms(1e6 * row.own_s) for row in rows],
        "total_ms": [_ms(1e6 * row.total_s) for row in rows],
        "kind": [kind_of([0, *(round(1e6 * each) for each in row.kinds)]) for row in rows],
        "n_calls": [row.n_calls for row in rows],
    }


def _usage_rows(profile: Profile, elapsed_s: float) -> UsageRows:
    hosts, n_workers = by_host(profile.workers), Counter(usage.host for usage in profile.workers.values())
    rows: list[tuple[Usage, bool]] = [(usage, True) for usage in hosts] if len(hosts) > 1 else []
    rows = [*rows, *((usage, False) for usage in profile.workers.values())][:_N_USAGE]
    return {
        "name": [cut(usage.worker, _NAME) for usage, _ in rows],
        "is_host": [is_host for _, is_host in rows],
        "run_s": [round(usage.run_s, 3) for usage, _ in rows],
        "cpu_s": [round(usage.cpu_s, 3) for usage, _ in rows],
        "load_s": [round(usage.load_s, 3) for usage, _ in rows],
        "dump_s": [round(usage.dump_s, 3) for usage, _ in rows],
        "wait_s": [round(usage.wait_s, 3) for usage, _ in rows],
        "idle_s": [
            round(max(0.0, elapsed_s * (n_workers[usage.host] if is_host else 1) - usage.busy_s), 3)
            for usage, is_host in rows
        ],
        "transfer_s": [round(usage.transfer_s, 3) for usage, _ in rows],
        "bytes_out": [usage.bytes_out for usage, _ in rows],
        "bytes_in": [usage.bytes_in for usage, _ in rows],
        "peak_bytes": [usage.peak_bytes for usage, _ in rows],
    }
