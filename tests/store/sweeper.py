"""A process like a kernel, which sweeps with a store and tells which points it has reported as finished.

It appends to ``begun`` (in the workers) and ``told``.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from pathos_nb import Pool
from pathos_nb.dispatch.store.keys import function_key
from pathos_nb.dispatch.store.resume import plan
from pathos_nb.dispatch.store.store import Store
from pathos_nb.dispatch.store.sweep import Sweep
from pathos_nb.events import ChunkDone
from pathos_nb.launchers.registry import registry

LARGE = 5 << 18


def append(path: Path, text: str) -> None:
    """Append a line; whole, as it is one small write."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, text.encode())
    os.close(descriptor)


def value_of(index: int) -> Any:
    """Give what a point is to give: now and then something that is kept in a file."""
    return index * index if index % 50 else bytes([index % 256]) * LARGE


def point(folder: str, index: int) -> Any:
    """Compute a point."""
    append(Path(folder) / "begun", f"{index}\n")
    time.sleep(0.001)
    return value_of(index)


def sweep(folder: Path, n: int, launcher: str, how: str = "") -> list[Any]:
    """Sweep, going on where an earlier process was killed."""
    store = Store(folder / "store.sqlite")
    rows = [(str(folder), index) for index in range(n)]
    found = plan(store, Sweep(point, function_key(point), ("folder", "index"), rows, "sweep"), how)

    def attach(run: Any) -> None:
        found.attach(run)
        run.subscribe(tell)

    def tell(event: Any) -> None:
        if isinstance(event, ChunkDone):
            append(folder / "told", "".join(f"{index}\n" for index in event.indices))

    registry.observers.append(attach)
    try:
        with Pool(launcher, nodes=1 if launcher == "serial" else 2) as pool:
            return pool.start(point, found.rows(), star=True).result()
    finally:
        registry.observers.remove(attach)
        store.close()
