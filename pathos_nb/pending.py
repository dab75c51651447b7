"""What the pathos pools hand out at once: results that are still being made.

`PendingResult` is the object of `amap` and `apipe`, `PendingValues` the iterator of `imap` and `uimap`. Both keep the
protocol that pathos takes over from multiprocess: a wait that ran out raises a TimeoutError that is also that of
multiprocess (and multiprocessing), if the program has it loaded; callbacks have returned before `get` does.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

from pathos_nb.dispatch.inputs import Coming, Element, Whole
from pathos_nb.errors import plain

__all__ = ["PendingResult", "PendingValues"]


def _as_builtin(text: str) -> TimeoutError:
    return TimeoutError(text)


def _timed_out(text: str) -> TimeoutError:
    """Give a TimeoutError that every name this program may catch it by will catch.

    Parameters
    ----------
    text : str
        Its message.

    Returns
    -------
    TimeoutError
        The builtin one, and that of each multiprocessing library that is loaded.
    """
    loaded = [sys.modules[name] for name in ("multiprocess.context", "multiprocessing.context") if name in sys.modules]
    bases = (TimeoutError, *(library.TimeoutError for library in loaded))
    names = {"__reduce__": lambda self: (_as_builtin, (str(self),)), "__module__": __name__}
    error: TimeoutError = type("TimeoutError", bases, names)(text)
    return error


class PendingResult(Coming):
    """The result of a map or a call that goes on meanwhile.

    Parameters
    ----------
    made : object
        What the engine gives: ``get wait ready successful``.
    callback : callable, optional
        Called with the value when it is there.
    error_callback : callable, optional
        Called with the exception if there is no value.
    """

    def __init__(
        self,
        made: Any,
        callback: Callable[[Any], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> None:
        self._made = made
        self._caller: threading.Thread | None = None
        if callback is not None or error_callback is not None:
            told = (callback, error_callback)
            self._caller = threading.Thread(target=self._tell, args=told, name="pathos_nb-callback", daemon=True)
            self._caller.start()

    def _tell(
        self, callback: Callable[[Any], object] | None, error_callback: Callable[[BaseException], object] | None
    ) -> None:
        try:
            value = self._made.get()
        except BaseException as error:
            if error_callback is not None:
                error_callback(error)
            return
        if callback is not None:
            callback(value)

    def as_input(self) -> Whole | Element:
        """Give what a call that has it as an argument waits for."""
        found: Whole | Element = self._made.as_input()
        return found

    def __getitem__(self, index: int) -> Element:
        """Give the result of one item, as an argument of a later call."""
        found: Element = self._made[index]
        return found

    def wait(self, timeout: float | None = None) -> None:
        """Wait until the result is there, or the time is over.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without it, as long as it takes.
        """
        caller = self._other_caller()
        if caller is not None:
            caller.join(timeout)
        else:
            self._made.wait(timeout)

    def _other_caller(self) -> threading.Thread | None:
        """Give the thread that calls the callbacks, if there is one; not to a callback, which would wait for itself."""
        return None if self._caller is threading.current_thread() else self._caller

    def ready(self) -> bool:
        """Tell whether the result is there.

        Returns
        -------
        bool
            True once `get` does not wait.
        """
        caller = self._other_caller()
        if caller is not None:
            return not caller.is_alive()
        return bool(self._made.ready())

    def successful(self) -> bool:
        """Tell whether there is a value rather than an exception.

        Returns
        -------
        bool
            False if `get` will raise.

        Raises
        ------
        ValueError
            If the result is not there yet.
        """
        if not self.ready():
            raise ValueError("the result is not there yet: wait() for it first")
        return bool(self._made.successful())

    @plain
    def get(self, timeout: float | None = None) -> Any:
        """Wait for the result and give it.

        Parameters
        ----------
        timeout : float, optional
            Seconds; without it, as long as it takes.

        Returns
        -------
        object
            The list of a map, in order, or the value of a call.

        Raises
        ------
        TimeoutError
            If it is not there in time; it is still being made.
        Exception
            What the function raised, as itself.
        """
        self.wait(timeout)
        if timeout is not None and not self.ready():
            raise _timed_out(f"no result within {timeout} s; it is still being made, get() it later")
        return self._made.get()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._made!r}>"

    def __call__(self) -> Any:
        """Wait for the result and give it, as the results of ParallelPool do."""
        return self.get()

    def __await__(self) -> Generator[Any, None, Any]:
        yielded: Generator[Any, None, Any] = self._made.__await__()
        return yielded

    def __getattr__(self, name: str) -> Any:
        if name == "_made":  # not built yet, or being unpickled
            raise AttributeError(name)
        return getattr(self._made, name)


class PendingValues(Iterator[Any]):
    """The results of a lazy map, one by one.

    Parameters
    ----------
    made : iterator
        What the engine gives.
    """

    def __init__(self, made: Any) -> None:
        self._made = made

    def __iter__(self) -> PendingValues:
        return self

    def __next__(self) -> Any:
        return next(self._made)

    def next(self, timeout: float | None = None) -> Any:
        """Give the next result.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for it; without it, as long as it takes.

        Returns
        -------
        object
            The next result.

        Raises
        ------
        StopIteration
            After the last.
        TimeoutError
            If it is not there in time; ask again later.
        """
        if timeout is None:
            return next(self._made)
        try:
            return self._made.next(timeout=timeout)
        except TimeoutError as error:  # of the wait; one that an item raised comes with a worker's traceback
            if error.__cause__ is not None:
                raise
            raise _timed_out(str(error)) from None

    def close(self) -> None:
        """Stop the map: what has not been started will not be."""
        self._made.close()

    def __enter__(self) -> PendingValues:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
