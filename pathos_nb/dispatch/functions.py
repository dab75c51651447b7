"""The table by function of a profile: how long each was at work itself, and with all that it called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pathos_nb.dispatch.calltree import Times
from pathos_nb.dispatch.profiles import Profile, Usage
from pathos_nb.wire.protocol import KINDS

__all__ = ["FunctionRow", "by_host", "functions_of", "own_of", "seconds_of"]


class FunctionRow(NamedTuple):
    """A function: its own seconds and those with what it called; `kinds` are its own, by `protocol.KINDS`.

    `n_calls` is 0 where calls are not counted; what C code is called has no file.
    """

    name: str
    file: str
    line: int
    own_s: float
    total_s: float
    kinds: tuple[float, ...]
    n_samples: int
    n_calls: int

    @property
    def where(self) -> str:
        """The file and the line."""
        return f"{self.file}:{self.line}" if self.file else ""


def own_of(profile: Profile, worker: str | None = None, host: str | None = None) -> dict[int, Times]:
    """Give what was seen in each node.

    Parameters
    ----------
    profile : Profile
        Of a run.
    worker, host : str, optional
        Of whom; of all together if neither is given.

    Returns
    -------
    dict
        Node → times.
    """
    with profile.lock:
        if worker is None and host is None:
            return {node: list(times) for node, times in profile.own.items()}
        found: dict[int, Times] = {}
        for usage in profile.workers.values():
            if worker in (None, usage.worker) and host in (None, usage.host):
                for node, times in usage.own.items():
                    known = found.setdefault(node, [0] * len(times))
                    known[:] = map(int.__add__, known, times)
        return found


def seconds_of(times: Iterable[int]) -> tuple[float, ...]:
    """Give the seconds of each kind."""
    _, *micros = times
    return tuple(each / 1e6 for each in micros)


def functions_of(profile: Profile, worker: str | None = None, host: str | None = None) -> list[FunctionRow]:
    """Give the functions, those first that were at work themselves the longest.

    Parameters
    ----------
    profile, worker, host
        As for `own_of`.

    Returns
    -------
    list of FunctionRow
    """
    own = own_of(profile, worker, host)
    with profile.lock:
        counted = {number: calls[1] for number, calls in profile.calls.items()} if worker is host is None else {}
    tree, totals = profile.tree, profile.tree.totals(own)  # without the lock: a tree only grows
    selves: dict[int, list[int]] = {}
    wholes: dict[int, float] = {}
    for node, times in own.items():
        known = selves.setdefault(tree.frame_of[node], [0] * len(times))
        known[:] = map(int.__add__, known, times)
    for node in tree.outermost(node for node in totals if node):
        frame = tree.frame_of[node]
        wholes[frame] = wholes.get(frame, 0.0) + sum(totals[node][1:]) / 1e6
    rows = [_row(tree.frames[n], selves.get(n), wholes.get(n, 0.0), counted.get(n, 0)) for n in {*wholes, *counted}]
    return sorted(rows, key=lambda row: (-row.own_s, -row.total_s, row.name))


def _row(frame: tuple[str, str, int], own: list[int] | None, total_s: float, n_calls: int) -> FunctionRow:
    times = own or [0] * (len(KINDS) + 1)
    kinds = seconds_of(times)
    return FunctionRow(*frame, sum(kinds), total_s, kinds, times[0], n_calls)


def by_host(workers: Mapping[str, Usage]) -> list[Usage]:
    """Give what the workers of each host spent their time on, together."""
    hosts: dict[str, Usage] = {}
    for usage in workers.values():
        known = hosts.get(usage.host) or Usage(usage.host, usage.host, 0)
        hosts[usage.host] = known.plus(usage, usage.host)
    return list(hosts.values())
