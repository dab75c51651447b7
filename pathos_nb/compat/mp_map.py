"""``pathos.mp_map``: one function for the maps of processes and threads; `pathos_nb.Pool` says more with less."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pathos_nb.launchers.cores import usable_cores as cpu_count  # noqa: F401 - a name of pathos
from pathos_nb.multiprocessing import ProcessPool
from pathos_nb.threading import ThreadPool

__all__ = ["mp_map"]

_METHODS = {"blocking": "map", "unordered": "uimap", "non-blocking": "imap", "ordered": "imap"}
_NOT_FOR_HERE = (
    "launcher", "mapper", "ncpus", "nnodes", "nodes", "queue", "scheduler", "servers", "timelimit",
)  # fmt: skip
__STATE = ProcessPool.__state__


def __getattr__(name: str) -> Any:
    if name in ("mp", "tp"):
        return ProcessPool() if name == "mp" else ThreadPool()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "mp", "tp"})  # so that to look whether they are there makes no pool


def mp_map(function: Any, sequence: Iterable[Any], *args: Iterable[Any], **kwds: Any) -> Any:
    """Map a function over processes or threads.

    Parameters
    ----------
    function : callable
        What is called, with one argument from each sequence.
    sequence, *args : iterable
        One sequence or more.
    **kwds : object
        ``nproc``: the number of workers; ``threads``: True for threads; ``type``: ``"blocking"``, ``"non-blocking"``
        or ``"unordered"``; the options of the pool. Settings of other launchers of pathos are ignored.

    Returns
    -------
    list or iterator
        A list if blocking.
    """
    kwds = {name: value for name, value in kwds.items() if name not in _NOT_FOR_HERE}
    kind = ThreadPool if kwds.pop("threads", False) else ProcessPool
    method = _METHODS.get(kwds.pop("type", "blocking"), "map")
    return getattr(kind(kwds.pop("nproc", None)), method)(function, sequence, *args, **kwds)
