"""What runs on a node: one task's points, by the workers that there are everywhere, into files.

::

    main thread                              steward of the pool
      begun, written down ── start ─────────► chunk done ──► put aside
      each second: what is put aside ──► results/…     ◄────┘
      SIGTERM ──► the last of it, "stopped" written down ──► leave, before the queue kills

It needs no kernel and no network. A task that is queued again begins where its files end. What a machine that goes down
does to its workers is no failure of a point: such news is held back a little, and dropped if the task is being stopped.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import socket
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from pathos_nb.detached.order import Folder, Order
from pathos_nb.detached.packed import Packed
from pathos_nb.detached.parcels import pack, unpack
from pathos_nb.dispatch.partial import ChosenRows
from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import BadFile, Cancelled, Failure, PathosNbError, WorkerLost
from pathos_nb.events import ChunkDone, Event, ItemFailed
from pathos_nb.launchers.agent_far import see_users_packages
from pathos_nb.launchers.cores import SHARE, inner_threads
from pathos_nb.launchers.failing import trace_of
from pathos_nb.launchers.registry import registry
from pathos_nb.wire.serialization import MINOR

__all__ = ["PROGRAM", "main"]

# What Python is told to run: the folder, the number of the submission, and the task follow as words.
PROGRAM = (
    "import sys; sys.path.insert(0, sys.argv[1] + '/package.zip'); "
    "from pathos_nb.detached.runner import main; main(*sys.argv[1:])"
)
_GATHER_S, _HELD_S = 1.0, 2.0
_ONE_BY_ONE = (
    10_000  # so many points of a task are each told when they are finished; of more, those of a chunk together
)
_AGAIN_S, _PATIENCE_S = 5.0, 600.0
_STOPPED, _BROKEN = 128 + signal.SIGTERM, 70


def main(folder: str, number: str, task: str) -> None:
    """Run a task; never returns.

    Parameters
    ----------
    folder : str
        The sweep's.
    number, task : str
        Which submission, and which of its tasks.
    """
    runner = Runner(Folder(Path(folder)), int(number), int(task))
    status = runner.run()
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)  # workers end with the pipe to them; nothing of theirs is waited for


class Runner:
    """One task.

    Parameters
    ----------
    folder : Folder
        The sweep's.
    number, task : int
        Which submission, and which of its tasks.
    """

    def __init__(self, folder: Folder, number: int, task: int) -> None:
        self.folder, self.number, self.task = folder, number, task
        self.is_stopped = False
        self._news, self._wake = deque[tuple[float, Event]](), threading.Event()
        self._stamp, self._n_files = time.time_ns(), 0
        self._written: set[int] = set()

    def run(self) -> int:
        """Run what is missing; give the exit status."""
        try:
            signal.signal(signal.SIGTERM, self._on_signal)
            if self.folder.void(self.number).exists():
                return 0
            self._say("begun")
            return self._compute()
        except BaseException as error:
            why = str(error) if isinstance(error, PathosNbError) else f"{type(error).__name__}: {error}"
            sys.stderr.write(f"the task ends: {why}\n{trace_of(error)}")
            with contextlib.suppress(OSError):
                self._say("broken", why=why)
            return _BROKEN

    def _say(self, how: str, **told: Any) -> None:
        where = {"host": socket.gethostname(), "pid": os.getpid(), "at": time.time()}
        self.folder.say(self.number, self.task, how=how, **where, **told)

    def _on_signal(self, number: int, at: object) -> None:
        self.is_stopped = True
        self._wake.set()

    def _compute(self) -> int:
        order = self.folder.order(self.number)
        _check_python(order)
        places, rows = self._missing()
        if places:
            self._surround(order)
            pool = Pool("processes", nodes=max(1, min(order.workers, len(places))))
            self._follow(self._begin(pool, order, places, rows))
        if self.is_stopped:
            self._say("stopped")
            return _STOPPED
        self._say("done", stamp=self._stamp, files=self._n_files)
        return 0

    def _missing(self) -> tuple[list[int], list[Any]]:
        """Give the points of this task that no earlier start of it has finished."""
        places, rows = self.folder.work(self.number, self.task)
        done: set[int] = set()
        for name in self.folder.listed(self.folder.results, f"{self.number}.{self.task}."):
            with contextlib.suppress(BadFile, OSError):  # computed again
                done |= unpack(self.folder.read_result(name)).places
        left = [(place, row) for place, row in zip(places, rows, strict=True) if place not in done]
        return [place for place, _ in left], [row for _, row in left]

    def _surround(self, order: Order) -> None:
        """Look like the kernel, as far as this machine can: folder, modules, share of the cores."""
        see_users_packages()
        with contextlib.suppress(OSError):
            os.chdir(order.folder)
        sys.path += [entry for entry in order.path if entry not in sys.path and Path(entry).is_dir()]
        if self.folder.beside.exists():
            sys.path.insert(0, str(self.folder.beside))
        for name, text in order.environ.items():
            os.environ.pop(name, None)
            os.environ.update({name: text} if text is not None else {})
        os.environ[SHARE] = str(order.cpus)  # what the kernel has is another machine's
        os.environ.update(inner_threads(order.workers, order.cpus))
        registry.worker_hooks.extend(hook for hook in order.hooks if hook not in registry.worker_hooks)

    def _begin(self, pool: Pool, order: Order, places: list[int], rows: list[Any]) -> Run:
        function = Packed(*self.folder.read_function())
        everything = ChosenRows(dict(zip(places, rows, strict=True)), places)  # type: ignore[arg-type]  # by place
        registry.observers.append(lambda run: run.subscribe(self._hear))
        return pool.start(
            function, everything, star=True, on_error="keep", seed=order.seed, timeout=order.timeout,
            retries=order.retries, title=order.title, progress=False,
            chunksize=1 if len(places) <= _ONE_BY_ONE else None,
        )  # fmt: skip

    def _hear(self, event: Event) -> None:
        if isinstance(event, ChunkDone | ItemFailed):
            self._news.append((time.monotonic(), event))
            self._wake.set()

    def _follow(self, run: Run) -> None:
        """Write what is finished, at once but no more than once a second, until all is, or the task is stopped."""
        written_s = 0.0
        while not run.is_over and not self.is_stopped:
            self._wake.wait(_GATHER_S)
            self._wake.clear()
            if self._news and not run.is_over:
                self._pause(written_s + _GATHER_S - time.monotonic())
            self._write(run, is_last=False)
            written_s = time.monotonic()
        until = time.monotonic() + _PATIENCE_S
        while not self._write(run, is_last=True) and time.monotonic() < until:
            self._pause(_AGAIN_S)
        if self._news:
            raise OSError(errno.ENOSPC, "the last finished points could not be written")
        if run.error is not None and not self.is_stopped:
            raise run.error

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.is_stopped and time.monotonic() < until:
            time.sleep(0.05)

    def _write(self, run: Run, is_last: bool) -> bool:
        """Write what is put aside; False if the disk refuses."""
        waiting = [pair for pair in tuple(self._news) if is_last or self._is_settled(pair)]
        chunks = [event for _, event in waiting if isinstance(event, ChunkDone)]
        places = dict.fromkeys(place for chunk in chunks for place in chunk.indices)
        places.update(dict.fromkeys(event.failure.index for _, event in waiting if isinstance(event, ItemFailed)))
        kept = run.keeper.values  # type: ignore[union-attr]  # a list: it is no stream
        fresh = [place for place in places if place not in self._written]
        found = [(place, self._named_in(kept[place])) for place in fresh if not self._is_no_failure(kept[place])]
        if found:
            try:
                self._put(pack(found, [self._named(chunk) for chunk in chunks]), len(found))
            except OSError as error:
                sys.stderr.write(f"finished points cannot be written, and wait: {error}\n")
                return False
        self._written.update(place for place, _ in found)  # a failure that is none is none of these
        for pair in waiting:
            self._news.remove(pair)
        return True

    def _is_settled(self, pair: tuple[float, Event]) -> bool:
        at, event = pair
        return not isinstance(event, ItemFailed) or time.monotonic() - at > _HELD_S

    def _is_no_failure(self, value: Any) -> bool:
        """Whether it is a failure that is none: the task was stopped, and its worker with it."""
        if not isinstance(value, Failure):
            return False
        return isinstance(value.error, Cancelled) or (self.is_stopped and isinstance(value.error, WorkerLost))

    def _put(self, body: bytes, n_points: int) -> None:
        name = f"{self.number}.{self.task}.{self._stamp}.{self._n_files:06d}.{n_points}"
        self.folder.put_result(name, body)
        self._n_files += 1

    def _named(self, chunk: ChunkDone) -> ChunkDone:
        """Give a chunk with its worker called after the task: each task has a first one."""
        return chunk._replace(worker=self._name(chunk.worker))

    def _named_in(self, value: Any) -> Any:
        if isinstance(value, Failure) and value.worker:
            value.worker = self._name(value.worker)
        return value

    def _name(self, worker: str) -> str:
        return f"task{self.task}-{worker.rpartition('-')[2]}"


def _check_python(order: Order) -> None:
    if order.minor is not None and tuple(order.minor) != MINOR:
        sent, here = (".".join(map(str, version)) for version in (order.minor, MINOR))
        what = f"the sweep is of Python {sent}, and the node's is {here}"
        raise PathosNbError(what, cure=f"submit it with python=PATH, of a Python {sent} there")
