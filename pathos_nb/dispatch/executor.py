"""A pool as a `concurrent.futures.Executor`.

::

    submit ──► waiting (can be cancelled) ──► a run of what has gathered ──► slots
                    ▲                             │
                    └──── room again ◄──── deliver: futures get their values; then callbacks are called

What is submitted while the slots are busy is gathered and goes as one run, so that many small calls cost little each.
Only a few calls more than there are slots are handed over at a time; the rest can still be cancelled. Where calls turn
out to be short more are handed over, so that there is always work for some 10 ms.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, NamedTuple, ParamSpec, Protocol, TypeVar

from pathos_nb.dispatch.futures import Callbacks, PoolFuture
from pathos_nb.errors import BadOption, Failure, RemoteTraceback

__all__ = ["PoolExecutor"]

P = ParamSpec("P")
T = TypeVar("T")

_SHORT_S, _LONG_S = 0.01, 0.04
_AHEAD, _MOST_AHEAD = 2, 256  # calls handed over, a slot


class _Run(Protocol):
    """What is needed of a run, and of what takes its values."""

    keeper: Any

    def cancel(self) -> None: ...

    def wait(self, timeout: float | None = None) -> bool: ...


class _Pool(Protocol):
    """What is needed of a pool."""

    @property
    def nodes(self) -> int: ...

    @property
    def places(self) -> tuple[str, ...]: ...

    def at_close(self, callback: Callable[[bool], None]) -> None: ...

    def start(self, f: Callable[..., Any], *seqs: Iterable[Any], **options: Any) -> _Run: ...


class _Call(NamedTuple):
    future: Future[Any]
    work: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]


class PoolExecutor(Executor):
    """What ``pool.executor()`` gives.

    Shutting it down leaves the pool open; the pool, when it closes, first finishes what was submitted.

    Parameters
    ----------
    pool : Pool
        Who does the work.
    n_ahead : int, optional
        How many calls are handed to the pool at a time at least, which is also how many run at once at most if it is
        less than the pool has slots; by default as many as keep the slots busy.
    **options : object
        Options of `Pool.map` that hold for every call, such as ``timeout`` and ``retries``.
    """

    def __init__(self, pool: _Pool, *, n_ahead: int | None = None, **options: Any) -> None:
        self._pool, self._options, self._n_ahead = pool, {"progress": False, **options}, n_ahead
        self._is_serial = pool.places == ("serial",)
        self._waiting: deque[_Call] = deque()
        self._runs: dict[_Delivery, _Run | None] = {}
        self._n_running, self._window = 0, self._least()
        self._is_shut = False
        self._changed = threading.Condition()
        self.callbacks = Callbacks(self._tell_who_waits)
        pool.at_close(self._on_pool_close)

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel as one of the pool where it arrives, with nothing submitted."""
        return _executor, (self._pool, self._n_ahead, self._options)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a function called.

        Parameters
        ----------
        fn : callable
            The function.
        *args, **kwargs : object
            What to call it with.

        Returns
        -------
        concurrent.futures.Future
            Can be cancelled while it waits for a slot. An exception of the function is its own exception, with the
            worker's traceback as its cause. Its callbacks may use the pool, and wait for other futures.

        Raises
        ------
        RuntimeError
            After `shutdown`. A closed pool is told by the future's exception, `PoolClosed`.
        """
        future: PoolFuture[T] = PoolFuture(self.callbacks)
        with self._changed:
            self._refuse_shut()
            self._waiting.append(_Call(future, (fn, args, kwargs)))
        self._feed()
        self._hand_over()
        return future

    def map(
        self, fn: Callable[..., T], *iterables: Iterable[Any], timeout: float | None = None, chunksize: int = 0
    ) -> Iterator[T]:
        """Call a function for each item, all of which are taken from the input at once.

        Parameters
        ----------
        fn : callable
            Takes one item of each iterable.
        *iterables : iterable
            The shortest one counts.
        timeout : float, optional
            How long to wait for a result, in seconds from this call.
        chunksize : int, optional
            Items sent together; 0 lets the pool find it by what they take.

        Returns
        -------
        iterator
            Results in order. A failed item's exception is raised in its place and ends it; ending or dropping the
            iterator cancels what has not been run.

        Raises
        ------
        RuntimeError
            After `shutdown`.
        TimeoutError
            By the iterator.
        """
        if chunksize < 0:
            raise BadOption(f"chunksize must be 0 or more, not {chunksize}")
        with self._changed:
            self._refuse_shut()
        deadline = None if timeout is None else time.monotonic() + timeout
        rows = list(zip(*iterables, strict=False))
        results = _Results(self, len(rows))
        if rows:
            self._start(results, fn, rows, chunksize or None)
            self._hand_over()
        return self._in_order(results, deadline)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; the pool stays as it is.

        Parameters
        ----------
        wait : bool
            Return when all that was submitted is done, callbacks included but for the one that calls this.
        cancel_futures : bool
            Cancel what waits, and what is left of every `map`.
        """
        with self._changed:
            self._is_shut = True
        if cancel_futures:
            self._cancel(_Results)
        if wait:
            with self._changed:
                self._changed.wait_for(lambda: not (self._waiting or self._runs or self.callbacks.are_elsewhere()))

    def abort(self) -> None:
        """Cancel all there is, running calls too, without waiting; more can be submitted."""
        self._cancel(_Delivery)

    def _on_pool_close(self, cancel: bool) -> None:
        self.shutdown(wait=not cancel, cancel_futures=cancel)

    def _tell_who_waits(self) -> None:
        if self._is_shut:
            with self._changed:
                self._changed.notify_all()

    # --- how calls get to the pool -------------------------------------------------------------------------------

    def _least(self) -> int:
        return self._n_ahead or _AHEAD * self._pool.nodes

    def _refuse_shut(self) -> None:
        if self._is_shut:
            raise RuntimeError("cannot schedule new futures after shutdown")

    def _feed(self) -> None:
        calls = self._take()
        if calls:
            self._start(_Futures(self, calls), _call, [call.work for call in calls], 1)

    def _take(self) -> list[_Call]:
        """Take what may be handed over now, if it is worth a run."""
        with self._changed:
            if not self._waiting or self._n_running >= self._worth_more():
                return []
            calls: list[_Call] = []
            while self._waiting and self._n_running + len(calls) < self._window:
                call = self._waiting.popleft()
                if call.future.set_running_or_notify_cancel():
                    calls.append(call)
            self._n_running += len(calls)
            self._changed.notify_all()
            return calls

    def _worth_more(self) -> int:
        # One by one where calls are long; where they are short a run of one call would cost more than the call.
        return self._window if self._window == self._least() else self._window // 2

    def _start(
        self, delivery: _Delivery, function: Callable[..., Any], rows: Sequence[Any], chunksize: int | None
    ) -> None:
        # Without the lock: a callback of a future may be called from within start, and submit again.
        with self._changed:
            self._runs[delivery] = None
        options = {**self._options, "star": True, "chunksize": chunksize, "on_error": "keep"}
        try:
            run = self._pool.start(function, rows, deliver=delivery, **options)
        except Exception as error:  # a pool that has closed since, or refuses: the futures tell
            delivery(range(len(rows)), [Failure(index, error) for index in range(len(rows))])
            return
        with self._changed:
            if delivery in self._runs:
                self._runs[delivery] = run
        if delivery.is_unwanted:
            run.cancel()
        if self._is_serial:
            run.wait()

    def _hand_over(self) -> None:
        """On the serial launcher what was submitted is done by now; in a callback it would wait for that to end."""
        if self._is_serial and self.callbacks.are_mine():
            for run in list(self._runs.values()):
                if run is not None:
                    run.keeper.hand_over()

    def _done(self, n_items: int, n_calls: int, delivery: _Delivery) -> None:
        """Make room for more, and see to it that the slots have work for some 10 ms."""
        with self._changed:
            self._n_running -= n_calls
            delivery.n_left -= n_items
            if delivery.n_left == 0:
                self._runs.pop(delivery, None)
                self._adapt(time.monotonic() - delivery.started)
                self._changed.notify_all()
        self._feed()

    def _adapt(self, seconds: float) -> None:
        if self._n_ahead is None and seconds < _SHORT_S and self._waiting:
            self._window = min(2 * self._window, _MOST_AHEAD * self._pool.nodes)
        elif seconds > _LONG_S:
            self._window = max(self._window // 2, self._least())

    def _cancel(self, kind: type[_Delivery]) -> None:
        with self._changed:
            waiting, self._waiting = self._waiting, deque()
            deliveries = [delivery for delivery in self._runs if isinstance(delivery, kind)]
            self._changed.notify_all()
        for call in waiting:
            call.future.cancel()
            call.future.set_running_or_notify_cancel()
        for delivery in deliveries:
            self._drop(delivery)

    def _drop(self, delivery: _Delivery) -> None:
        with self._changed:
            delivery.is_unwanted = True
            run = self._runs.get(delivery)
        if run is not None:
            run.cancel()

    def _in_order(self, results: _Results, deadline: float | None) -> Iterator[Any]:
        try:
            for index in range(results.n_items):
                yield results.take(index, deadline)
        finally:
            self._drop(results)


def _executor(pool: _Pool, n_ahead: int | None, options: dict[str, Any]) -> PoolExecutor:
    return PoolExecutor(pool, n_ahead=n_ahead, **options)


class _Delivery:
    """Takes what comes of one run. The pool calls it, with indices and their values, each once."""

    def __init__(self, executor: PoolExecutor, n_items: int) -> None:
        self.executor, self.n_items, self.n_left = executor, n_items, n_items
        self.started, self.is_unwanted = time.monotonic(), False

    def __call__(self, indices: Sequence[int], values: Sequence[Any]) -> None:
        raise NotImplementedError


class _Futures(_Delivery):
    """A run of submitted calls."""

    def __init__(self, executor: PoolExecutor, calls: Sequence[_Call]) -> None:
        super().__init__(executor, len(calls))
        self.calls = calls

    def __call__(self, indices: Sequence[int], values: Sequence[Any]) -> None:
        callbacks = self.executor.callbacks
        is_outermost = callbacks.gather()
        try:
            for index, value in zip(indices, values, strict=True):
                future = self.calls[index].future
                if type(value) is Failure:
                    future.set_exception(_error_of(value))
                else:
                    future.set_result(value.failure if type(value) is _Returned else value)
            self.executor._done(len(indices), len(indices), self)  # first: a callback may wait for what takes its place
        finally:
            if is_outermost:
                callbacks.call_all()


class _Results(_Delivery):
    """The run of a map."""

    def __init__(self, executor: PoolExecutor, n_items: int) -> None:
        super().__init__(executor, n_items)
        self.values: dict[int, Any] = {}
        self.came = threading.Condition()

    def __call__(self, indices: Sequence[int], values: Sequence[Any]) -> None:
        with self.came:
            self.values.update(zip(indices, values, strict=True))
            self.came.notify_all()
        self.executor._done(len(indices), 0, self)

    def take(self, index: int, deadline: float | None) -> Any:
        with self.came:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not self.came.wait_for(lambda: index in self.values, left):
                raise FutureTimeoutError
            value = self.values.pop(index)
        if type(value) is Failure:
            raise _error_of(value)
        return value


class _Returned(NamedTuple):
    """A `Failure` that a function returned, and did not suffer."""

    failure: Failure


def _call(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    value = function(*args, **kwargs)
    return _Returned(value) if type(value) is Failure else value


def _error_of(failure: Failure) -> BaseException:
    error = failure.error
    if failure.traceback:
        error.__cause__ = RemoteTraceback(
            failure.traceback, failure.index, failure.argument, failure.worker, failure.host
        )
    return error
