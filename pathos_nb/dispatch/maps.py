"""The maps of a pool: from what a caller asked to a run, and from the pool's description to its workers."""

from __future__ import annotations

import contextlib
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType

from pathos_nb.dispatch.crew import Plan, WorkerInfo
from pathos_nb.dispatch.deliveries import CallbackKeeper, Deliver
from pathos_nb.dispatch.dispatcher import Dispatcher
from pathos_nb.dispatch.handles import AsyncResult, ResultIterator
from pathos_nb.dispatch.inputs import coming
from pathos_nb.dispatch.interrupts import Interrupts
from pathos_nb.dispatch.keepers import Keeper, ListKeeper, StreamKeeper
from pathos_nb.dispatch.options import DEFAULT, MapOptions, is_count, read_options
from pathos_nb.dispatch.places import join, leave, wait_for_workers, waits
from pathos_nb.dispatch.run import Call, Run
from pathos_nb.dispatch.source import ChosenSource, SliceSource, Source, make_source
from pathos_nb.dispatch.staffing import (
    checked_size,
    chosen_places,
    everywhere_options,
    kinds_of,
    parted,
    setup_frame,
    size_of,
    sizes_of,
)
from pathos_nb.dispatch.waiting import held_source
from pathos_nb.errors import BadOption, PoolClosed
from pathos_nb.launchers.contract import Launcher
from pathos_nb.launchers.inside import here
from pathos_nb.launchers.registry import registry
from pathos_nb.launchers.shield import shielded
from pathos_nb.typed import Any


def begin(
    places: tuple[object, ...],
    nodes: Any,
    setup: tuple[Any, Any],
    *,
    most_items: int | None = None,
    starts: Mapping[str, Any] = MappingProxyType({}),
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> Maps:
    """Start the workers of a pool.

    Parameters
    ----------
    places, nodes, setup, most_items, settings
        As they were given to the pool; checked here.
    starts : mapping
        What was started already, by the launcher's name.

    Returns
    -------
    Maps
    """
    initializer, _ = setup
    if initializer is not None and not callable(initializer):
        raise TypeError(f"initializer must be callable, not {type(initializer).__name__}")
    if most_items is not None and not (is_count(most_items) and most_items > 0):
        raise BadOption(f"maxtasksperchild is {most_items!r}", cure="it must be 1 or more, or None")
    places, nodes, why = chosen_places(places, nodes, settings)
    ours, theirs = parted(places, settings)
    kinds = kinds_of(places, theirs)
    if most_items is not None and all(kind.shares_memory for kind in kinds.values()):
        what = f"maxtasksperchild is for workers that are processes, and {' and '.join(kinds)} has none"
        raise BadOption(what, cure='leave it out, or take Pool("processes")')
    sizes = sizes_of(kinds, nodes)
    frames = {kind.shares_memory: setup_frame(kind, setup) for kind in sizes}
    with Interrupts(None) as interrupts:  # one that comes meanwhile is raised when its finalizer can end all of it
        return Maps(Plan(sizes, frames, most_items, starts, interrupts.let_through), kinds, {**ours, "why": why})


class Maps:
    """What a pool does, until it is closed.

    Parameters
    ----------
    plan : Plan
        Which workers to start.
    kinds : dict
        The launchers of its places, by name.
    ours : mapping
        Options of all its maps that do not say otherwise, ``tags``, and ``why`` it has these places.
    """

    def __init__(self, plan: Plan, kinds: dict[str, type[Launcher]], ours: Mapping[str, Any]) -> None:
        self.state, self.kinds = "open", kinds
        self.defaults = {name: value for name, value in ours.items() if name not in ("tags", "why")}
        self.why: str = ours.get("why", "")
        self._n_planned = sum(plan.launchers.values())
        self._lock = threading.Lock()
        self._at_close: list[Callable[[], Callable[[bool], None] | None]] = []
        self.dispatcher = Dispatcher(plan)
        self.dispatcher.feeder.sites.tags = ours.get("tags", {})
        self._n_planned = sum(launcher.n_expected for launcher in self.dispatcher.crew.launchers)
        self._finalizer = weakref.finalize(self, _end_in, os.getpid(), self.dispatcher)

    @property
    def nodes(self) -> int:
        """How many workers there are, or were."""
        return sum(not seat.leaving for seat in self.dispatcher.crew.seats) or self._n_planned

    @property
    def n_runs(self) -> int:
        """How many maps are under way."""
        return len(self.dispatcher.runs)

    def n_at(self, place: str) -> int:
        """How many workers there are at a place."""
        return sum(seat.launcher.name == place for seat in self.dispatcher.crew.seats)

    def resize(self, n: int) -> int:
        """Have that many workers at the first place; give the number."""
        size = size_of(type(self.dispatcher.crew.launchers[0]), checked_size(n))
        self.dispatcher.resize(size)
        self._n_planned = size
        return size

    def join(self, place: object, nodes: int | None, setup: tuple[Any, Any], settings: Mapping[str, Any]) -> str:
        """Have workers at one more place; give its name. See `Pool.add_place`."""
        [(name, kind)] = kinds_of([place], settings).items()
        kind = self.kinds.get(name, kind)
        n = size_of(kind, nodes)
        join(self.dispatcher, kind, setup_frame(kind, setup), n)
        self.kinds[name] = kind
        self._n_planned += n
        return name

    def waits(self) -> dict[str, str]:
        """Tell what places wait for; see `Pool.waits`."""
        return waits(self.dispatcher)

    def wait_for_workers(self) -> None:
        """Wait until there is a worker."""
        wait_for_workers(self.dispatcher)

    def workers(self) -> list[WorkerInfo]:
        """Give the workers as they are now."""
        waits(self.dispatcher)
        return self.dispatcher.workers()

    def leave(self, place: str) -> None:
        """Do without a place; see `Pool.drop_place`."""
        if place not in self.kinds:
            raise BadOption(f"the pool cannot do without {place!r}", cure=f"it has {', '.join(self.kinds)}")
        leave(self.dispatcher, self.kinds[place])
        del self.kinds[place]

    def run(
        self,
        f: Callable[..., Any],
        sequences: tuple[Iterable[Any], ...],
        star: bool,
        options: dict[str, Any],
        *,
        attended: bool = True,
        everywhere: bool = False,
        deliver: Deliver | None = None,
        drawn_at: Sequence[int] | None = None,
    ) -> Run:
        """Begin a map; see `Pool.start`."""
        if everywhere:
            options = everywhere_options(options)
        run = self._prepared(f, sequences, star, options, deliver, drawn_at=drawn_at)
        if self._is_here():
            return self._run_here(run, attended)
        with self._given_up(run):
            self._start_run(run, attended, everywhere)
            return run

    def result(
        self, f: Callable[..., Any], sequences: tuple[Iterable[Any], ...], star: bool, options: dict[str, Any]
    ) -> list[Any]:
        """Give what a map returns; an interrupt at any moment ends it."""
        run, dispatcher = self._prepared(f, sequences, star, options), self.dispatcher
        if dispatcher.is_inline or self.is_inside():
            return self._run_here(run, True).result()
        run.is_recorded = False  # nobody has it but the caller, who waits for its values
        try:  # as `_given_up`, which one call would feel
            with Interrupts(dispatcher.hub) as interrupts:
                dispatcher.start(run, attended=True)
                dispatcher.attendance.lead_for(run, interrupts)
            return run.result()
        except KeyboardInterrupt:
            dispatcher.give_up(run)
            raise

    def later(
        self, f: Callable[..., Any], sequences: tuple[Any, ...], star: bool, options: Any, *, single: bool = False
    ) -> AsyncResult:
        """Begin a map and give its result to come; its input is read at once."""
        read = tuple(sequence if coming(sequence) else list(sequence) for sequence in sequences)
        return AsyncResult(self.run(f, read, star, options, attended=False), single=single)

    def _prepared(
        self, f: Callable[..., Any], sequences: Any, star: bool, options: Any, deliver: Deliver | None = None,
        *, drawn_at: Sequence[int] | None = None,
    ) -> Run:  # fmt: skip
        source, chosen = self._read(f, sequences, star, options)
        run = self._new_run(Call(f, source, chosen), self._keeper(source, deliver))
        return run if chosen is DEFAULT and drawn_at is None else self._staged(run, drawn_at)

    def _cached(self, call: Call, keeper: Keeper) -> Run:
        """Make a run whose values are looked for in a cache, and put there."""
        from pathos_nb.dispatch.cache_lookup import bare, keeper_for, prepare

        function, cache = bare(call.function, call.options.cache)
        is_stream = isinstance(keeper, StreamKeeper)
        what = (function, call.options.kwargs, call.options.seed)
        lookup, source = prepare(cache, what, call.source, is_stream=is_stream)
        run = Run(self.dispatcher, Call(function, source, call.options), keeper_for(keeper, lookup))
        run.take_hits()
        run.recorder = lookup
        return run

    @contextlib.contextmanager
    def _given_up(self, run: Run) -> Iterator[None]:
        """See that an interrupt inside the block leaves nothing of the run behind."""
        try:
            yield
        except KeyboardInterrupt:
            self.dispatcher.give_up(run)
            raise

    def _start_run(self, run: Run, attended: bool, everywhere: bool = False) -> None:
        with Interrupts(self.dispatcher.hub):
            if everywhere:
                self.dispatcher.pin_everywhere(run)
            self.dispatcher.start(run, attended)

    def _keeper(self, source: Source, deliver: Deliver | None) -> Keeper:
        if deliver is not None:
            return CallbackKeeper(deliver, self.dispatcher.deliveries)
        return ListKeeper(source.total if isinstance(source, SliceSource) else None)

    def _run_here(self, run: Run, attended: bool) -> Run:
        """Run a map in this thread: on the serial launcher, or where all of the pool's threads may be waiting."""
        if self.dispatcher.is_inline and not self.is_inside():
            self.dispatcher.start(run, attended=True)
            if not attended:
                run.wait()
            return run
        inner = _serial()
        try:
            again = Run(inner.dispatcher, Call(run.function, run.source, run.options), run.keeper)
            again.n_done, again.recorder, again.drawn_at = run.n_done, run.recorder, run.drawn_at
            inner.dispatcher.start(again, attended=True)
            again.wait()
        finally:
            inner.terminate()
        self.dispatcher.deliver_inside()
        return again

    def stream(
        self, f: Callable[..., Any], sequences: tuple[Iterable[Any], ...], star: bool, ordered: bool, options: Any
    ) -> ResultIterator:
        """Begin a map and give the iterator over its values."""
        maps = _serial() if self.is_inside() else self
        source, chosen = maps._read(f, sequences, star, options)
        run = maps._staged(maps._new_run(Call(f, source, chosen), StreamKeeper(ordered)))
        dispatcher = maps.dispatcher
        with maps._given_up(run):
            maps._start_run(run, attended=dispatcher.is_inline)
            iterator = ResultIterator(run, dispatcher)
            iterator.keep = maps  # type: ignore[attr-defined]
            return iterator

    def _read(
        self, f: Callable[..., Any], sequences: tuple[Iterable[Any], ...], star: bool, options: dict[str, Any]
    ) -> tuple[Source, MapOptions]:
        if not callable(f):
            raise TypeError(f"{f!r} is not callable: a map needs a function first")
        if not (options or self.defaults or registry.handles):
            return make_source(sequences, star), DEFAULT
        chosen = read_options({**self.defaults, **options} if self.defaults else options)
        if chosen.timeout is not None and self.dispatcher.is_inline:
            raise BadOption("the serial launcher cannot stop an item", cure='use "processes" or "threads" for timeout')
        return held_source(sequences, star, chosen.kwargs) or make_source(sequences, star), chosen

    def _new_run(self, call: Call, keeper: Keeper) -> Run:
        if self.state == "closed":
            raise PoolClosed("the pool is closed", cure="make a new one, or call its restart()")
        function, _, options = call
        cache = None if options is DEFAULT else options.cache  # an archive that is empty is one all the same
        if (cache is not None and cache is not False) or type(function).__name__ == "Cached":
            return self._cached(call, keeper)
        return Run(self.dispatcher, call, keeper)

    def _staged(self, run: Run, drawn_at: Sequence[int] | None = None) -> Run:
        """Give the run with its files, if it is to have any."""
        run.drawn_at = drawn_at
        if run.options.files is None and run.options.collect is None:
            return run
        from pathos_nb.dispatch.staging import stage

        if self._is_here():
            cure = 'use a pool of processes, as in Pool("processes", nodes=1)'
            raise BadOption("items with files need workers that are processes of their own", cure=cure)
        is_carried = any(not launcher.sees_files for launcher in self.dispatcher.crew.launchers)
        is_whole = isinstance(run.source, SliceSource) and not isinstance(run.source, ChosenSource)
        indices = range(run.total or 0) if drawn_at is None else drawn_at
        run.files = stage(run.options, run.run_id, indices, is_carried=is_carried, is_all=is_whole)
        run.when_over(run.files.close)
        return run

    def _is_here(self) -> bool:
        """Whether the items are to run in this very thread."""
        return self.dispatcher.is_inline or self.is_inside()

    def is_inside(self) -> bool:
        """Whether this thread is one of the pool's own, all of which may be waiting for each other."""
        return self.dispatcher.hub.token in here.pools or self.dispatcher.is_mine()

    # --- the end ---

    def at_close(self, callback: Callable[[bool], None]) -> None:
        """Have something called before the workers end; see `Pool.at_close`."""
        kept = weakref.WeakMethod(callback) if hasattr(callback, "__self__") else lambda: callback
        with self._lock:  # two threads may each have their own
            self._at_close = [*(each for each in self._at_close if each() is not None), kept]

    def _call_at_close(self, cancel: bool) -> None:
        while True:
            with self._lock:  # but not while it is called: it may wait for long, and for who closes too
                found = self._at_close.pop() if self._at_close else None
            if found is None:
                return
            callback = found()
            if callback is not None:
                callback(cancel)

    def close(self, timeout: float | None) -> None:
        """Take no more work, wait for what runs, then end the workers; an item of the pool does not wait for itself."""
        if self.is_inside():
            threading.Thread(target=self._finish, args=(timeout,), name="pathos_nb close", daemon=True).start()
        else:
            self._finish(timeout)

    def _finish(self, timeout: float | None) -> None:
        self._call_at_close(False)
        with self._lock:
            self.state = "closed"
        dispatcher = self.dispatcher
        try:
            dispatcher.let_streams_run()
            ending = _can_end_alone if dispatcher.is_inline else _can_end
            dispatcher.attend(lambda: not dispatcher.has_any(ending), timeout, None)
        finally:  # an interrupt ends the wait, and the pool
            self.terminate()

    def terminate(self) -> None:
        """End now: runs are cancelled, workers killed."""
        self._call_at_close(True)
        with Interrupts(None):
            with self._lock:
                self.state = "closed"
            self._finalizer.detach()
            self.dispatcher.close()


def _serial() -> Maps:
    """Give maps that run in this thread."""
    return begin(("serial",), 1, (None, ()))


def _can_end(run: Run) -> bool:
    """Whether the run will end without anybody taking its values: all but iterators over an input of unknown end."""
    return not run.is_stream or run.source.left is not None


def _can_end_alone(run: Run) -> bool:
    """Whether it will end so on the serial launcher, where who takes an iterator's values also makes them."""
    return not run.is_stream


def _end_in(pid: int, dispatcher: Dispatcher) -> None:
    if os.getpid() == pid:  # a fork of this process has a copy of the pool, but not the pool
        with shielded(then_raise=False):  # nobody catches what a finalizer raises
            dispatcher.close()
