"""Watches files and sockets, and calls who wants to know: pathos' `Selector`, on the standard library's."""

from __future__ import annotations

import selectors
from collections.abc import Callable
from typing import Any

__all__ = ["Selector"]

Handler = Callable[..., Any]


class Selector:
    """Calls handlers when something can be read or written, or when nothing happens.

    A handler that returns something true stays, any other is called once. To end `watch`, set ``state`` to False.

    Attributes
    ----------
    state : bool
        Whether `watch` goes on.
    """

    _TIMEOUT = 0.5

    def __init__(self) -> None:
        self.state = True
        self._timeout: float = self._TIMEOUT
        self._input: dict[Any, list[Handler]] = {}
        self._output: dict[Any, list[Handler]] = {}
        self._exception: dict[Any, list[Handler]] = {}
        self._idle: list[Handler] = []
        self._interrupt: list[Handler] = []

    def watch(self, timeout: float | None = None) -> None:
        """Call the handlers as things happen, until none is left or ``state`` is False.

        Parameters
        ----------
        timeout : float, optional
            Seconds without an event after which the idle handlers are called (default 0.5).
        """
        self._timeout = timeout or self._timeout
        try:
            while self.state and self._has_work():
                ready = self._wait()
                if not ready:
                    self._idle = [handler for handler in self._idle if handler(self)]
                for handlers, thing in ready:
                    _dispatch(self, handlers, thing)
        except KeyboardInterrupt:
            for handler in self._interrupt:
                handler(self)
            raise

    def _has_work(self) -> bool:
        return bool(self._input or self._output or self._exception or self._idle)

    def _wait(self) -> list[tuple[dict[Any, list[Handler]], Any]]:
        """Give what is ready; what can be read comes last, as in pathos."""
        things = {
            **dict.fromkeys(self._input, 0),
            **dict.fromkeys(self._output, 0),
            **dict.fromkeys(self._exception, 0),
        }
        with selectors.DefaultSelector() as selector:
            for thing in things:
                reads = thing in self._input or thing in self._exception
                events = selectors.EVENT_READ * reads | selectors.EVENT_WRITE * (thing in self._output)
                selector.register(thing, events)
            ready = [(key.fileobj, events) for key, events in selector.select(self._timeout)]
        writes = [(self._output, thing) for thing, events in ready if events & selectors.EVENT_WRITE]
        reads_ = [(self._input, thing) for thing, events in ready if events & selectors.EVENT_READ]
        return [(handlers, thing) for handlers, thing in [*writes, *reads_] if thing in handlers]

    def notifyOnReadReady(self, fd: Any, handler: Handler) -> None:  # noqa: N802 - pathos' name
        """Call ``handler(selector, fd)`` when there is something to read."""
        self._input.setdefault(fd, []).append(handler)

    def notifyOnWriteReady(self, fd: Any, handler: Handler) -> None:  # noqa: N802 - pathos' name
        """Call ``handler(selector, fd)`` when it can be written to."""
        self._output.setdefault(fd, []).append(handler)

    def notifyOnException(self, fd: Any, handler: Handler) -> None:  # noqa: N802 - pathos' name
        """Keep a handler for exceptional conditions, which no file of today has."""
        self._exception.setdefault(fd, []).append(handler)

    def notifyOnInterrupt(self, handler: Handler) -> None:  # noqa: N802 - pathos' name
        """Call ``handler(selector)`` when `watch` is interrupted."""
        self._interrupt.append(handler)

    def notifyWhenIdle(self, handler: Handler) -> None:  # noqa: N802 - pathos' name
        """Call ``handler(selector)`` when nothing has happened for the timeout."""
        self._idle.append(handler)


def _dispatch(selector: Selector, handlers: dict[Any, list[Handler]], thing: Any) -> None:
    kept = [handler for handler in handlers[thing] if handler(selector, thing)]
    if kept:
        handlers[thing] = kept
    else:
        del handlers[thing]
