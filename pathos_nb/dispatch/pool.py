"""The pool: workers at one or more places, and the maps of pathos on them.

This is the face only, and imports nothing: a script's first pool starts what takes long to start, and imports the rest,
which is `pathos_nb.dispatch.maps`, while that boots.
"""

from __future__ import annotations

import _thread
import sys

from pathos_nb.errors import BadOption, HostError, PoolBroken, PoolRunning, without_engine
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.zygote_start import head_starts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from pathos_nb.dispatch.crew import WorkerInfo
    from pathos_nb.dispatch.deliveries import Deliver
    from pathos_nb.dispatch.handles import AsyncResult, ResultIterator
    from pathos_nb.dispatch.maps import Maps
    from pathos_nb.dispatch.run import Run


_OF_THE_WHOLE = ("where", "memory", "gpus", "tags")


class Pool:
    """Workers that are yours: started here, ended at the end of the block.

    Parameters
    ----------
    *places : str or object
        Places: ``"processes"`` (the default; inside of a worker whose share is one core it is serial), ``"threads"``,
        ``"serial"``, a host; ``"auto"``, which is this machine and the hosts that are connected, as far as they are
        free (`why` says what was chosen, and why); or what a launcher takes for one. Several may be mixed.
    nodes : int or mapping, optional
        How many workers at each place; by default as many as there are cores that this process may use: inside of a
        worker those are its share, the cores there by the workers there.
    initializer : callable, optional
        Called once in each worker before it takes work.
    initargs : tuple
        Its arguments.
    maxtasksperchild : int, optional
        After so many items a worker is replaced by a fresh one: of processes, here or elsewhere; threads cannot be.
    where, memory, gpus
        Options of all its maps that do not say otherwise; see `MapOptions`.
    tags : mapping, optional
        What places are called besides, for ``where=``: ``{"node1": "fast", "node2": ("fast", "large")}``.
    **settings
        What the kinds of its places take besides, as their pages say.

    Raises
    ------
    UnknownPlace, LauncherUnavailable
        A place does not exist, or cannot be used here.
    BadOption
        ``nodes``, ``maxtasksperchild`` or a setting makes no sense, or not at these places.
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
        *places: object,
        nodes: int | Mapping[str, int] | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        **settings: Any,
    ) -> None:
        self._where: tuple[object, ...] = places or (_default_place(),)
        self.places: tuple[str, ...] = _names(self._where)
        is_alone = not places and self.places == ("serial",)  # in a worker: nobody asked for the serial launcher
        self._nodes, self._settings = nodes, settings
        self._most_items = None if is_alone else maxtasksperchild
        self._setup = (initializer, _arguments(initargs))
        self._known_as: tuple[str, ...] = ()
        self._why = ""
        self._beginning = _thread.allocate_lock()
        try:
            self._started: Maps | None = self._begin()
        except (HostError, PoolBroken) as error:  # its text has what there is to know of the cause
            raise without_engine(error) from None
        except BaseException as error:
            raise without_engine(error)  # noqa: B904 - it is the same one, and its cause stays

    @property
    def _maps(self) -> Maps:
        # A pool that came to a worker inside of a function starts when it is used, if it ever is.
        if self._started is None:
            with self._beginning:  # of two threads that use it first, the second would begin one that nobody ends
                if self._started is None:
                    self._started = self._begin()
        return self._started

    def _begin(self) -> Maps:
        if self._is_in_itself():
            self._where, self._nodes, self._settings = (*_within_share(self.places, self._nodes), {})
            self.places = _names(self._where)
            self._most_items = None if self.places == ("serial",) else self._most_items
        starts = _head_starts(self.places, self._nodes)
        try:
            from pathos_nb.dispatch.maps import begin

            said: dict[str, Any] = {"most_items": self._most_items, "settings": self._settings}
            begun = begin(self._where, self._nodes, self._setup, starts=starts, **said)
            self.places = tuple(begun.kinds)
            if begun.why:  # what was chosen is the pool's from now on
                self._where, self._why = self.places, begun.why
                self._nodes = {place: begun.n_at(place) for place in self.places}
            return begun
        finally:
            for start in starts.values():
                start.end()

    def _is_in_itself(self) -> bool:
        """Whether this is the copy of a pool that came to one of its own workers."""
        inside = sys.modules.get("pathos_nb.launchers.inside")
        return bool(self._known_as) and inside is not None and not inside.here.pools.isdisjoint(self._known_as)

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
        try:
            return self._maps.result(f, sequences, False, options)
        except BaseException as error:
            raise without_engine(error)  # noqa: B904 - it is the same one, and its cause stays

    def starmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> list[Any]:
        """Give ``[f(*row) for row in rows]``; see `map`."""
        try:
            return self._maps.result(f, (rows,), True, options)
        except BaseException as error:
            raise without_engine(error)  # noqa: B904 - it is the same one, and its cause stays

    def imap(self, f: Callable[..., Any], *sequences: Iterable[Any], **options: Any) -> ResultIterator:
        """Give an iterator over the values in the order of the input, which is pulled no further than needed."""
        return self._maps.stream(f, sequences, False, True, options)

    def uimap(self, f: Callable[..., Any], *sequences: Iterable[Any], **options: Any) -> ResultIterator:
        """Give an iterator over the values as they come; see `imap`."""
        return self._maps.stream(f, sequences, False, False, options)

    def istarmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> ResultIterator:
        """Give an iterator over ``f(*row)``, in order."""
        return self._maps.stream(f, (rows,), True, True, options)

    def uistarmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> ResultIterator:
        """Give an iterator over ``f(*row)``, as they come."""
        return self._maps.stream(f, (rows,), True, False, options)

    def amap(self, f: Callable[..., Any], *sequences: Iterable[Any], **options: Any) -> AsyncResult:
        """Begin a map and give its result to come; the input is read at once."""
        return self._maps.later(f, sequences, False, options)

    def astarmap(self, f: Callable[..., Any], rows: Iterable[Iterable[Any]], **options: Any) -> AsyncResult:
        """Begin a `starmap` and give its result to come."""
        return self._maps.later(f, (rows,), True, options)

    def pipe(self, f: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Give ``f(*args)``, computed by one worker."""
        try:
            return self._maps.result(f, ([args],), True, options)[0]
        except BaseException as error:
            raise without_engine(error)  # noqa: B904 - it is the same one, and its cause stays

    def apipe(self, f: Callable[..., Any], *args: Any, **options: Any) -> AsyncResult:
        """Begin one call and give its result to come."""
        return self._maps.later(f, ([args],), True, options, single=True)

    def each(self, f: Callable[..., Any], *args: Any, **options: Any) -> list[Any]:
        """Call ``f(*args)`` once on every worker.

        Returns
        -------
        list
            One value a worker, in the order of `workers`.
        """
        try:
            self._maps.wait_for_workers()
            return self.start(f, [args] * self.nodes, star=True, everywhere=True, **options).result()
        except BaseException as error:
            raise without_engine(error)  # noqa: B904 - it is the same one, and its cause stays

    def start(
        self,
        f: Callable[..., Any],
        *sequences: Iterable[Any],
        star: bool = False,
        everywhere: bool = False,
        deliver: Deliver | None = None,
        drawn_at: Sequence[int] | None = None,
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
        drawn_at : sequence of int, optional
            With a seed: whose random numbers each item draws, where it is not those of its own place.
        **options
            See `MapOptions`.

        Returns
        -------
        Run
            To wait for, watch and cancel.
        """
        return self._maps.run(
            f, sequences, star, options, attended=False, everywhere=everywhere, deliver=deliver, drawn_at=drawn_at
        )

    # --- life ---

    @property
    def why(self) -> str:
        """Why the pool has its places, a line for each that there was; empty where they were all named."""
        return self._why

    @property
    def nodes(self) -> int:
        """How many workers there are."""
        return self._maps.nodes

    @property
    def size(self) -> int:
        """The same as `nodes`, as libraries call it that size their queues by it."""
        return self.nodes

    @property
    def n_runs(self) -> int:
        """How many maps are under way, iterators that are not read to their end included."""
        return self._maps.n_runs

    @property
    def n_busy(self) -> int:
        """How many workers have something to do just now."""
        return self._maps.dispatcher.n_busy

    @property
    def state(self) -> str:
        """``open`` or ``closed``."""
        return self._maps.state

    @property
    def is_broken(self) -> bool:
        """Whether it has lost its workers for good, so that only `restart` helps."""
        return self._started is not None and self._started.dispatcher.broken is not None

    def waits(self) -> dict[str, str]:
        """Tell what places of the pool wait for before they have all their workers: a queue, for one.

        Returns
        -------
        dict
            By place, in words; empty if nothing is waited for.
        """
        return self._maps.waits() if self.state == "open" else {}

    def workers(self) -> list[WorkerInfo]:
        """Give the workers as they are now.

        Returns
        -------
        list of WorkerInfo
            Empty if the pool is closed.
        """
        return self._maps.workers()

    def resize(self, n: int) -> None:
        """Have that many workers, at the first place of the pool; what runs goes on.

        Parameters
        ----------
        n : int
            1 or more.
        """
        size, first = self._maps.resize(n), self.places[0]
        size = self._maps.kinds[first].nodes_for(size)
        self._nodes = size if len(self.places) == 1 else {**_by_place(self._nodes, self.places), first: size}

    def add_place(self, place: object, nodes: int | None = None, **settings: Any) -> None:
        """Have workers at one more place; what runs goes on, and goes there too.

        Parameters
        ----------
        place : str or object
            As for a new pool.
        nodes : int, optional
            How many workers there.
        **settings
            As for a new pool.

        Raises
        ------
        UnknownPlace, LauncherUnavailable, PoolBroken
            It cannot be used; the pool is as it was.
        """
        name = self._maps.join(place, nodes, self._setup, settings)
        if name not in self.places:
            self._nodes = {**_by_place(self._nodes, self.places), **_by_place(nodes, (name,))} or None
            self._where, self.places = (*self._where, place), (*self.places, name)
            self._settings = {**self._settings, **settings}

    def drop_place(self, place: str) -> None:
        """Do without a place: its workers finish what they have begun, the others take the rest.

        Parameters
        ----------
        place : str
            One of `places`, and not the only one.

        Raises
        ------
        BadOption
            It is not, or the only one.
        """
        self._maps.leave(place)
        self._nodes = {k: n for k, n in _by_place(self._nodes, self.places).items() if k != place} or None
        kept = [(thing, name) for thing, name in zip(self._where, self.places, strict=True) if name != place]
        self._where, self.places = tuple(thing for thing, _ in kept), tuple(name for _, name in kept)

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
        self._maps.at_close(callback)

    def close(self, timeout: float | None = None) -> None:
        """Take no more work, wait for what runs, then end the workers.

        In an item of the pool itself, which cannot wait for its own end, this happens behind it.

        Parameters
        ----------
        timeout : float, optional
            Seconds to wait for what runs; then it is cancelled.
        """
        self._maps.close(timeout)

    def join(self) -> None:
        """Do nothing: `close` has waited already. It is here for code that closes a pool and joins it.

        Raises
        ------
        PoolRunning
            The pool is open.
        """
        if self.state == "open":
            raise PoolRunning("the pool is still running", cure="call its close() first")

    def is_inside(self) -> bool:
        """Whether this thread runs an item of the pool, and so must not wait for the pool's end."""
        return self._started is not None and self._started.is_inside()

    def terminate(self) -> None:
        """End now: runs are cancelled, workers killed."""
        if self._started is not None:
            self._started.terminate()

    def restart(self) -> None:
        """End what there is, and begin with fresh workers."""
        with self._beginning:
            self.terminate()
            self._started = self._begin()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: object) -> None:
        if kind is None:
            self.close()
        else:
            self.terminate()

    def __repr__(self) -> str:
        chosen = f" (auto: {'; '.join(self._why.splitlines())})" if self._why else ""
        return f"<Pool {'+'.join(self.places)} nodes={self.nodes} {self.state}{chosen}>"

    def __reduce__(self) -> tuple[Any, ...]:
        known_as = self._known_as
        if self._started is not None:
            known_as = (*known_as, self._started.dispatcher.hub.token)
        return _again, (self.places, self._nodes, self._setup, (self._most_items, self._settings, known_as))


def _again(places: tuple[str, ...], nodes: Any, start: tuple[Any, Any], said: tuple[Any, ...]) -> Pool:
    """Make a pool like one that was sent here, for maps inside of maps; it ends with the run that brought it."""
    from pathos_nb.launchers.inside import process

    most_items, settings, known_as = said
    kept = {name: value for name, value in settings.items() if name not in _OF_THE_WHOLE}  # elsewhere they may not hold
    pool = Pool.__new__(Pool)
    pool._where = pool.places = places
    pool._nodes, pool._setup = nodes, start
    pool._most_items, pool._settings, pool._known_as = most_items, kept, known_as
    pool._started, pool._why, pool._beginning = None, "", _thread.allocate_lock()
    process.travelled.add(pool)
    return pool


def _by_place(nodes: Any, places: tuple[str, ...]) -> dict[str, int]:
    """Give how many workers were asked for at each place; nothing for a place that was left to itself."""
    if nodes is None or isinstance(nodes, int):
        return {} if nodes is None else dict.fromkeys(places, nodes)
    return dict(nodes)


def _arguments(given: Any) -> tuple[Any, ...]:
    try:
        return tuple(given)
    except TypeError:
        raise BadOption(f"initargs is {given!r}", cure="it must be a tuple: initargs=(1,) for one argument") from None


def _names(where: tuple[object, ...]) -> tuple[str, ...]:
    """Give the names that places have before their launchers are known."""
    return tuple(place if isinstance(place, str) else type(place).__name__ for place in where)


def _head_starts(places: tuple[str, ...], nodes: Any) -> Any:
    try:
        return head_starts(places, nodes)
    except OSError as error:
        what = f"the process that starts workers cannot be started: {error.strerror}"
        raise PoolBroken(what, cure="close files, or raise the limit (ulimit -n)") from error


def _default_place() -> str:
    inside = sys.modules.get("pathos_nb.launchers.inside")  # not loaded: this is the first pool
    has_one = inside is not None and inside.is_in_worker() and usable_cores() == 1
    return "serial" if has_one else "processes"


def _within_share(places: tuple[str, ...], nodes: Any) -> tuple[tuple[str, ...], int | None]:
    """Give places and size of a pool inside of itself: no more workers than cores, else each floor multiplies them."""
    here = [place for place in places if place in ("processes", "threads")]
    asked = nodes.get(here[0]) if here and hasattr(nodes, "get") else nodes
    n = min(usable_cores(), asked if isinstance(asked, int) else usable_cores())
    return ((here[0] if here else "processes",), n) if n > 1 else (("serial",), None)
