"""pyina's tools: how work is shared out, and what there is to start it with."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import Any

from pathos_nb.launchers.mpi_command import find_mpiexec
from pathos_nb.launchers.mpi_rank import own_world
from pathos_nb.schedulers import as_time, which_scheduler

__all__ = [
    "ensure_mpi", "get_workload", "isoformat", "isoseconds", "lookup", "mpiprint", "which_launcher", "which_mpirun",
    "which_python", "which_scheduler",
]  # fmt: skip

isoformat = as_time


def isoseconds(time: Any) -> float:
    """Give ``HH:MM`` or ``HH:MM:SS`` in seconds; a number as it is."""
    if not isinstance(time, str):
        return float(time)
    hours, minutes, *seconds = (float(part) for part in time.split(":"))
    return 3600 * hours + 60 * minutes + sum(seconds)


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
    if index not in workers:
        return 0, 0
    place, (each, more) = workers.index(index), divmod(popsize, len(workers))
    start = place * each + min(place, more)
    return start, start + each + (place < more)


def lookup(inputs: Sequence[Sequence[Any]], *index: int) -> list[Sequence[Any]]:
    """Give a share of each of several sequences."""
    return [sequence[slice(*index)] for sequence in inputs]


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


def mpiprint(string: str = "", end: str = "\n", rank: int = 0, comm: Any = None) -> None:
    """Print on one rank."""
    if (comm or own_world()).Get_rank() == rank:
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


def which_python(lazy: bool = False, fullpath: bool = True) -> str:
    """Give this interpreter."""
    return sys.executable if fullpath else sys.executable.rpartition("/")[2]
