"""A run as a trace for Perfetto and Chrome: hosts as processes, workers as threads, items as slices.

Format: the JSON array format of the Trace Event Format (Google, 2016), ``{"traceEvents": [...]}``; times in
microseconds since the run began, clocks of hosts brought to this machine's. Lines are written as they are made, so that
a million items need no memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from typing import IO

from pathos_nb.dispatch.profiles import Profile
from pathos_nb.events import ChunkDone

__all__ = ["write_trace"]

MOST_LABELS = 100_000
_TOGETHER = 4096


class _Tracks:
    """Numbers of hosts and workers, and the events that name them."""

    def __init__(self) -> None:
        self._hosts: dict[str, int] = {}
        self._workers: dict[tuple[str, str], int] = {}

    def of(self, chunk: ChunkDone) -> tuple[str, list[str]]:
        """Give the track of a chunk as text, and events that are due if it is new."""
        key = chunk.host, chunk.worker
        news: list[str] = []
        if chunk.host not in self._hosts:
            pid = self._hosts[chunk.host] = len(self._hosts) + 1
            news.append(_named("process_name", pid, 0, chunk.host or "more workers"))
        pid = self._hosts[chunk.host]
        if key not in self._workers:
            tid = self._workers[key] = len(self._workers) + 1
            news.append(_named("thread_name", pid, tid, chunk.worker))
        return f'"pid":{pid},"tid":{self._workers[key]}', news


def _named(kind: str, pid: int, tid: int, name: str) -> str:
    event = {"ph": "M", "name": kind, "pid": pid, "tid": tid, "args": {"name": name}}
    return json.dumps(event, separators=(",", ":"))


def write_trace(
    file: IO[str],
    chunks: Collection[ChunkDone],
    started_at: float,
    label: Callable[[int], str],
    profile: Profile | None,
) -> int:
    """Write a trace.

    Parameters
    ----------
    file : text file
        Where to.
    chunks : collection of ChunkDone
        The record; gone through twice.
    started_at : float
        When the run began, in seconds since the epoch.
    label : callable
        From an index to what an item is called; only asked where there are not too many.
    profile : Profile or None
        What each worker was at, summed up, goes with its track.

    Returns
    -------
    int
        How many items were written.
    """
    n_items = sum(len(chunk.indices) for chunk in chunks)
    name = label if n_items <= MOST_LABELS else None
    tracks = _Tracks()
    file.write('{"displayTimeUnit":"ms","traceEvents":[\n')
    lead = ""
    for chunk in chunks:
        track, news = tracks.of(chunk)
        lines = [*news, *_slices(chunk, track, started_at, name)]
        for first in range(0, len(lines), _TOGETHER):
            file.write(lead + ",\n".join(lines[first : first + _TOGETHER]))
            lead = ",\n"
    file.write('\n],"otherData":' + json.dumps(_summary(profile), separators=(",", ":")) + "}\n")
    return n_items


def _slices(chunk: ChunkDone, track: str, zero: float, name: Callable[[int], str] | None) -> Iterator[str]:
    """Give an event for each item; those of a block share its time in equal parts."""
    failed = {failure.index for failure in chunk.failures}
    start = (chunk.started - zero) * 1e6
    head = '{"ph":"X","cat":"item",' + track
    for number, end in enumerate(chunk.ends):
        block = chunk.indices[number * chunk.block : (number + 1) * chunk.block]
        stop = (end - zero) * 1e6
        step = (stop - start) / max(1, len(block))
        for place, index in enumerate(block):
            said = f'"item {index}"' if name is None else json.dumps(name(index))
            mark = ',"cname":"terrible","args":{"failed":true}' if index in failed else ""
            yield f'{head},"ts":{start + place * step:.3f},"dur":{step:.3f},"name":{said}{mark}}}'
        start = stop


def _summary(profile: Profile | None) -> dict[str, object]:
    if profile is None:
        return {}
    with profile.lock:
        return {
            usage.worker: {
                "host": usage.host,
                "busy_s": round(usage.busy_s, 6),
                "cpu_s": round(usage.cpu_s, 6),
                "peak_bytes": usage.peak_bytes,
            }
            for usage in profile.workers.values()
        }
