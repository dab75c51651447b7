"""What a map gives back when it does not wait: a result to come, or an iterator."""

from __future__ import annotations

import contextlib
import operator
import sys
import threading
from collections.abc import Generator, Iterator

from pathos_nb.dispatch.dispatcher import Dispatcher
from pathos_nb.dispatch.graph import Graph, node_of
from pathos_nb.dispatch.inputs import Coming, Element, Whole
from pathos_nb.dispatch.keepers import MISSING, StreamKeeper
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import CannotSend, Failure, PoolClosed, without_engine
from pathos_nb.launchers.registry import registry
from pathos_nb.typed import Any


class AsyncResult(Coming):
    """A result to come; as an argument of a later call, that call waits for it.

    Parameters
    ----------
    run : Run
        The map.
    single : bool
        Whether the result is the one value instead of a list.
    """

    def __init__(self, run: Run, single: bool = False) -> None:
        self.run, self._single = run, single
        registry.handles.add(self)

    def as_input(self) -> Whole:
        """Give what a call that has it as an argument waits for."""
        return Whole(self.run, self._single)

    def __getitem__(self, index: int) -> Element:
        """Give the result of one item, as an argument of a later call: it may be there before the others."""
        total = self.run.total
        if self._single or total is None:
            raise TypeError("the items of a map can be told apart, not those of a call: give them to another call")
        place = operator.index(index)
        if not -total <= place < total:
            raise IndexError(f"item {index} of {total}")
        return Element(self.run, place % total)

    @property
    def graph(self) -> Graph:
        """The calls that it depends on, and that depend on it; a picture in a notebook."""
        return Graph(node_of(self.run))

    def __reduce__(self) -> Any:
        cure = "give it as an argument by itself, or in a list, tuple or dictionary; or call its get() first"
        raise CannotSend("a result to come cannot be sent to a worker", cure=cure, run=self.run_id)

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self.run.run_id

    def get(self, timeout: float | None = None) -> Any:
        """Wait for the result and give it.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        object
            What the map that waits would have returned.

        Raises
        ------
        TimeoutError
            It is not there yet; it goes on.
        BaseException
            What the map that waits would have raised.
        """
        if not self.run.wait(timeout):
            raise _not_ready(timeout)
        try:
            values = self.run.result()
        except BaseException as error:
            raise without_engine(error)  # noqa: B904 - it is the same one, and its cause stays
        return values[0] if self._single else values

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is over, or so many seconds."""
        self.run.wait(timeout)

    def ready(self) -> bool:
        """Whether it is over."""
        return self.run.is_over

    def successful(self) -> bool:
        """Whether it ended without a failure.

        Raises
        ------
        ValueError
            It is not over yet.
        """
        if not self.run.is_over:
            raise ValueError(f"{self!r} is not ready")
        return self.run.state == "done" and not self.run.failures

    def cancel(self) -> None:
        """Stop it; what is finished stays on the run."""
        self.run.cancel()

    def __repr__(self) -> str:
        return f"<AsyncResult of {self.run!r}>"

    def __await__(self) -> Generator[Any, None, Any]:
        return self._in_loop().__await__()

    async def _in_loop(self) -> Any:
        import asyncio

        loop, over = asyncio.get_running_loop(), asyncio.Event()
        self.run.when_over(lambda run: _set_from_thread(loop, over))
        try:
            await over.wait()
        except asyncio.CancelledError:
            self.cancel()
            raise
        return self.get(0)


def _set_from_thread(loop: Any, over: Any) -> None:
    with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits
        loop.call_soon_threadsafe(over.set)


def _not_ready(timeout: float | None) -> TimeoutError:
    """Make what the standard library's pools raise too, if anybody could know it."""
    context = sys.modules.get("multiprocessing.context")
    error: TimeoutError = NotReady(f"no result after {timeout} s")
    if context is not None:
        error = type("NotReady", (NotReady, context.TimeoutError), {})(*error.args)
    return error


class NotReady(TimeoutError):
    """A result was asked for before it was there; it can be asked for again."""


class ResultIterator(Iterator[Any]):
    """The values of a map, one by one, in order or as they come.

    Pulls its input only inside of ``next``, in the thread that calls it, and never further ahead than its window.

    Parameters
    ----------
    run : Run
        A run that streams.
    dispatcher : Dispatcher
        Who runs it.
    """

    def __init__(self, run: Run, dispatcher: Dispatcher) -> None:
        self.run, self._attend, self._feed = run, dispatcher.attend, dispatcher.feed
        self._window, self._drop = dispatcher.feeder.window, dispatcher.drop
        assert isinstance(run.keeper, StreamKeeper)
        self._keeper = run.keeper
        self._since_feed, self._is_closed = 0, False
        self._lock = threading.Lock()

    def __iter__(self) -> ResultIterator:
        return self

    def __enter__(self) -> ResultIterator:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def next(self, timeout: float | None = None) -> Any:
        """Give the next value.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait at most.

        Returns
        -------
        object

        Raises
        ------
        StopIteration
            There are no more.
        TimeoutError
            It has not come yet; it can be asked for again.
        BaseException
            What the item raised, if the map was asked to raise; the iterator goes on after it. What the input raised.
        """
        try:
            value, failure = self._take(timeout)
        except KeyboardInterrupt:
            self.run.cancel()
            raise
        if failure is not None:
            del self  # else the traceback would hold the iterator, and the pool the traceback
            failure.reraise()
        return value

    __next__ = next

    def _take(self, timeout: float | None) -> tuple[Any, Failure | None]:
        if not self._lock.acquire(timeout=-1 if timeout is None else max(0.0, min(timeout, threading.TIMEOUT_MAX))):
            raise _not_ready(timeout)  # another thread waits for a value
        try:
            if self._is_closed:
                raise StopIteration
            index, value = self._keeper.take()
            if value is MISSING:
                index, value = self._wait(timeout)
            self._since_feed += 1
            if self._since_feed * 4 >= self._window(self.run) and not self.run.is_over:
                self._since_feed = 0
                self._feed()
        finally:
            self._lock.release()
        failure = self.run.failures.get(index)
        is_raised = failure is not None and failure is value and self.run.options.on_error == "raise"
        return value, failure if is_raised else None

    def _wait(self, timeout: float | None) -> tuple[int, Any]:
        taken: list[tuple[int, Any]] = []

        def has_come() -> bool:
            if taken:
                return True
            is_at_end = self._is_at_end()  # asked first: another thread may place the last value and end the run now
            pair = self._keeper.take()
            if pair[1] is not MISSING:
                taken.append(pair)
            return bool(taken) or is_at_end

        self._feed()
        come = self._attend(has_come, timeout, self.run)
        self.run.flush_output()
        if taken:
            return taken[0]
        if not come:
            raise _not_ready(timeout)
        self._raise_at_end()
        raise StopIteration

    def _raise_at_end(self) -> None:
        """Raise what ended the values early, once."""
        run = self.run
        error = run.error or run.source.error
        run.error = run.source.error = None
        if error is not None:
            raise error
        if run.state == "cancelled" and not self._is_closed:
            self._is_closed = True
            what = f"the map was ended after {self._keeper.n_given} values: its pool was closed, or it was cancelled"
            raise PoolClosed(what, cure="take all values before the pool is closed")

    def _is_at_end(self) -> bool:
        return self.run.is_over

    def close(self) -> None:
        """Stop the map: what is on the way is dropped, the pool is free at once."""
        self._is_closed = True
        if not self.run.is_over:
            self.run.cancel()

    def __del__(self) -> None:
        if not self.run.is_over:
            self._drop(self.run)
