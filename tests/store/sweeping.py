"""Sweeps with a store, from one end to the other, and with something that happens in their midst."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

from pathos_nb import Pool
from pathos_nb.dispatch.store.found import listed
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.launchers.registry import registry
from tests.rig.bed import wait_until


def square(x: Any) -> Any:
    return x * x


def blob(x: int) -> bytes:
    return bytes(20_000)


def swept(store: Store, function: Any = square, rows: Any = range(10), how: str = "", place: str = "threads") -> Any:
    """Sweep with a store, and give the run."""
    points = [(x,) for x in rows]
    found = plan(store, Sweep(function, function_key(function), ("x",), points, "sweep"), how)
    registry.observers.append(found.attach)
    try:
        with Pool(place, nodes=2) as pool:
            run = pool.start(function, found.rows(), star=True, title="sweep")
            run.wait()
            return run
    finally:
        registry.observers.remove(found.attach)


class Gate:
    """Lets an item wait until the test has done something to the store."""

    def __init__(self, at: int) -> None:
        self.at, self.is_there, self.may_go = at, threading.Event(), threading.Event()

    def __call__(self, x: int) -> bytes:
        if x == self.at:
            self.is_there.set()
            assert self.may_go.wait(60), "nobody let it go"
        return bytes(x << 18)


def swept_while(path: Path, happens: Any) -> tuple[Store, Any]:
    """Sweep; in the midst of it, with points on the disk, have something happen to the store."""
    store, gate, runs = Store(path), Gate(7), list[Any]()
    found = plan(store, Sweep(gate, function_key(square), ("x",), [(x,) for x in range(12)], "sweep"))

    def sweeps() -> None:
        registry.observers.append(found.attach)
        try:
            with Pool("threads", nodes=1) as pool:
                runs.append(pool.start(gate, found.rows(), star=True, title="sweep", chunksize=1))
                runs[0].wait()
        finally:
            registry.observers.remove(found.attach)

    thread = threading.Thread(target=sweeps)
    thread.start()
    try:
        assert gate.is_there.wait(60)
        assert wait_until(lambda: [run.n_done for run in listed(store.file)] == [7])
        happens(path)
    finally:
        gate.may_go.set()
        thread.join(60)
    return store, runs[0]
