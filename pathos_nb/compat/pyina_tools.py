"""pyina's tools: how work is shared out, and what there is to start it with."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pathos_nb.launchers.mpi_command import find_mpiexec
from pathos_nb.launchers.mpi_world import own_world
from pathos_nb.schedulers import as_time, which_scheduler

__all__ = [
    "balance_workload", "ensure_mpi", "get_workload", "isoformat", "isoseconds", "lookup", "mpiprint", "wait_for",
    "which_launcher", "which_mpirun", "which_python", "which_scheduler", "which_strategy",
]  # fmt: skip

isoformat = as_time


def isoseconds(time: Any) -> float:
    """Give ``SS``, ``HH:MM``, ``HH:MM:SS`` or ``DD:HH:MM:SS`` in seconds; a number as it is."""
    if not isinstance(time, str):
        return float(time)
    parts = [float(part) for part in time.split(":")]
    if len(parts) > 4:
        raise ValueError(f"{time!r} is no time: it is written SS, HH:MM, HH:MM:SS or DD:HH:MM:SS")
    units = {1: (1,), 2: (3600, 60), 3: (3600, 60, 1), 4: (86400, 3600, 60, 1)}[len(parts)]
    return sum(part * unit for part, unit in zip(parts, units, strict=True))


def get_workload(index: int, nproc: int, popsize: int, skip: int | None = None) -> tuple[int, int]:
    """Give the share of one of several workers.

    Parameters
    ----------
    index : int
        Which worker.
    nproc : int
        How many there are.
    popsize : int
        How many items.
    skip : int, optional
        A worker who gets none.

    Returns
    -------
    (int, int)
        The first item, and the one behind the last.
    """
    workers = [worker for worker in range(nproc) if worker != skip]
    each, more = divmod(popsize, len(workers)) if workers else (0, popsize)
    place = sum(worker < index for worker in workers)
    start = place * each + min(place, more)
    return (start, start + each + (place < more)) if index in workers else (start, start)


def balance_workload(nproc: int, popsize: int, *index: int, **kwds: Any) -> tuple[Any, Any]:
    """Give the shares of all workers, or of some.

    Parameters
    ----------
    nproc : int
        How many there are.
    popsize : int
        How many items.
    *index : int
        Which worker; or from which to which, as for `slice`.
    **kwds : object
        ``skip``: a worker who gets none.

    Returns
    -------
    (list, list)
        Where each begins, and where it is behind its last item; two numbers, for one worker.
    """
    shares = [get_workload(worker, nproc, popsize, kwds.get("skip")) for worker in range(nproc)]
    both = [start for start, _ in shares], [end for _, end in shares]
    return lookup(both, *index) if index else both


def lookup(inputs: Sequence[Sequence[Any]], *index: int) -> tuple[Any, ...]:
    """Give an item of each of several sequences; or a share, if it is said from where to where."""
    return tuple(each[index[0] if len(index) == 1 else slice(*index)] for each in inputs)


def wait_for(path: str, sleep: float = 1, tries: int = 150, ignore_errors: bool = False) -> None:
    """Wait until a file is there.

    Parameters
    ----------
    path : str
        Which.
    sleep : float
        Seconds between two looks.
    tries : int
        How many looks.
    ignore_errors : bool
        Whether to go on without it.

    Raises
    ------
    OSError
        It has not come.
    """
    for _ in range(tries):
        if Path(path).exists():
            return
        time.sleep(sleep)
    if not ignore_errors:
        raise OSError(f"{path} has not come within {tries * sleep:g} s")


def ensure_mpi(size: int = 1, doc: str | None = None) -> None:
    """Refuse to go on in a job of fewer ranks.

    Parameters
    ----------
    size : int
        How many there must be.
    doc : str, optional
        What to say.

    Raises
    ------
    RuntimeError
        There are fewer.
    """
    found = own_world().Get_size()
    if found < size:
        raise RuntimeError(doc or f"this needs {size} ranks, and has {found}: start it as mpiexec -n {size} …")


def mpiprint(string: str = "", end: str = "\n", rank: Any = 0, comm: Any = None) -> None:
    """Print on one rank, or on each of several."""
    if (comm or own_world()).Get_rank() in (rank if hasattr(rank, "__len__") else (rank,)):
        sys.stdout.write(f"{string}{end}")


def which_mpirun(mpich: Any = None, fullpath: bool = False) -> str:
    """Give the program that starts ranks; empty if there is none."""
    found = find_mpiexec()
    return found if fullpath else found.rpartition("/")[2]


def which_launcher(mpi: Any = None, fullpath: bool = False) -> str:
    """Give what starts ranks here: mpiexec, srun or aprun; empty if nothing does."""
    others = [found for found in map(shutil.which, ("srun", "aprun")) if found] if not mpi else []
    found = which_mpirun(fullpath=True) or next(iter(others), "")
    return found if fullpath else found.rpartition("/")[2]


def which_strategy(scatter: bool = True, lazy: bool = False, fullpath: bool = True) -> str:
    """Give pyina's program for a strategy, where pyina itself is installed too: no pool here needs one.

    Parameters
    ----------
    scatter : bool
        That of scatter-gather, not that of the worker pool.
    lazy : bool
        Give words for a shell that look for it.
    fullpath : bool
        Give where it is; empty if it is not here.

    Returns
    -------
    str
    """
    name = "ezscatter" if scatter else "ezpool"
    if lazy:
        return f"`which {name}`"
    return (shutil.which(name) or "") if fullpath else name


def which_python(lazy: bool = False, fullpath: bool = True) -> str:
    """Give this interpreter."""
    return sys.executable if fullpath else sys.executable.rpartition("/")[2]
