"""A sampler: a thread that looks, a hundred times a second, at what another thread is at.

::

    worker's thread     [unpickling] items, items, items [pickling]      asleep for want of work
    sampler's thread    |    |    |    |    |    |    |    |    |        ends by itself, begins with the next chunk
                        stack · processor time · time without a core · memory

Each look stands for the time since the last one. Of that the thread's own clock tells how much it worked, and the
system how much it could have but for want of a core. Whether it worked in Python or in C is told by what it is at (an
instruction that may call C, or not) and by how long the sampler itself had to wait for the lock that only one thread
of Python can hold: not at all while C code goes on without the lock; one switch interval while Python runs; longer in
C code that keeps the lock. What is neither work nor want of a core is waiting: for that lock, or for something else.
"""

from __future__ import annotations

import _thread
import opcode
import os
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

from pathos_nb.launchers.board import OFFSET, Cells
from pathos_nb.launchers.clocks import Memory, ThreadClock, ThreadState, cpu_clock
from pathos_nb.launchers.stacks import Stacks
from pathos_nb.wire.protocol import KINDS

__all__ = ["Sampler"]

_LINGER_S = 0.2
_MOST_PEAKS, _MOST_CODES = 4096, 20_000
_PYTHON, _NATIVE, _WAITING, _GIL, _STARVED = range(len(KINDS))
_MAY_CALL: tuple[str, ...] = (
    "CALL",
    "PRECALL",  # of Python 3.11, which calls there what it has specialized a call for
    "BINARY",
    "INPLACE",
    "COMPARE",
    "CONTAINS",
    "FOR_ITER",
    "GET_",
    "UNARY",
    "STORE_SUBSCR",
    "SEND",
)
_MAY_CALL += ("LIST_EXTEND", "SET_UPDATE", "DICT_", "FORMAT", "LOAD_ATTR", "LOAD_METHOD", "IMPORT", "UNPACK", "DELETE")
_CALLS = frozenset(code for name, code in opcode.opmap.items() if name.startswith(_MAY_CALL))
_IDLE_FILES = ("threading.py", "queue.py", "selectors.py", "socket.py", "thread.py", "connection.py", "subprocess.py")
_RESUME = opcode.opmap.get("RESUME", -1)
_NOISE_S, _MEMORY_LOOKS = 2e-3, 4
_FREE, _HELD = 0.5, 3.0  # how many switch intervals the lock is waited for, at most if free, at least if C code has it


class Sampler:
    """Looks at one worker's thread while it is at work.

    Parameters
    ----------
    cells : Cells
        Where the worker writes down which item it is at.
    stacks : Stacks
        Takes what is seen.
    rate_hz : float
        How often to look.
    has_process : bool
        Whether the process is this worker's alone, so that its other threads are its items' own.
    tell : callable, optional
        Called about once a second in the sampler's thread, while a chunk goes on.

    Attributes
    ----------
    phase : str or None
        What the worker does besides items; empty in items, None between chunks.
    peaks : dict
        An item's place in its chunk → the most memory that was seen meanwhile.
    """

    def __init__(
        self, cells: Cells, stacks: Stacks, rate_hz: float, has_process: bool, tell: Callable[[], None] | None = None
    ) -> None:
        self._cells, self._stacks, self._tell = cells, stacks, tell
        self._interval_s, self._has_process = 1.0 / rate_hz, has_process
        self.phase: str | None = None
        self.peaks: dict[int, int] = {}
        self.peak_bytes = 0
        self._lock = _thread.allocate_lock()
        self._ident, self._pid, self._native, self._is_there = 0, 0, 0, False
        self._idle_since_s = self._told_s = 0.0
        self._n_threads, self._n_looks = 2, 0
        self._texts: dict[int, tuple[object, bytes]] = {}

    def begin(self, phase: str) -> None:
        """Say that this thread begins a chunk."""
        with self._lock:
            self.phase = phase
            self.peaks, self.peak_bytes = {}, 0
            self._told_s = time.perf_counter()
            if not self._is_there or self._pid != os.getpid() or self._ident != _thread.get_ident():
                self._ident, self._pid, self._is_there = _thread.get_ident(), os.getpid(), True
                self._native = threading.get_native_id()
                _thread.start_new_thread(self._run, (self._ident,))

    def end(self) -> None:
        """Say that the chunk is over."""
        self.phase = None
        self._idle_since_s = time.perf_counter()

    def _run(self, ident: int) -> None:
        eyes = _Eyes(ident, self._native)
        try:
            self._look_on(ident, eyes)
        finally:
            eyes.close()

    def _look_on(self, ident: int, eyes: _Eyes) -> None:
        due = time.perf_counter()
        while True:
            due = max(due + self._interval_s, time.perf_counter())
            time.sleep(max(0.0, due - time.perf_counter()))
            now = time.perf_counter()
            try:
                seen = eyes.look(now, due)
            except OSError:  # the thread has ended
                return
            if self._ident != ident or self._is_idle(now):
                return
            phase = self.phase
            if phase is not None:
                self._sample(eyes, phase, seen)
            if phase is not None and self._tell is not None and now - self._told_s > 1.0:
                self._told_s = now
                self._tell()

    def _is_idle(self, now: float) -> bool:
        """Whether there has been nothing to look at for a while; then the thread ends."""
        if self.phase is not None or now - self._idle_since_s < _LINGER_S:
            return False
        with self._lock:
            if self.phase is None:
                self._is_there = False
            return self.phase is None

    def _sample(self, eyes: _Eyes, phase: str, times: tuple[float, float, float, float]) -> None:
        frames = sys._current_frames()
        frame = frames.get(self._ident)
        if frame is None:
            return
        late = times[3] / sys.getswitchinterval()
        if late > _HELD and self._is_entered(frame) and frame.f_back is not None:
            frame = frame.f_back  # what kept the lock was called before, and gave it up at the next chance
        place, is_ready = self._place(frame), eyes.is_ready
        self._n_threads = len(frames)
        self._stacks.add(frame, place, phase, self._shares(frame, place, is_ready, times))
        self._n_looks += 1
        if self._n_looks % _MEMORY_LOOKS == 1:
            self._note_memory(eyes.memory.read())
        if self._has_process and len(frames) > 2:
            self._see_others(frames, eyes, times[0], times[3])

    def _see_others(self, frames: dict[int, FrameType], eyes: _Eyes, seen_s: float, late_s: float) -> None:
        """Look at threads that items have started; those that only wait for work are left out."""
        for thread in list(threading.enumerate()):
            frame = frames.get(thread.ident or 0)
            if frame is None or thread.native_id is None or thread.ident in (self._ident, _thread.get_ident()):
                continue
            cpu_s, starved_s = eyes.look_at(thread.native_id)
            if cpu_s + starved_s < 0.05 * seen_s and frame.f_code.co_filename.endswith(_IDLE_FILES):
                continue
            place = self._place(frame)
            shares = self._shares(frame, place, lambda: False, (seen_s, cpu_s, starved_s, late_s))
            self._stacks.add(frame, place, "", shares)

    def _shares(
        self, frame: FrameType, place: int, is_ready: Callable[[], bool], times: tuple[float, float, float, float]
    ) -> list[float]:
        """Share the time since the last look out among the kinds."""
        seen_s, cpu_s, starved_s, late_s = times
        shares = [0.0] * len(KINDS)
        cpu_s = min(cpu_s, seen_s)
        shares[_STARVED] = starved_s = min(starved_s, seen_s - cpu_s)
        rest_s = seen_s - cpu_s - starved_s
        if rest_s < max(_NOISE_S, 0.15 * seen_s):
            cpu_s, rest_s = cpu_s + rest_s, 0.0
        switch_s = sys.getswitchinterval()
        is_native = place >= 0 and (late_s < _FREE * switch_s or late_s > _HELD * switch_s)
        shares[_NATIVE if is_native else _PYTHON] = cpu_s
        if rest_s and is_ready():  # the system counts that when the thread gets its core
            shares[_STARVED] += rest_s
        elif rest_s:
            shares[_GIL if self._wants_lock(frame, place >= 0, late_s / switch_s) else _WAITING] = rest_s
        return shares

    def _wants_lock(self, frame: FrameType, calls: bool, late: float) -> bool:
        """Whether a thread that does not run waits for the lock of Python: then another one has it, the sampler saw."""
        if self._has_process and self._n_threads <= 2:
            return False
        return late > _FREE and not (calls and self._stacks.waits_in(frame))

    def _is_entered(self, frame: FrameType) -> bool:
        """Whether a frame is at the very beginning of its function."""
        self._place(frame)
        return frame.f_lasti < 0 or self._texts[id(frame.f_code)][1][frame.f_lasti] == _RESUME

    def _place(self, frame: FrameType) -> int:
        """Give the instruction that a frame is at, if it may be in C code; else -1."""
        code = frame.f_code
        known = self._texts.get(id(code))
        if known is None:
            if len(self._texts) > _MOST_CODES:
                self._texts.clear()
            known = self._texts[id(code)] = code, code.co_code
        at = frame.f_lasti
        return at if 0 <= at < len(known[1]) and known[1][at] in _CALLS else -1

    def _note_memory(self, n_bytes: int) -> None:
        self.peak_bytes = max(self.peak_bytes, n_bytes)
        offset, peaks = int(self._cells.view[OFFSET]), self.peaks
        if n_bytes > peaks.get(offset, 0) and len(peaks) < _MOST_PEAKS:
            peaks[offset] = n_bytes


class _Eyes:
    """What a sampler's thread reads, as differences to its last look."""

    def __init__(self, ident: int, native_id: int) -> None:
        self.memory = Memory()
        self._cpu, self._clock, self._state = cpu_clock(ident), ThreadClock(native_id), ThreadState(native_id)
        self._own = ThreadClock(threading.get_native_id())
        self._others: dict[int, tuple[ThreadClock, tuple[float, float]]] = {}
        self._at_s, self._cpu_s = time.perf_counter(), self._cpu()
        self._starved_s, self._own_s = self._clock.read()[1], self._own.read()[1]

    def is_ready(self) -> bool:
        """Whether the thread could go on, but for a core."""
        return self._state.is_ready()

    def look(self, now: float, due: float) -> tuple[float, float, float, float]:
        """Give seconds since the last look, those at work and without a core, and how long the lock was waited for."""
        before = self._at_s, self._cpu_s, self._starved_s, self._own_s
        self._at_s, self._cpu_s = now, self._cpu()
        self._starved_s, self._own_s = self._clock.read()[1], self._own.read()[1]
        late_s = max(0.0, now - due - (self._own_s - before[3]))
        return now - before[0], self._cpu_s - before[1], max(0.0, self._starved_s - before[2]), late_s

    def look_at(self, native_id: int) -> tuple[float, float]:
        """Give seconds at work and without a core of another thread, since it was last looked at."""
        clock, before = self._others.get(native_id) or (ThreadClock(native_id), (0.0, 0.0))
        now = clock.read()
        is_new = native_id not in self._others
        self._others[native_id] = clock, now
        return (0.0, 0.0) if is_new else (max(0.0, now[0] - before[0]), max(0.0, now[1] - before[1]))

    def close(self) -> None:
        """Close what is read from."""
        for clock in (self._clock, self._own, *(clock for clock, _ in self._others.values())):
            clock.close()
        self._state.close()
        self.memory.close()
