"""``pathos.pp_map``: maps over the processes of a ParallelPool; `pathos_nb.Pool` says more with less."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import Any

from pathos_nb.lazily import lazy_names
from pathos_nb.parallel import ParallelPool, stats

__all__ = ["pp_map", "ppmap", "print_stats", "stats"]

_NOT_FOR_HERE = ("launcher", "mapper", "nnodes", "nodes", "queue", "scheduler", "timelimit")
__STATE = ParallelPool.__state__
__getattr__ = lazy_names(__name__, {"ppServer": "pathos_nb.compat.helpers.pp_helper:Server"})


def print_stats(servers: Any = None) -> None:
    """Print what the pools have done.

    Parameters
    ----------
    servers : ParallelPool, optional
        Of which pool; of all by default.
    """
    sys.stdout.write(stats(servers))


def ppmap(processes: int | None, function: Any, sequence: Iterable[Any], *sequences: Iterable[Any]) -> Iterator[Any]:
    """Map a function over processes; take the results in order, as soon as each is there.

    Parameters
    ----------
    processes : int or None
        The number of processes; None for all cores.
    function : callable
        What is called, with one argument from each sequence.
    sequence, *sequences : iterable
        One sequence or more.

    Returns
    -------
    iterator
        The results.
    """
    return ParallelPool(processes).imap(function, sequence, *sequences)


def pp_map(function: Any, sequence: Iterable[Any], *args: Iterable[Any], **kwds: Any) -> list[Any]:
    """Map a function over processes.

    Parameters
    ----------
    function : callable
        What is called, with one argument from each sequence.
    sequence, *args : iterable
        One sequence or more.
    **kwds : object
        ``ncpus``: the number of processes; ``servers`` as for ParallelPool; the options of the pool. Settings of other
        launchers of pathos are ignored.

    Returns
    -------
    list
        The results, in order.
    """
    kwds = {name: value for name, value in kwds.items() if name not in _NOT_FOR_HERE}
    pool = ParallelPool(kwds.pop("ncpus", None), servers=kwds.pop("servers", ()))
    return pool.map(function, sequence, *args, **kwds)
