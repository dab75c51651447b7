"""The pools of pathos, by their names there.

Handles with the same name (their ``id``, or else their number of workers) share one pool; see `shared_pools`. The two
names that begin with an underscore are the raw pools of multiprocess, which are not shared.

Examples
--------
>>> from pathos_nb.pools import SerialPool
>>> SerialPool().map(max, [1, 5], [3, 4])
[3, 5]
"""

from __future__ import annotations

from typing import Any

from pathos_nb.lazily import lazy_names
from pathos_nb.multiprocessing import ProcessPool
from pathos_nb.parallel import ParallelPool
from pathos_nb.serial import SerialPool
from pathos_nb.threading import ThreadPool

__all__ = ["ParallelPool", "ProcessPool", "SerialPool", "ThreadPool"]

_SHARED: tuple[Any, ...] = (ProcessPool, ThreadPool, ParallelPool, SerialPool)


def _clear(type: Any = None) -> None:
    """End the shared pools and forget them.

    Parameters
    ----------
    type : class, optional
        Only those of this class, one of the four here.

    Raises
    ------
    NotImplementedError
        For a raw pool, which only its owner can close.
    TypeError
        For anything else.
    """
    if type is not None and type not in _SHARED:
        if getattr(type, "__module__", "") == "pathos_nb.raw_pools":
            raise NotImplementedError("a raw pool belongs to who made it: use its close() and join()")
        raise TypeError(f"{type!r} is none of the pools of pathos")
    for kind in _SHARED if type is None else (type,):
        while kind.__state__:
            kind.__state__.popitem()[1].terminate()


__getattr__ = lazy_names(
    __name__,
    {
        "MpiPool": "pathos_nb.cluster_pools:MpiPool",
        "MpiScatter": "pathos_nb.cluster_pools:MpiScatter",
        "SlurmPool": "pathos_nb.cluster_pools:SlurmPool",
        "SlurmScatter": "pathos_nb.cluster_pools:SlurmScatter",
        "_ProcessPool": "pathos_nb.raw_pools:ProcessPool",
        "_ThreadPool": "pathos_nb.raw_pools:ThreadPool",
    },
)
