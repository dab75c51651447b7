"""Running rounds: doing the fault meanwhile, comparing what came with what a serial loop gives, counting what is left."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from typing import Any

import psutil

from pathos_nb import Pool
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import Cancelled, Failure, PoolClosed
from pathos_nb.launchers.agent_link import LinkSettings
from pathos_nb.launchers.registry import registry
from tests.rig import agents
from tests.rig.census import Census
from tests.soak.items import Item, do, expected, outcome, serial_value
from tests.soak.rounds import Round

_QUICK = LinkSettings(boot_s=60.0, beat_s=0.5, first_pause_s=0.05, longest_pause_s=0.5, patience_s=60.0)
_GONE_S = 60.0
_STOPPED = ("cancel", "terminate", "interrupt")


class Wrong(AssertionError):
    """A round gave what it must not give."""


class Runner:
    """Pools that are kept from round to round, and what is counted.

    Parameters
    ----------
    spared : set of int
        The numbers of processes that are of no pool.

    Attributes
    ----------
    n_items : int
        Items that were compared.
    faults : Counter
        Of each kind of fault, how many were done in time.
    places : Counter
        Of each launcher, how many items it has had.
    """

    def __init__(self, spared: Set[int] = frozenset()) -> None:
        self.n_items = 0
        self.faults, self.places = Counter[str](), Counter[str]()
        self._spared = spared
        self._pools: dict[tuple[str, ...], Pool] = {}
        self._carriers: list[agents.LocalCarrier] = []
        self._runs: list[Run] = []
        agents.register("agent", self._open_carrier, settings=_QUICK)
        registry.observers.append(self._note)
        self._before = Census.take()

    def _note(self, run: Run) -> None:
        run.output_taken = True  # what items print is not for this screen
        self._runs.append(run)

    def _open_carrier(self, command: Any) -> agents.LocalCarrier:
        self._carriers.append(agents.LocalCarrier(command))
        return self._carriers[-1]

    def play(self, planned: Round) -> None:
        """Play one round.

        Raises
        ------
        Wrong
            It gave what it must not give.
        """
        try:
            self._play(planned)
        except BaseException:
            self._pools.pop(planned.places).terminate()
            raise

    def _play(self, planned: Round) -> None:
        self._runs.clear()
        pool = self._pool(planned.places)
        fault = Fault(lambda: self._harm(planned, pool), planned.after_s)
        came, error = self._collect(planned, pool, fault)
        self.faults[planned.fault] += fault.was_done and planned.fault != "none"
        count_places(self._runs, self.places)
        compare(planned, came, error)
        self.n_items += len(came)
        self._see_that_it_goes_on(planned, pool)

    def _pool(self, places: tuple[str, ...]) -> Pool:
        if places not in self._pools or self._pools[places].state == "closed":
            self._pools[places] = Pool(*places, nodes=1 if places == ("serial",) else random.randint(1, 2))
        return self._pools[places]

    def _collect(self, planned: Round, pool: Pool, fault: Fault) -> tuple[list[Any], BaseException | None]:
        came: list[Any] = []
        try:
            with fault:
                gather(planned, pool, came)
                return came, None
        except (Exception, KeyboardInterrupt) as error:
            return came, error.with_traceback(None)

    def _harm(self, planned: Round, pool: Pool) -> None:
        if planned.fault == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        elif planned.fault == "kill":
            _kill_one(self._spared)
        elif planned.fault == "cut":
            for carrier in self._carriers[-1:]:
                with contextlib.suppress(OSError):
                    carrier.sock.shutdown(socket.SHUT_RDWR)
        elif planned.fault == "cancel":
            for run in list(self._runs):
                run.cancel()
        elif planned.fault == "terminate":
            pool.terminate()

    def _see_that_it_goes_on(self, planned: Round, pool: Pool) -> None:
        if pool.state == "open":
            values = pool.map(abs, range(-20, 0))
            if values != list(range(20, 0, -1)):
                raise Wrong(f"after it the pool gave {values}")
        elif planned.fault != "terminate":
            raise Wrong(f"it left the pool {pool.state}")

    def rest(self) -> None:
        """Close all pools, and count what is left.

        Raises
        ------
        Wrong
            Something is.
        """
        for pool in self._pools.values():
            random.choice((pool.close, pool.terminate))()
        self._pools.clear()
        self._carriers.clear()
        self._runs.clear()
        try:
            self._before.check(_GONE_S)
        except AssertionError as error:
            self._before = Census.take()  # told once
            raise Wrong(f"{error}\n{_stacks()}") from None


def count_places(runs: Iterable[Run], places: Counter[str]) -> None:
    """Add, for each place, the items of these runs that it has had."""
    for run in runs:
        for chunk in run.chunks:
            places[chunk.worker.rpartition("-")[0].partition(":")[0]] += chunk.n_items


class Fault:
    """Something that a thread does after a while, unless what it should disturb is over by then."""

    def __init__(self, harm: Callable[[], None], after_s: float) -> None:
        self._harm, self._after_s = harm, after_s
        self.was_done = False
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        if not self._is_over.wait(self._after_s):
            with self._lock:
                if not self._is_over.is_set():
                    self.was_done = True
                    self._harm()

    def __enter__(self) -> Fault:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        while self._thread.is_alive():  # an interrupt may come here, too late for the map: it is nobody's fault
            with contextlib.suppress(KeyboardInterrupt):
                self._is_over.set()
                self._thread.join()
        with contextlib.suppress(KeyboardInterrupt):
            time.sleep(0.001 if self.was_done else 0)


def _stacks() -> str:
    """Say where the other threads are."""
    me, names = threading.get_ident(), {thread.ident: thread.name for thread in threading.enumerate()}
    found = [(ident, frame) for ident, frame in sys._current_frames().items() if ident != me]
    return "\n".join(f"{names.get(ident)}:\n{''.join(traceback.format_stack(frame))}" for ident, frame in found)


def _kill_one(spared: Set[int]) -> None:
    """Kill any process of a pool: of those that this one, or one of its processes, has started."""
    children = [p for p in psutil.Process().children(recursive=True) if p.pid not in spared]
    found = [p for p in children if _is_alive(p)]
    if found:
        with contextlib.suppress(psutil.Error):
            random.choice(found).kill()


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:  # it has just ended
        return False


def gather(planned: Round, pool: Pool, came: list[Any]) -> None:
    """Run the map, and put what it gives into a list as it comes."""
    items: list[Item] = planned.items
    options = dict(planned.options)
    if planned.kind in ("imap", "uimap"):
        with getattr(pool, planned.kind)(do, iter(items), **options) as values:
            _read(planned, values, came)
        return
    if planned.kind == "start":
        run = pool.start(do, items, **options)
        run.wait()
        came.extend(run.result())
    elif planned.kind == "starmap":
        came.extend(pool.starmap(do, ((item,) for item in items), **options))
    else:
        found = getattr(pool, planned.kind)(do, items, **options)
        came.extend(found.get() if planned.kind == "amap" else found)


def _read(planned: Round, values: Iterator[Any], came: list[Any]) -> None:
    while True:
        if planned.fault == "drop" and len(came) > planned.n_taken:
            return
        try:
            came.append(next(values))
        except StopIteration:
            return


def compare(planned: Round, came: list[Any], error: BaseException | None) -> None:
    """See that what came is what a serial loop gives, or a failure that was to be expected.

    Raises
    ------
    Wrong
        It is not.
    """
    may = {item.x: expected(item, planned.is_apart, planned.is_mixed) for item in planned.items}
    _check_end(planned, came, error, {name for names in may.values() for name in names} - {"value"})
    for place, got in enumerate(came):
        x = got.index if isinstance(got, Failure) else got[0]
        if planned.kind != "uimap" and x != place:
            raise Wrong(f"at {place} came {got!r}")
        _check_one(planned, planned.items[x], got, may[x])
    seen = [got.index if isinstance(got, Failure) else got[0] for got in came]
    if len(set(seen)) != len(seen):
        raise Wrong(f"some came twice: {sorted(seen)}")


def _check_end(planned: Round, came: list[Any], error: BaseException | None, failing: set[str]) -> None:
    allowed = set(failing) if planned.options["on_error"] == "raise" else set()
    allowed |= {"RemoteError"} if "SystemExit" in allowed else set()
    if planned.fault == "interrupt":
        allowed.add("KeyboardInterrupt")
    if planned.fault in ("cancel", "terminate"):
        allowed |= {Cancelled.__name__, PoolClosed.__name__}
    if error is not None and type(error).__name__ not in allowed:
        raise Wrong(f"it raised {type(error).__name__}: {error}; allowed: {sorted(allowed)}") from error
    is_cut = (
        error is not None or planned.fault in ("drop", *_STOPPED) or (failing and planned.options["on_error"] == "stop")
    )
    if not is_cut and len(came) != len(planned.items):
        raise Wrong(f"{len(came)} values came")


def _check_one(planned: Round, item: Item, got: Any, may: tuple[str, ...]) -> None:
    told = outcome(got)
    is_stopped = planned.fault in _STOPPED or planned.options["on_error"] in ("stop", "raise")
    if told in ("Cancelled", "PoolClosed") and is_stopped:
        return
    if told not in may:
        raise Wrong(f"of item {item.x} ({item.act}) came {got!r}, not {' or '.join(may)}")
    value = None if told != "value" else got[1]
    if told == "value" and item.act not in ("unreturnable", "unsendable") and value != serial_value(item):
        raise Wrong(f"of item {item.x} ({item.act}) came {value!r:.80}")
