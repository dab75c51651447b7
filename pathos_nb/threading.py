"""Maps and pipes over threads of this process.

Nothing is pickled, and all threads see the same objects. Python code runs in one of them at a time; use it for waiting
(files, networks) and for libraries that let go of the interpreter's lock (numpy, scipy).

Examples
--------
>>> from pathos_nb.threading import ThreadPool
>>> with ThreadPool(2) as pool:
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

__all__ = ["ThreadPool", "_ThreadPool"]  # noqa: F822 - by __getattr__


class ThreadPool(SharedPool):
    """A pool of threads that all handles of the same name share.

    Parameters
    ----------
    *args : int
        The number of threads; without it, the cores this process may use.
    **kwds : object
        ``nthreads`` (or ``nodes``, ``processes``): the number of threads by name. ``id``: the name the pool is shared
        by, its number of threads by default. ``initializer``, ``initargs``: called in each thread first.

    Raises
    ------
    TypeError
        If the number of threads is given twice, or a name is not known.
    BadOption
        If it is no number of threads.
    """

    _place = "threads"
    _restarts_open = True
    _count_name = "nthreads"
    _settings = frozenset({"initializer", "initargs"})
    __state__: ClassVar[dict[Any, ServedPool]] = {}

    nthreads = SharedPool.nodes
    _ThreadPool__nodes = SharedPool.nodes  # the name by which pathos' own tests look


__STATE = _ThreadPool__STATE = ThreadPool.__state__
__getattr__ = lazy_names(__name__, {"_ThreadPool": "pathos_nb.raw_pools:ThreadPool"})
