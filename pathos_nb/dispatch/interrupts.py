"""Interrupts that can wait: while a pool's state changes, signals are held back."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType

from pathos_nb.launchers.hub import EventHub
from pathos_nb.launchers.inside import here
from pathos_nb.typed import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:
    import _signal as signal  # without an enumeration that is looked up for each number: 10 microseconds a map


class Interrupts:
    """Holds signals back in the main thread while a pool's state is being changed, and lets them through in between.

    Python runs a signal's handler between any two bytecodes; a KeyboardInterrupt in the midst of bookkeeping would
    leave it half done. Inside the block a handler is only noted; `check` runs it, where it can do no harm.

    In a thread that runs items it is the same with what its pool wants to raise in it (`pathos_nb.launchers.shield`).

    A signal that arrives just before the wait begins would not end it; so the interpreter is asked (`arm`) to write to
    the hub's own pipe, at the moment of the signal.

    Parameters
    ----------
    hub : EventHub or None
        Whose wait a signal ends; None where nothing is waited for but inside of `let_through`.
    """

    __slots__ = ("_before", "_hub", "_is_armed", "_noted", "_others", "_shield", "immediate", "item")

    def __init__(self, hub: EventHub | None) -> None:
        self._hub, self._others = hub, -1
        self._before: dict[int, Callable[[int, FrameType | None], Any]] = {}
        self._noted: list[int] = []
        self.immediate = self._is_armed = False
        self.item: Any = None
        self._shield: Any = None

    @contextlib.contextmanager
    def let_through(self) -> Iterator[None]:
        """Let all through inside the block, which runs a user's code, or waits for long and can be left anywhere."""
        with contextlib.nullcontext() if self._shield is None else self._shield.opened():
            self.immediate = True
            try:
                self.check()
                yield
            finally:
                self.immediate = False

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in _DEFERRED:
                handler = _getsignal(number)
                if callable(handler):
                    self._before[number] = handler
                    _signal(number, self._note)
        elif here.shield is not None:
            here.shield.hold(self._wake)
            self._shield = here.shield
        return self

    def arm(self) -> None:
        """Have a signal end the wait that is about to begin, however short before it comes."""
        if self._before and self._hub is not None and not self._is_armed:
            self._others = self._hub.write_signals_to(None)
            self._is_armed = True

    def _wake(self) -> None:
        if self._hub is not None:
            self._hub.wake()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._before.items():
            _signal(number, handler)
        if self._is_armed and self._hub is not None:
            self._hub.write_signals_to(self._others)
        shield, self._shield = self._shield, None
        if shield is not None:
            shield.let(self._wake)
            if error is None and shield.is_open:
                shield.check()
        if error is None:
            self.check()
        for number in self._noted:  # one has raised already; the others come again, now that the handlers are back
            signal.raise_signal(number)

    def _note(self, number: int, at: FrameType | None) -> None:
        if self.immediate:
            self._pass_on(number, at)
            return
        self._noted.append(number)
        self._wake()
        if self._others >= 0:  # somebody else, an event loop perhaps, waits for signals in this way too
            with contextlib.suppress(OSError):
                os.write(self._others, bytes([number]))

    def _pass_on(self, number: int, at: FrameType | None) -> None:
        """Let the handler raise in the user's code; in an item, which would keep what is raised, once more after it."""
        try:
            self._before[number](number, at)
        except BaseException:
            if self.item is not None:
                self.item.stop_requested = True
                self._noted.append(number)
            raise

    def check(self) -> None:
        """Run the handlers that were held back; one of them may raise KeyboardInterrupt."""
        if self._shield is not None:
            self._shield.check()
        while self._noted:
            number = self._noted.pop(0)
            self._before[number](number, None)


_DEFERRED = [int(number) for name in ("SIGINT", "SIGALRM") if (number := getattr(signal, name, None)) is not None]
_signal: Any = signal.signal
_getsignal: Any = signal.getsignal
