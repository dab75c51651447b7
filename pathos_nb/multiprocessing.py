"""Maps and pipes over processes of this machine.

Each worker is a process with one item at a time; functions and data travel to it, notebook functions and classes
included.

Examples
--------
>>> from pathos_nb.multiprocessing import ProcessPool
>>> with ProcessPool(2) as pool:  # doctest: +SKIP
...     pool.map(pow, [1, 2, 3], [5, 6, 7])
[1, 64, 2187]
"""

from __future__ import annotations

from typing import Any, ClassVar

from pathos_nb.abstract_launcher import AbstractWorkerPool  # noqa: F401 - a name of pathos
from pathos_nb.launchers.cores import usable_cores as cpu_count  # noqa: F401 - a name of pathos
from pathos_nb.lazily import lazy_names
from pathos_nb.served_pool import ServedPool
from pathos_nb.served_pool import StarCall as star  # noqa: F401, N813 - a name of pathos
from pathos_nb.shared_pools import SharedPool
from pathos_nb.threading import ThreadPool as ThreadingPool  # noqa: F401 - a name of pathos

__all__ = ["ProcessPool", "_ProcessPool"]  # noqa: F822 - by __getattr__


class ProcessPool(SharedPool):
    """A pool of processes that all handles of the same name share.

    Parameters
    ----------
    *args : int
        The number of processes; without it, the cores this process may use.
    **kwds : object
        ``ncpus`` (or ``nodes``, ``processes``): the number of processes by name. ``id``: the name the pool is shared
        by, its number of processes by default. ``initializer``, ``initargs``: called in each process first.
        ``maxtasksperchild``: items after which a process is replaced by a new one. ``context`` is taken and changes
        nothing: the workers are never a fork of this process.

    Raises
    ------
    TypeError
        If the number of processes is given twice, or a name is not known.
    BadOption
        If it is no number of processes.
    """

    _place = "processes"
    _restarts_open = True
    _count_name = "ncpus"
    _settings = frozenset({"initializer", "initargs", "maxtasksperchild", "context"})
    __state__: ClassVar[dict[Any, ServedPool]] = {}

    ncpus = SharedPool.nodes
    _ProcessPool__nodes = SharedPool.nodes  # the name by which pathos' own tests look


ProcessingPool = ProcessPool
__STATE = _ProcessPool__STATE = ProcessPool.__state__
__getattr__ = lazy_names(
    __name__,
    {
        "_ProcessPool": "pathos_nb.raw_pools:ProcessPool",
        "Pool": "pathos_nb.raw_pools:ProcessPool",
        "ThreadPool": "pathos_nb.raw_pools:ThreadPool",
        "freeze_support": "pathos_nb.raw_pools:freeze_support",
    },
)
