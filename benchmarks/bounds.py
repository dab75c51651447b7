"""Bounds of physics: what no pool on this machine can beat, run in the same turns as the pools."""

from __future__ import annotations

import heapq
import os
import pickle
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.work import spin


def bare_pair(shares: Sequence[Sequence[int]], function: Callable[[int], Any] = spin) -> float:
    """Give the seconds of bare forked processes that know their shares beforehand and return nothing.

    This is sum ÷ cores as the machine really does it: its cores share caches, clock and neighbours.
    """
    go_read, go_write = os.pipe()
    done_read, done_write = os.pipe()
    pids = [_child(go_read, done_write, share, function) for share in shares]
    time.sleep(0.02)
    begin = time.perf_counter()
    os.write(go_write, b"g" * len(shares))
    for _ in shares:
        os.read(done_read, 1)
    seconds = time.perf_counter() - begin
    for pid in pids:
        os.waitpid(pid, 0)
    for descriptor in (go_read, go_write, done_read, done_write):
        os.close(descriptor)
    return seconds


def _child(go_read: int, done_write: int, share: Sequence[int], function: Callable[[int], Any]) -> int:
    pid = os.fork()
    if pid:
        return pid
    os.read(go_read, 1)
    for item in share:
        function(item)
    os.write(done_write, b"d")
    os._exit(0)


def even_shares(items: Sequence[int], n_shares: int = 2) -> list[list[int]]:
    """Deal items out so that the sums are as even as longest-first can make them."""
    heap: list[tuple[int, int, list[int]]] = [(0, rank, []) for rank in range(n_shares)]
    for item in sorted(items, reverse=True):
        total, rank, share = heapq.heappop(heap)
        share.append(item)
        heapq.heappush(heap, (total + item, rank, share))
    return [share for _, _, share in sorted(heap, key=lambda entry: entry[1])]


def list_schedule(items: Sequence[float], n_workers: int = 2) -> float:
    """Give the makespan of workers that each take the next item, in order, when they are free."""
    ends = [0.0] * n_workers
    for item in items:
        heapq.heapreplace(ends, ends[0] + item)
    return max(ends)


def bulk_pickle(items: Any) -> float:
    """Give the seconds to pickle and unpickle the items at once, there and back."""
    begin = time.perf_counter()
    there = pickle.loads(pickle.dumps(items, protocol=5))
    pickle.loads(pickle.dumps(there, protocol=5))
    return time.perf_counter() - begin


def pipe_round_trips(n_trips: int) -> list[float]:
    """Give the seconds of each of `n_trips` one-byte round trips over pipes to another process."""
    there_read, there_write = os.pipe()
    back_read, back_write = os.pipe()
    pid = os.fork()
    if not pid:
        while os.read(there_read, 1) == b"x":
            os.write(back_write, b"x")
        os._exit(0)
    times = [_round_trip(there_write, back_read) for _ in range(n_trips)]
    os.write(there_write, b"q")
    os.waitpid(pid, 0)
    for descriptor in (there_read, there_write, back_read, back_write):
        os.close(descriptor)
    return times


def _round_trip(there_write: int, back_read: int) -> float:
    begin = time.perf_counter()
    os.write(there_write, b"x")
    os.read(back_read, 1)
    return time.perf_counter() - begin


def memory_copy(arrays: Sequence[Any], n_copies: int) -> float:
    """Give the seconds to copy the arrays `n_copies` times into memory that is already there."""
    import numpy as np

    target = np.empty_like(arrays[0])
    target[:] = 0
    begin = time.perf_counter()
    for array in arrays:
        for _ in range(n_copies):
            np.copyto(target, array)
    return time.perf_counter() - begin
