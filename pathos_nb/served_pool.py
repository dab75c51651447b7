"""The pool of workers behind the handles of pathos, and how pathos reads the arguments of a handle."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from pathos_nb.dispatch.pool import Pool
from pathos_nb.dispatch.run import Run
from pathos_nb.errors import PoolClosed, PoolRunning

__all__ = ["ServedPool", "StarCall", "ask_nodes"]

_CURE = "restart() opens it again, clear() forgets it so that the next map starts a new one"


class ServedPool:
    """One pool of workers, as its handles share it.

    Parameters
    ----------
    pool : Pool
        The workers.
    nodes : int
        How many were asked for.
    kwds : mapping
        The other settings they were started with.
    """

    def __init__(self, pool: Pool, nodes: int | None, kwds: Mapping[str, Any]) -> None:
        self.pool, self.nodes, self.kwds = pool, nodes, dict(kwds)
        self.n_blocks = 0  # with-blocks that are inside
        self.is_open = True
        self._lock = threading.Lock()
        self._closing: threading.Thread | None = None
        self._n_streams = 0
        self._results: weakref.WeakSet[Run] = weakref.WeakSet()
        self._done: dict[str, tuple[int, float]] = {}

    @property
    def is_broken(self) -> bool:
        """Whether it has lost its workers for good: the next map of any handle begins with fresh ones."""
        return self.is_open and self.pool.is_broken

    def check(self) -> ServedPool:
        """Give itself, if it takes work.

        Returns
        -------
        ServedPool
            Itself.

        Raises
        ------
        PoolClosed
            If it takes no more work.
        """
        if not self.is_open:
            raise PoolClosed("Pool not running", cause="it was closed, perhaps by another handle", cure=_CURE)
        return self

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.pool!r}>"

    def note_result(self, run: Run) -> None:
        """Remember a run that nobody waits for yet.

        Parameters
        ----------
        run : Run
            Of an amap or apipe.
        """
        self._results.add(run)
        run.when_over(self._count)

    def note_stream(self, run: Run) -> None:
        """Remember a run that goes on only as its iterator is read, so that closing does not cut it off.

        Parameters
        ----------
        run : Run
            Of an imap or uimap.
        """
        with self._lock:
            self._n_streams += 1
        run.when_over(self._end_stream)

    def _end_stream(self, run: Run) -> None:
        self._count(run)
        with self._lock:
            self._n_streams -= 1
            self._close_if_idle()

    def _count(self, run: Run) -> None:
        for chunk in run.chunks:
            n_items, seconds = self._done.get(chunk.worker, (0, 0.0))
            self._done[chunk.worker] = (n_items + chunk.n_items, seconds + chunk.seconds)

    def stats(self) -> str:
        """Tell what each worker has done in the runs that are over.

        Returns
        -------
        str
            A table: calls, their share, the seconds they took in all and on average, and the worker.
        """
        total = sum(n_items for n_items, _ in self._done.values())
        lines = [
            f"{n_items:8} {n_items / total:8.1%} {seconds:10.4f} {seconds / n_items:12.6f}  {worker}"
            for worker, (n_items, seconds) in sorted(self._done.items())
        ]
        head = f"{'calls':>8} {'share':>8} {'seconds':>10} {'a call':>12}  worker"
        return "\n".join([head, *lines, f"{total:8} calls in all, {self.pool.nodes} workers\n"])

    def fits(self, nodes: object, kwds: Mapping[str, Any]) -> bool:
        """Tell whether a handle with these settings means this pool.

        Parameters
        ----------
        nodes : object
            The number of workers the handle wants.
        kwds : mapping
            Its other settings.

        Returns
        -------
        bool
            True if all are equal.
        """
        same_names = self.nodes == nodes and self.kwds.keys() == kwds.keys()
        return same_names and all(_same(self.kwds[name], value) for name, value in kwds.items())

    def close(self) -> None:
        """Take no more work; what runs is finished, and iterators can be read to their end. Returns at once."""
        with self._lock:
            self.is_open = False
            self._close_if_idle()

    def _close_if_idle(self) -> None:
        if not self.is_open and self._closing is None and self._n_streams == 0:
            self._closing = threading.Thread(target=self.pool.close, name="pathos_nb-close", daemon=True)
            self._closing.start()

    def resize(self, nodes: int) -> None:
        """Have another number of workers; a closed pool stays closed.

        Parameters
        ----------
        nodes : int
            How many.
        """
        if self.is_open:
            self.pool.resize(nodes)
        self.nodes = nodes

    def terminate(self) -> None:
        """Stop what runs and end the workers, now."""
        self.is_open = False
        self.pool.terminate()

    def join(self) -> None:
        """Wait until what runs is finished and the workers have ended.

        An iterator that somebody still holds is not waited for, since it may be endless: the workers end with it. Nor
        does an item of the pool wait for itself.

        Raises
        ------
        PoolRunning
            If the pool still takes work.
        """
        if self.is_open:
            raise PoolRunning("Pool is still running", cure="close() or terminate() it first")
        if self.pool.is_inside():
            return
        for run in list(self._results):
            run.wait()
        if self._closing is not None:
            self._closing.join()


def _same(one: object, other: object) -> bool:
    """Compare two settings, of which an array says neither yes nor no."""
    try:
        return one is other or bool(one == other)
    except ValueError:
        return False


def ask_nodes(name: str, args: tuple[Any, ...], kwds: dict[str, Any]) -> Any:
    """Take the number of workers out of a pool's arguments, in any of the forms that pathos takes.

    Parameters
    ----------
    name : str
        What this kind of pool calls it: ``ncpus`` or ``nthreads``.
    args : tuple
        The positional arguments.
    kwds : dict
        The named ones; the number is taken out.

    Returns
    -------
    object
        The number as it was given, or None.

    Raises
    ------
    TypeError
        If it is given more than once, or there is a second positional argument.
    """
    if len(args) > 1:
        raise TypeError(f"only the number of workers can be given without a name, but {args[1:]} came after it")
    given = [(other, kwds.pop(other)) for other in ("nodes", name, "processes") if other in kwds]
    if len(given) + len(args) > 1:
        raise TypeError(f"got multiple values for keyword argument {given[-1][0]!r}")
    return args[0] if args else given[0][1] if given else None


class StarCall:
    """A function of many arguments as one of a single tuple, as the raw pools want it.

    Parameters
    ----------
    f : callable
        The function.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self.__doc__ = f"{f.__doc__ or ''}\n\nAll arguments come as one tuple."

    def __call__(self, args: tuple[Any, ...]) -> Any:
        """Call the function with what is in the tuple."""
        return self.f(*args)
