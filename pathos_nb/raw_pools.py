"""The raw pools of multiprocess, and the small tools that pathos code takes from there.

Only `_ProcessPool`, `_ThreadPool` and ``pathos.helpers`` come here, and only when they are used: importing multiprocess
costs more than all the rest of the package.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import multiprocess as mp
from multiprocess import freeze_support
from multiprocess.pool import Pool as _Pool
from multiprocess.pool import ThreadPool as _Threads

__all__ = ["ProcessPool", "ThreadPool", "freeze_support", "mp"]


def _chosen(chunksize: int | None) -> int | None:
    """Take a chunk size of 0 for none chosen, and refuse a negative one: multiprocess gives a list of None for both.

    Parameters
    ----------
    chunksize : int or None
        What the caller gave.

    Returns
    -------
    int or None
        What is meant.

    Raises
    ------
    ValueError
        If it is negative.
    """
    if chunksize is not None and chunksize < 0:
        raise ValueError(f"chunksize must be 1 or more, not {chunksize}")
    return chunksize or None


class ProcessPool(_Pool):  # type: ignore[misc]
    """The process pool of multiprocess, which owns its workers and shares nothing.

    See ``multiprocess.pool.Pool`` for its arguments and methods.
    """

    def _map_async(
        self, func: Callable[..., Any], iterable: Any, mapper: Any, chunksize: int | None = None, *told: Any
    ) -> Any:
        return super()._map_async(func, iterable, mapper, _chosen(chunksize), *told)


class ThreadPool(_Threads):  # type: ignore[misc]
    """The thread pool of multiprocess, which owns its workers and shares nothing.

    See ``multiprocess.pool.ThreadPool`` for its arguments and methods.
    """

    def _map_async(
        self, func: Callable[..., Any], iterable: Any, mapper: Any, chunksize: int | None = None, *told: Any
    ) -> Any:
        return super()._map_async(func, iterable, mapper, _chosen(chunksize), *told)
