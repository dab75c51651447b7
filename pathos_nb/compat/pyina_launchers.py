"""pyina's launchers: the pools of `pathos_nb.cluster_pools`, and the functions that show how each of them begins."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pathos_nb.cluster_pools import *  # noqa: F403 - all of pyina's pools
from pathos_nb.cluster_pools import Alps, Mapper, Mpi, SerialMapper, Slurm
from pathos_nb.schedulers import Lsf, Moab, Torque, count_tasks

__all__ = [
    "Lsf", "Moab", "Torque", "aprun_launcher", "aprun_tasks", "mpirun_launcher", "mpirun_tasks", "pool_of",
    "serial_launcher", "srun_launcher", "srun_tasks",
]  # fmt: skip

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _line(words: str, settings: Mapping[str, Any]) -> str:
    told = {"nodes": 1, "python": sys.executable, "program": "", "progargs": "", **settings}
    return words.format(**told).rstrip()


def serial_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program once: ``python``, ``program`` and ``progargs`` of `kdict`."""
    return _line("{python} {program} {progargs}", kdict)


def mpirun_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program under ``mpiexec``: ``nodes`` of `kdict` besides."""
    return _line("mpiexec -np {nodes} {python} {program} {progargs}", kdict)


def srun_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program under ``srun``: ``nodes`` of `kdict` besides."""
    return _line("srun -n{nodes} {python} {program} {progargs}", kdict)


def aprun_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program under ``aprun``: ``nodes`` of `kdict` besides."""
    return _line("aprun -n {nodes} {python} {program} {progargs}", kdict)


def mpirun_tasks(nodes: Any) -> int:
    """Give how many ranks a number of nodes means, such as ``"3:core4:ppn=2"``: 6."""
    n_nodes, each = count_tasks(nodes)
    return n_nodes * each


def srun_tasks(nodes: Any) -> str:
    """Give what ``srun -n`` is told for a number of nodes, such as ``"3:ppn=2"``: ``3 -N2``."""
    n_nodes, each = count_tasks(nodes)
    return f"{n_nodes} -N{each}" if "ppn=" in str(nodes) else str(n_nodes)


def aprun_tasks(nodes: Any) -> str:
    """Give what ``aprun -n`` is told for a number of nodes, such as ``"3:ppn=2"``: ``3 -N 2``."""
    return srun_tasks(nodes).replace("-N", "-N ")


def pool_of(launcher: Any) -> type[Mapper]:
    """Give the pool that a launcher stands for.

    Parameters
    ----------
    launcher : callable or class
        One of the functions here, or a pool.

    Returns
    -------
    type

    Raises
    ------
    ValueError
        It is neither.
    """
    named = {serial_launcher: SerialMapper, mpirun_launcher: Mpi, srun_launcher: Slurm, aprun_launcher: Alps}
    if isinstance(launcher, type) and issubclass(launcher, Mapper):
        return launcher
    if launcher not in named:
        raise ValueError(f"{launcher!r} is no launcher: take one of {', '.join(f.__name__ for f in named)}, or a pool")
    return named[launcher]
