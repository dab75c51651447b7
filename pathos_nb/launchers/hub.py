"""Where all events of a pool, or of an agent, arrive: descriptors, timers, calls from other threads."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import math
import os
import selectors
import threading
import time
from collections import deque
from collections.abc import Callable

from pathos_nb.typed import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without the enumeration: 10 microseconds a map

Ready = list[tuple[selectors.SelectorKey, int]]


class Call:
    """A call that has been asked for, unless it is called off."""

    __slots__ = ("callback",)

    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        """Make sure that it never comes."""
        self.callback = None


class EventHub:
    """Waits for descriptors, timers and posted calls; runs no callback by itself.

    `wait` is for one thread at a time and touches nothing; `handle` runs the callbacks, under the caller's lock.

    Attributes
    ----------
    token : str
        A name that no other hub has, here or elsewhere: what a pool is known by.
    is_closed : bool
        Whether nothing will come any more.
    """

    def __init__(self) -> None:
        self.token = os.urandom(6).hex()
        self._selector = selectors.DefaultSelector()
        self._wake_r, self._wake_w = os.pipe()
        os.set_blocking(self._wake_r, False)
        os.set_blocking(self._wake_w, False)
        self.is_closed = False
        self._calls: dict[int, Any] = {}  # by descriptor: what is called, as the selector has it too
        self.watch(self._wake_r, self._drain)
        self._posted: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Call]] = []
        self._count = itertools.count()
        self._closing = threading.RLock()  # a signal's handler may wake, too
        self._waits_until = _NOT_WAITING

    def watch(self, fd: int, on_readable: Callable[[], None], on_writable: Callable[[], None] | None = None) -> None:
        """Call back when the descriptor is ready; see `Hub.watch`."""
        if self.is_closed:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if on_writable else 0)
        key, calls = self._selector.get_map().get(fd), (on_readable, on_writable)
        if key is None:
            self._selector.register(fd, wanted, calls)
            self._calls[fd] = calls
        elif key.events != wanted:
            self._selector.modify(fd, wanted, calls)
            self._calls[fd] = calls

    def unwatch(self, fd: int) -> None:
        """Forget the descriptor."""
        self._calls.pop(fd, None)
        with contextlib.suppress(KeyError, ValueError, AttributeError):  # the last: it is closed
            self._selector.unregister(fd)

    def post(self, callback: Callable[[], None]) -> None:
        """Have something called in the thread that runs the hub."""
        self._posted.append(callback)
        self.wake()

    def wake(self) -> None:
        """End a wait that is under way, or the next one."""
        with self._closing:
            if self.is_closed:
                return  # the descriptor's number may be another file's by now
            with contextlib.suppress(OSError):  # full is as good as awake
                os.write(self._wake_w, b"!")

    def write_signals_to(self, fd: int | None) -> int:
        """Have the interpreter write each signal to this hub (None) or to a descriptor; give where it did before."""
        if self.is_closed and fd is None:
            return -1
        return int(_set_wakeup_fd(self._wake_w if fd is None else fd, warn_on_full_buffer=False))

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Call:
        """Have something called after a delay, by whoever waits then; one that waits for longer is woken."""
        call, due = Call(callback), time.monotonic() + delay_s
        heapq.heappush(self._timers, (due, next(self._count), call))
        if due < self._waits_until:
            self.wake()
        return call

    def wait(self, timeout_s: float | None) -> Ready:
        """Wait for something to do.

        Parameters
        ----------
        timeout_s : float or None
            At most so long.

        Returns
        -------
        list
            To be given to `handle`; empty once the hub is closed.
        """
        self._waits_until = math.inf  # before it is looked what there is: what comes from now on ends the wait
        try:
            if self._timers:
                until = max(0.0, self._timers[0][0] - time.monotonic())
                timeout_s = until if timeout_s is None else min(until, timeout_s)
            # Systems refuse waits of years; whoever waits asks again anyway.
            return self._selector.select(None if timeout_s is None else min(timeout_s, _LONGEST_S))
        except (OSError, ValueError, IndexError):  # closed by another thread; the last: its timers went with it
            if self.is_closed:
                return []
            raise
        finally:
            self._waits_until = _NOT_WAITING

    def look(self) -> Ready:
        """Give what is ready now, without waiting."""
        try:
            return self._selector.select(0)
        except (OSError, ValueError):
            if self.is_closed:
                return []
            raise

    def handle(self, ready: Ready) -> None:
        """Run the callbacks of what is ready, of timers that are due, and what was posted; not once it is closed."""
        if self.is_closed:  # the numbers of its descriptors may be other files' by now
            return
        for key, events in ready:
            if key.fd not in self._calls or self._calls[key.fd] is not key.data:
                continue  # what was ready has been let go since, or the number is another's
            on_readable, on_writable = key.data
            if events & selectors.EVENT_READ:
                on_readable()
            if events & selectors.EVENT_WRITE and on_writable is not None:
                on_writable()
        while self._posted:
            self._posted.popleft()()
        while self._timers and self._timers[0][0] <= time.monotonic():
            call = heapq.heappop(self._timers)[2]
            if call.callback is not None:
                call.callback()

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._wake_r, 4096)

    def close(self) -> None:
        """Close the descriptors."""
        with self._closing:
            if self.is_closed:
                return
            self.is_closed = True
            try:  # an interrupt may come between any two of these: a pool may be closed in an item of a thread
                self._selector.close()
            finally:
                try:
                    os.close(self._wake_r)
                finally:
                    os.close(self._wake_w)
            self._calls.clear()
            self._timers.clear()  # they hold workers, and these the memory they share
            self._posted.clear()


_LONGEST_S = 3600.0
_NOT_WAITING = -math.inf
_set_wakeup_fd: Any = signal.set_wakeup_fd
