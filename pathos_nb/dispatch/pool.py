"""The pool: workers at one or more places, and the maps of pathos on them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from pathos_nb.dispatch.deliveries import CallbackKeeper, Deliver
from pathos_nb.dispatch.dispatcher import Dispatcher
from pathos_nb.dispatch.handles import AsyncResult, ResultIterator
from pathos_nb.dispatch.hub import Interrupts
from pathos_nb.dispatch.keepers import Keeper, ListKeeper, StreamKeeper
from pathos_nb.dispatch.options import MapOptions, is_count, read_options
from pathos_nb.dispatch.run import Call, Run
from pathos_nb.dispatch.source import SliceSource, Source, make_source
from pathos_nb.errors import BadOption, PoolClosed, UnknownPlace
from pathos_nb.launchers.contract import Launcher
from pathos_nb.launchers.registry import registry
from pathos_nb.launchers.threads import here
from pathos_nb.wire.framing import Frame
from pathos_nb.wire.protocol import INITIALIZE
from pathos_nb.wire.serialization import dump


class WorkerInfo(NamedTuple):
    """A worker of a pool."""

    name: str
    host: str
    pid: int
    place: str


class Pool:
    """Workers that are yours: started here, ended at the end of the block.

    Parameters
    ----------
    *where : str
        Places: ``"processes"`` (the default), ``"threads"``, ``"serial"``; several may be mixed.
    nodes : int or mapping, optional
        How many workers at each place; by default as many as there are cores that this process may use.
    initializer : callable, optional
        Called once in each worker before it takes work.
    initargs : tuple
        Its arguments.
    maxtasksperchild : int, optional
        After so many items a worker is replaced by a fresh one.

    Raises
    ------
    UnknownPlace, LauncherUnavailable
        A place does not exist, or cannot be used here.
    BadOption
        ``nodes`` or ``maxtasksperchild`` makes no sense.
    PoolBroken
        Workers cannot be started.

    Examples
    --------
    >>> from pathos_nb import Pool
    >>> with Pool("serial") as pool:
    ...     pool.map(pow, [2, 3], [5, 2])
    [32, 9]
    """

    def __init__(
        self,
        *where: str,
        nodes: int | Mapping[str, int] | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
    ) -> None:
        self.places = tuple(where) or ("processes",)
        if initializer is not None and not callable(initializer):
            raise TypeError(f"initializer must be callable, not {type(initializer).__name__}")
        if maxtasksperchild is not None and not (is_count(maxtasksperchild) and maxtasksperchild > 0):
            raise BadOption(f"maxtasksperchild is {maxtasksperchild!r}", cure="it must be 1 or more, or None")
        self._nodes, self._most_items = nodes, maxtasksperchild
        self._setup = (initializer, tuple(initargs))
        self._state = "open"
        self._at_close: list[Callable[[], Callable[[bool], None] | None]] = []
        self._lock = threading.Lock()
        self._dispatcher = self._begin()

    def _begin(self) -> Dispatcher:
        sizes = self._sizes()
        initializer, arguments = self._setup
        setup: dict[bool, Frame] = {}
        if initializer is not None:
            payload = dump((initializer, arguments))
            setup[False] = Frame(INITIALIZE, (), payload.body, payload.buffers)
            setup[True] = Frame(INITIALIZE, (), (initializer, arguments))  # type: ignore[arg-type]
        dispatcher = Dispatcher(sizes, setup, self._most_items)
        self._finalizer = weakref.finalize(self, _end_in, os.getpid(), dispatcher)
        return dispatcher

    def _sizes(self) -> dict[type[Launcher], int]:
        if not all(isinstance(place, str) for place in self.places):
            raise UnknownPlace(f"places are names, not {self.places!r}", cure='as in Pool("processes", nodes=2)')
        kinds = {place: registry.get(place) for place in self.places}
        nodes = self._nodes
        if isinstance(nodes, Mapping):
            if unknown := set(nodes) - set(kinds):
                raise BadOption(f"nodes speaks of {sorted(unknown)}", cure=f"the pool's places are {list(kinds)}")
            return {kind: _size(kind, nodes.get(place)) for place, kind in kinds.items()}
        return {kind: _size(kind, nodes) for kind in kinds.values()}

    # --- maps ---

    def map(self, f: Callable[..., Any], *sequences: Iterable[Any], **options: Any) -> list[Any]:
        """Give ``list(map(f, *sequences))``, computed by the workers.

        Parameters
        ----------
        f : callable
            Called with one item of each sequence.
        *sequences : iterable
            The shortest ends the map.
        **options
            See `MapOptions`; any other keyword goes to `f`.

        Returns
        -------
        list
            In the order of the input.

        Raises
        ------
        BaseException
            The first failure seen, unless ``on_error`` says otherwise; what the input raises.
        """
        return self._run(f, sequences, False, options).result()

    def starmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> list[Any]:
        """Give ``[f(*row) for row in rows]``; see `map`."""
        return self._run(f, (rows,), True, options).result()

    def imap(self, f: Callable[..., Any], *sequences: Iterable[Any], **options: Any) -> ResultIterator:
        """Give an iterator over the values in the order of the input, which is pulled no further than needed."""
        return self._stream(f, sequences, False, True, options)

    def uimap(self, f: Callable[..., Any], *sequences: Iterable[Any], **options: Any) -> ResultIterator:
        """Give an iterator over the values as they come; see `imap`."""
        return self._stream(f, sequences, False, False, options)

    def istarmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> ResultIterator:
        """Give an iterator over ``f(*row)``, in order."""
        return self._stream(f, (rows,), True, True, options)

    def uistarmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> ResultIterator:
        """Give an iterator over ``f(*row)``, as they come."""
        return self._stream(f, (rows,), True, False, options)

    def amap(self, f: Callable[..., Any], *sequences: Iterable[Any], **options: Any) -> AsyncResult:
        """Begin a map and give its result to come; the input is read at once."""
        source = tuple(map(list, sequences))
        return AsyncResult(self._run(f, source, False, options, attended=False))

    def astarmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> AsyncResult:
        """Begin a `starmap` and give its result to come."""
        return AsyncResult(self._run(f, (list(rows),), True, options, attended=False))

    def pipe(self, f: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Give ``f(*args)``, computed by one worker."""
        return self._run(f, ([args],), True, options).result()[0]

    def apipe(self, f: Callable[..., Any], *args: Any, **options: Any) -> AsyncResult:
        """Begin one call and give its result to come."""
        return AsyncResult(self._run(f, ([args],), True, options, attended=False), single=True)

    def each(self, f: Callable[..., Any], *args: Any, **options: Any) -> list[Any]:
        """Call ``f(*args)`` once on every worker.

        Returns
        -------
        list
            One value a worker, in the order of `workers`.
        """
        return self.start(f, [args] * self.nodes, star=True, everywhere=True, **options).result()

    def start(
        self,
        f: Callable[..., Any],
        *sequences: Iterable[Any],
        star: bool = False,
        everywhere: bool = False,
        deliver: Deliver | None = None,
        **options: Any,
    ) -> Run:
        """Begin a map and give the run.

        Parameters
        ----------
        f : callable
            Called with one item of each sequence.
        *sequences : iterable
            The input; an iterator is advanced only while somebody waits for the run.
        star : bool
            Whether there is one sequence, of argument tuples.
        everywhere : bool
            Whether each worker gets exactly one of the items.
        deliver : callable, optional
            Is given (indices, values) as they come, each index once, a `Failure` for an item that failed or was not
            run; called in whatever thread handles news. The run then keeps no values.
        **options
            See `MapOptions`.

        Returns
        -------
        Run
            To wait for, watch and cancel.
        """
        return self._run(f, sequences, star, options, attended=False, everywhere=everywhere, deliver=deliver)

    def _run(
        self,
        f: Callable[..., Any],
        sequences: tuple[Iterable[Any], ...],
        star: bool,
        options: dict[str, Any],
        *,
        attended: bool = True,
        everywhere: bool = False,
        deliver: Deliver | None = None,
    ) -> Run:
        source, chosen = self._read(f, sequences, star, options)
        run = self._new_run(Call(f, source, chosen), self._keeper(source, deliver))
        if self._is_inside() or self._dispatcher.is_inline:
            return self._run_here(run, attended)
        self._start_run(run, attended, everywhere)
        return run

    def _start_run(self, run: Run, attended: bool, everywhere: bool = False) -> None:
        dispatcher = self._dispatcher
        try:
            with Interrupts(dispatcher.hub.wake):
                if everywhere:
                    dispatcher.pin_everywhere(run)
                dispatcher.start(run, attended)
        except KeyboardInterrupt:
            run.cancel()
            dispatcher.settle(run)
            raise

    def _keeper(self, source: Source, deliver: Deliver | None) -> Keeper:
        if deliver is not None:
            return CallbackKeeper(deliver, self._dispatcher.deliveries)
        return ListKeeper(source.total if isinstance(source, SliceSource) else None)

    def _run_here(self, run: Run, attended: bool) -> Run:
        """Run a map in this thread: on the serial launcher, or where all of the pool's threads may be waiting."""
        if self._dispatcher.is_inline and not self._is_inside():
            self._dispatcher.start(run, attended=True)
            if not attended:
                run.wait()
            return run
        with Pool("serial") as inner:
            again = inner._new_run(Call(run.function, run.source, run.options), run.keeper)
            inner._dispatcher.start(again, attended=True)
            again.wait()
        self._dispatcher.deliver()
        return again

    def _stream(
        self, f: Callable[..., Any], sequences: tuple[Iterable[Any], ...], star: bool, ordered: bool, options: Any
    ) -> ResultIterator:
        pool = Pool("serial") if self._is_inside() else self
        source, chosen = pool._read(f, sequences, star, options)
        run = pool._new_run(Call(f, source, chosen), StreamKeeper(ordered))
        dispatcher = pool._dispatcher
        pool._start_run(run, attended=dispatcher.is_inline)
        iterator = ResultIterator(run, dispatcher)
        iterator.keep = pool  # type: ignore[attr-defined]
        return iterator

    def _read(
        self, f: Callable[..., Any], sequences: tuple[Iterable[Any], ...], star: bool, options: dict[str, Any]
    ) -> tuple[Source, MapOptions]:
        if not callable(f):
            raise TypeError(f"{f!r} is not callable: a map needs a function first")
        chosen = read_options(options)
        if chosen.timeout is not None and self._dispatcher.is_inline:
            raise BadOption("the serial launcher cannot stop an item", cure='use "processes" or "threads" for timeout')
        return make_source(sequences, star), chosen

    def _new_run(self, call: Call, keeper: Keeper) -> Run:
        if self._state == "closed":
            raise PoolClosed("the pool is closed", cure="make a new one, or call its restart()")
        return Run(self._dispatcher, call, keeper)

    def _is_inside(self) -> bool:
        """Whether this thread is one of the pool's own, all of which may be waiting for each other."""
        return id(self._dispatcher.hub) in here.pools or self._dispatcher.is_mine()

    # --- life ---

    @property
    def nodes(self) -> int:
        """How many workers there are."""
        return len(self._dispatcher.crew.seats) or sum(self._sizes().values())

    @property
    def size(self) -> int:
        """The same as `nodes`, as libraries call it that size their queues by it."""
        return self.nodes

    @property
    def state(self) -> str:
        """``open`` or ``closed``."""
        return self._state

    def workers(self) -> list[WorkerInfo]:
        """Give the workers as they are now.

        Returns
        -------
        list of WorkerInfo
            Empty if the pool is closed.
        """
        return [WorkerInfo(*line) for line in self._dispatcher.worker_lines()]

    def resize(self, n: int) -> None:
        """Have that many workers, at the first place of the pool; what runs goes on.

        Parameters
        ----------
        n : int
            1 or more.
        """
        size = _checked(n)
        self._dispatcher.resize(size)
        self._nodes = size

    def executor(self) -> Any:
        """Give the pool's face as a `concurrent.futures.Executor`."""
        from importlib import import_module

        return import_module("pathos_nb.dispatch.executor").PoolExecutor(self)

    def at_close(self, callback: Callable[[bool], None]) -> None:
        """Have something called before the pool ends.

        Parameters
        ----------
        callback : callable
            Takes whether the pool ends at once; held weakly if it is a method.
        """
        self._at_close = [callback for callback in self._at_close if callback() is not None]
        self._at_close.append(weakref.WeakMethod(callback) if hasattr(callback, "__self__") else lambda: callback)

    def _call_at_close(self, cancel: bool) -> None:
        while self._at_close:
            callback = self._at_close.pop()()
            if callback is not None:
                callback(cancel)

    def close(self, timeout: float | None = None) -> None:
        """Take no more work, wait for what runs, then end the workers.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for what runs; then it is cancelled.
        """
        self._call_at_close(False)
        with self._lock:
            self._state = "closed"
        dispatcher = self._dispatcher
        with contextlib.suppress(KeyboardInterrupt):
            dispatcher.attend(lambda: not [run for run in dispatcher.runs if not run.is_stream], timeout, None)
        self.terminate()

    def terminate(self) -> None:
        """End now: runs are cancelled, workers killed."""
        self._call_at_close(True)
        with self._lock:
            self._state = "closed"
        self._finalizer.detach()
        self._dispatcher.close()

    def restart(self) -> None:
        """End what there is, and begin with fresh workers."""
        self.terminate()
        self._dispatcher = self._begin()
        self._state = "open"

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if kind is None:
            self.close()
        else:
            self.terminate()

    def __repr__(self) -> str:
        return f"<Pool {'+'.join(self.places)} nodes={self.nodes} {self._state}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (self.places, self._nodes, self._setup, self._most_items)


def _again(places: tuple[str, ...], nodes: Any, start: tuple[Any, Any], most_items: int | None) -> Pool:
    """Make a pool like one that was sent here, for maps inside of maps."""
    return Pool(*places, nodes=nodes, initializer=start[0], initargs=start[1], maxtasksperchild=most_items)


def _end_in(pid: int, dispatcher: Dispatcher) -> None:
    if os.getpid() == pid:  # a fork of this process has a copy of the pool, but not the pool
        dispatcher.close()


def _size(kind: type[Launcher], nodes: int | None) -> int:
    if nodes is not None:
        return _checked(nodes)
    return kind.default_size()


def _checked(nodes: Any) -> int:
    if not is_count(nodes) or nodes < 1:
        raise BadOption(f"nodes is {nodes!r}", cure="it must be a whole number of workers, 1 or more")
    return int(nodes)


def wait_all(runs: Iterable[Run], timeout: float | None = None) -> bool:
    """Wait until all runs are over.

    Parameters
    ----------
    runs : iterable of Run
        Of any pools.
    timeout : float, optional
        Seconds to wait at most in all.

    Returns
    -------
    bool
        Whether all are over.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    return all(run.wait(None if deadline is None else max(0.0, deadline - time.monotonic())) for run in runs)
