"""joblib, and with it scikit-learn, on a pool.

::

    from pathos_nb import Pool, joblib_backend

    joblib_backend.register()
    with Pool("processes") as pool, joblib.parallel_config(backend="pathos_nb", pool=pool):
        GridSearchCV(model, grid).fit(X, y)

Parallel loops inside a task follow joblib's own rule: threads one level down, none below that, so that workers do not
start workers. A large array that comes with more than one task is shared with the workers once, as by
`pathos_nb.share`, and is read-only in the tasks, as it is with joblib's own process workers.

Without a pool a call starts one of processes, which is kept for the next call, as joblib's own workers are: for some
minutes, or until `end`.
"""

from __future__ import annotations

import contextlib
import queue
import sys
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar

from joblib.parallel import (
    AutoBatchingMixin,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    register_parallel_backend,
)

from pathos_nb.dispatch.executor import PoolExecutor
from pathos_nb.dispatch.pool import Pool
from pathos_nb.launchers.cores import usable_cores
from pathos_nb.launchers.inside import is_in_worker
from pathos_nb.launchers.registry import registry
from pathos_nb.sharing import Shared, share

__all__ = ["PathosNbBackend", "end", "register"]

_IN_PROCESS = {"serial", "threads"}
_MAX_NBYTES = 1 << 20
_KEEP_S = 300.0  # as long as joblib's own workers stay


_IN_WORKERS = "pathos_nb.joblib_backend:register"


def register(name: str = "pathos_nb", *, make_default: bool = False) -> None:
    """Make the backend known to joblib.

    Parameters
    ----------
    name : str
        What ``joblib.parallel_config(backend=...)`` will call it.
    make_default : bool
        Use it wherever no backend is named.
    """
    register_parallel_backend(name, PathosNbBackend, make_default=make_default)
    if _IN_WORKERS not in registry.worker_hooks:
        registry.worker_hooks.append(_IN_WORKERS)  # an item may name the backend again


def end() -> None:
    """End the workers that are kept for the next call, if there are any."""
    PathosNbBackend.spare.end()


class Spare:
    """A pool between two calls."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool | None = None
        self._timer: threading.Timer | None = None

    def take(self, nodes: int) -> Pool:
        """Give a pool of that many processes: the one that is kept, if it is as large, or a new one."""
        pool = self._taken()
        if pool is not None and pool.nodes == nodes and _is_well(pool):
            return pool
        if pool is not None:
            pool.terminate()
        return Pool("processes", nodes=nodes)

    def keep(self, pool: Pool) -> None:
        """Keep a pool, with nothing at work, for the next call."""
        if not _is_well(pool) or is_in_worker():
            pool.terminate()
            return
        before = self._taken()
        if before is not None:
            before.terminate()
        with self._lock:
            self._pool = pool
            self._timer = threading.Timer(_KEEP_S, self._end_if, (pool,))
            self._timer.daemon = True
            self._timer.start()

    def _taken(self) -> Pool | None:
        with self._lock:
            pool, timer, self._pool, self._timer = self._pool, self._timer, None, None
        if timer is not None:
            timer.cancel()
        return pool

    def _end_if(self, pool: Pool) -> None:
        with self._lock:
            is_kept = self._pool is pool
        if is_kept:
            self.end()

    def end(self) -> None:
        """End the pool that is kept."""
        pool = self._taken()
        if pool is not None:
            pool.terminate()


def _is_well(pool: Pool) -> bool:
    return pool.state == "open" and not pool.is_broken


class PathosNbBackend(AutoBatchingMixin, ParallelBackendBase):  # type: ignore[misc]
    """joblib's view of a pool.

    Parameters
    ----------
    pool : Pool, optional
        Who does the work. By default a pool of processes, which is kept for the next call.
    **options : object
        What joblib hands to every backend.
    """

    supports_retrieve_callback = True
    default_n_jobs = -1
    # Sending is cheap here: tasks are put together only as far as that needs.
    MIN_IDEAL_BATCH_DURATION = 0.02
    MAX_IDEAL_BATCH_DURATION = 0.5
    spare: ClassVar[Spare] = Spare()

    def __init__(self, pool: Pool | None = None, **options: Any) -> None:
        super().__init__(**options)
        self._given, self._pool = pool, pool
        self._executor: PoolExecutor | None = None
        self._arrays = _Arrays(None)

    @property
    def uses_threads(self) -> bool:
        """Whether tasks run in this process."""
        return self._given is not None and set(self._given.places) <= _IN_PROCESS

    @property
    def supports_sharedmem(self) -> bool:
        """Whether tasks see the caller's own objects."""
        return self.uses_threads

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Give how many tasks can run at once.

        Parameters
        ----------
        n_jobs : int or None
            What the caller asked for; negative counts from the number of slots, as everywhere in joblib.

        Returns
        -------
        int
        """
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        n_slots = self._n_slots(n_jobs)
        if n_jobs is None:
            return 1
        return max(n_slots + 1 + n_jobs, 1) if n_jobs < 0 else min(n_jobs, n_slots)

    def _n_slots(self, n_jobs: int | None) -> int:
        if self._given is not None:
            return self._given.nodes
        return max(usable_cores(), n_jobs or 1)

    def configure(self, n_jobs: int = 1, parallel: Any = None, **options: Any) -> int:
        """Begin a call of `joblib.Parallel`, or a block of them."""
        n_jobs = self.effective_n_jobs(n_jobs)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel, self._n_jobs = parallel, n_jobs
        if self._pool is None:
            self._pool = self.spare.take(n_jobs)
        self._arrays = _Arrays(None if self.uses_threads else options.get("max_nbytes", _MAX_NBYTES))
        self._open()
        return n_jobs

    def _open(self) -> None:
        assert self._pool is not None
        self._executor = PoolExecutor(self._pool, n_ahead=self._n_jobs if self._n_jobs < self._pool.nodes else None)

    def submit(self, func: Callable[[], Any], callback: Callable[[Future[Any]], Any] | None = None) -> Future[Any]:
        """Have a batch of tasks run."""
        assert self._executor is not None, "joblib calls configure first"
        future = self._executor.submit(self._arrays.shared(func))
        if callback is not None:
            future.add_done_callback(callback)
        return future

    apply_async = submit  # joblib before 1.5 calls it so

    def retrieve_result_callback(self, future: Future[Any]) -> Any:
        """Give a batch's values, or raise its exception."""
        return future.result()

    def stop_call(self) -> None:
        """Let go of the arrays of the call that is over."""
        self._arrays.clear()

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Cancel what waits and stop what runs; the pool stays as it is."""
        self._drop_ready()
        if self._executor is not None:
            self._executor.abort()

    def _drop_ready(self) -> None:
        # joblib (1.6) keeps the batches that were ready when a call failed, and its next call runs them as its own.
        ready = getattr(self.parallel, "_ready_batches", None)
        with getattr(self.parallel, "_lock", contextlib.nullcontext()), contextlib.suppress(queue.Empty):
            while ready is not None:
                ready.get(block=False)

    def terminate(self) -> None:
        """End a call, or a block of them; a pool that was given is left as it is."""
        self.reset_batch_stats()
        if self._executor is not None:
            self._executor.abort()
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        if self._given is None and self._pool is not None:
            self.spare.keep(self._pool)
            self._pool = None


class _Arrays:
    """The large arrays of a call's tasks, shared when they come the second time.

    Parameters
    ----------
    at_least : int or None
        From which size in bytes; None for never.
    """

    def __init__(self, at_least: int | None) -> None:
        self.at_least = at_least
        self._seen: dict[int, tuple[weakref.ref[Any], Shared[Any] | None]] = {}

    def shared(self, batch: Callable[[], Any]) -> Callable[[], Any]:
        """Give a batch to send in place of this one."""
        items = getattr(batch, "items", None)
        numpy = sys.modules.get("numpy")
        if numpy is None or self.at_least is None or not isinstance(items, list):
            return batch
        lean = [(func, tuple(map(self._lean, args)), _each(self._lean, kwargs)) for func, args, kwargs in items]
        if not any(_Handle in map(type, [*args, *kwargs.values()]) for _, args, kwargs in lean):
            return batch
        batch.items = lean  # type: ignore[attr-defined]
        return _Opened(batch)

    def clear(self) -> None:
        """Forget all; what tasks hold yet stays until they are done."""
        self._seen.clear()

    def _lean(self, value: Any) -> Any:
        numpy = sys.modules["numpy"]
        if type(value) is not numpy.ndarray or value.nbytes < self.at_least or value.dtype.hasobject:
            return value
        known, handle = self._seen.get(id(value), (None, None))
        if known is None or known() is not value:
            # An array that comes once is cheaper to send than to share.
            self._seen[id(value)] = weakref.ref(value), None
            return value
        if handle is None:
            handle = share(value)
            self._seen[id(value)] = known, handle
        return _Handle(handle)


class _Handle:
    """Stands for an array in a batch's arguments; a user's own `Shared` there is left as it is."""

    __slots__ = ("shared",)

    def __init__(self, shared: Shared[Any]) -> None:
        self.shared = shared


class _Opened:
    """A batch that takes the arrays from their handles before it runs."""

    def __init__(self, batch: Any) -> None:
        self.batch = batch

    def __call__(self) -> Any:
        opened = [(func, tuple(map(_open, args)), _each(_open, kwargs)) for func, args, kwargs in self.batch.items]
        self.batch.items = opened
        return self.batch()


def _open(value: Any) -> Any:
    return value.shared.value if type(value) is _Handle else value


def _each(change: Callable[[Any], Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    return {name: change(value) for name, value in kwargs.items()}
