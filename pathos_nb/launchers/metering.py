"""What a profiled run costs its worker: samples, calls if they are wanted, and the time of each step of a chunk.

It is imported in a worker when the first profiled chunk comes. What is new goes with the report on each chunk; of a
chunk that goes on, once a second by a message of its own, so that of a worker that dies all but the last second stays.
"""

from __future__ import annotations

import _thread
import os
import time
from collections.abc import Callable
from typing import Any

from pathos_nb.launchers.board import Cells
from pathos_nb.launchers.clocks import Memory
from pathos_nb.launchers.sampler import Sampler
from pathos_nb.launchers.stacks import Stacks, is_own, place_of
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import PROFILE, Cost, Profiled, Profiling

__all__ = ["Metering"]

_MOST_CALLS, _MOST_CALLERS, _MOST_PEAKS, _NAME = 1500, 20, 5, 120
_clock = time.perf_counter


class Metering:
    """Measures one run in one worker.

    Parameters
    ----------
    how : Profiling
        What to measure.
    cells : Cells
        Where the worker writes down which item it is at.
    has_process : bool
        Whether the process is this worker's alone.
    post : callable, optional
        Sends a frame from any thread; without it, what is new waits for the end of its chunk.
    """

    def __init__(
        self, how: Profiling, cells: Cells, has_process: bool, post: Callable[[Frame], object] | None = None
    ) -> None:
        self._how, self._post = how, post
        self._cpu = time.process_time if has_process else time.thread_time
        self._stacks = Stacks(how.is_whole)
        tell = self._tell if post is not None else None
        self._sampler = Sampler(cells, self._stacks, how.rate_hz, has_process, tell)
        self._calls: Any = _call_counter() if how.counts_calls else None
        self._note, self._pid = "", os.getpid()
        self._chunk, self._lock = 0, _thread.allocate_lock()
        self._told_s: float | None = None
        self._begun_s = self._ran_from_s = self._ran_to_s = self._cpu_s = 0.0

    def begin(self, chunk: int) -> None:
        """Say that a chunk has come."""
        self._begun_s = self._ran_from_s = self._ran_to_s = _clock()
        self._cpu_s, self._chunk = 0.0, chunk
        self._sampler.begin("unpickling")

    def run(self, items: Callable[[], None]) -> None:
        """Run the items.

        Parameters
        ----------
        items : callable
            Runs them.
        """
        self._ran_from_s, before = _clock(), self._cpu()
        self._sampler.phase = ""
        is_counted = self._calls is not None and self._count()
        try:
            items()
        finally:
            if is_counted:
                self._calls.disable()
            self._sampler.phase = "pickling"
            self._ran_to_s, self._cpu_s = _clock(), self._cpu() - before

    def _count(self) -> bool:
        try:
            self._calls.enable()
        except ValueError:  # since Python 3.12 a process has one such profiler at a time
            self._note = "calls could not be counted everywhere: another profiler was at work in the process"
            return False
        return True

    def told(self, frame: Frame) -> Frame:
        """Put what is new into the report on the chunk."""
        if os.getpid() != self._pid:  # an item forked, and this is the child: the sampler is the parent's
            return frame
        now = _clock()
        self._sampler.end()
        wait_s = self._begun_s - self._told_s if self._told_s is not None else 0.0
        self._told_s = now
        cost = Cost(
            self._ran_from_s - self._begun_s, self._ran_to_s - self._ran_from_s, now - self._ran_to_s, wait_s,
            self._cpu_s, now - self._ran_from_s, self._sampler.peak_bytes or _memory(),
        )  # fmt: skip
        peaks = sorted(self._sampler.peaks.items(), key=lambda peak: -peak[1])[:_MOST_PEAKS]
        with self._lock:
            self._chunk = 0
            frames, stacks = self._stacks.take()
        calls = _rows_of(self._calls, frames, self._how.is_whole) if self._calls is not None else ()
        profiled = Profiled(frames, stacks, calls, peaks, tuple(cost), self._note)
        return frame._replace(meta=(*frame.meta[:8], tuple(profiled)))

    def end(self) -> None:
        """Say that the chunk is over, however it ended."""
        self._sampler.end()

    def _tell(self) -> None:
        """Send what was sampled so far; in the sampler's thread."""
        with self._lock:  # it must not come after the chunk's report
            if self._chunk and self._post is not None:
                frames, stacks = self._stacks.take()
                if stacks:
                    self._post(Frame(PROFILE, (self._chunk, tuple(Profiled(frames, stacks)))))


def _call_counter() -> Any:
    import cProfile

    return cProfile.Profile()


def _memory() -> int:
    memory = Memory()
    try:
        return memory.read()
    finally:
        memory.close()


def _rows_of(profile: Any, frames: list[Any], is_whole: bool) -> list[tuple[Any, ...]]:
    """Give what cProfile has counted, and have it begin anew."""
    profile.snapshot_stats()
    stats: dict[Any, Any] = profile.stats
    profile.clear()
    places = {frame: number for number, frame in enumerate(frames)}

    def place(key: tuple[str, int, str]) -> int:
        file, line, name = key
        frame = name[:_NAME], "" if file == "~" else place_of(file), line
        if frame not in places:
            places[frame] = len(frames)
            frames.append(frame)
        return places[frame]

    rows = []
    for key, (cc, nc, tt, ct, callers) in sorted(stats.items(), key=lambda item: -item[1][2])[:_MOST_CALLS]:
        users = {caller: told for caller, told in callers.items() if is_whole or not is_own(caller[0])}
        if not is_whole and (is_own(key[0]) or (key[0] == "~" and callers and not users)):
            continue
        kept = sorted(users.items(), key=lambda item: -item[1][3])[:_MOST_CALLERS]
        told = [(place(caller), c[1], c[0], c[2], c[3]) for caller, c in kept]
        rows.append((place(key), cc, nc, tt, ct, told))
    return rows
