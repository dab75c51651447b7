"""pyina's launchers: the pools of `pathos_nb.cluster_pools`, and the functions that give lines for a shell.

No pool here needs a line: they are for scripts that show them, or hand them to `launch`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pathos_nb.cluster_pools import *  # noqa: F403 - all of pyina's pools
from pathos_nb.cluster_pools import Alps, LsfMpi, Mapper, MoabMpi, Mpi, SerialMapper, Slurm, TorqueMpi
from pathos_nb.schedulers import DEFAULTS as defaults
from pathos_nb.schedulers import Lsf, Moab, Torque, count_tasks

__all__ = [
    "Lsf", "Moab", "Torque", "all_launchers", "all_launches", "aprun_launcher", "aprun_tasks", "defaults", "launch",
    "lsfgm_launcher", "lsfmx_launcher", "moab_launcher", "mpirun_launcher", "mpirun_tasks", "pool_of",
    "serial_launcher", "srun_launcher", "srun_tasks", "torque_launcher",
]  # fmt: skip

_NOTHING: Mapping[str, Any] = MappingProxyType({})


def _line(words: str, settings: Mapping[str, Any]) -> str:
    return words.format(**_told(settings)).rstrip()


def _told(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Give the settings of a line: as given, or else pyina's."""
    told = {**defaults, **settings}
    return {"progname": Path(str(told["program"])).name, "tasks": told["nodes"], **told}


def serial_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program once: ``python``, ``program`` and ``progargs`` of `kdict`."""
    return _line("{python} {program} {progargs}", kdict)


def mpirun_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program under ``mpiexec``: ``nodes`` of `kdict` besides."""
    return _line("{mpirun} -np {nodes} {python} {program} {progargs}", kdict)


def srun_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program under ``srun``: ``nodes`` of `kdict` besides."""
    return _line("srun -n{nodes} {python} {program} {progargs}", kdict)


def aprun_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that runs a program under ``aprun``: ``nodes`` of `kdict` besides."""
    return _line("aprun -n {nodes} {python} {program} {progargs}", kdict)


def torque_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that submits a program to Torque; ``scheduler`` of `kdict` says what starts its ranks there."""
    return _submitting("qsub", kdict)


def moab_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that submits a program to Moab; ``scheduler`` of `kdict` says what starts its ranks there."""
    return _submitting("msub", kdict)


def _submitting(command: str, settings: Mapping[str, Any]) -> str:
    kind = str(_told(settings)["scheduler"]).rpartition("_")[2]
    starts = {
        "mpirun": ("{mpirun} -np {tasks} ", mpirun_tasks),
        "srun": ("srun -n{tasks} ", srun_tasks),
        "aprun": ("aprun -n {tasks} ", aprun_tasks),
    }
    start, count = starts.get(kind, ("", str))
    asked = "-l nodes={nodes} -l walltime={timelimit} -o {outfile} -e {errfile} -q {queue} > {jobfile} 2>&1"
    words = f'echo "{start}{{python}} {{program}} {{progargs}}" | {command} {asked}'
    return _line(words, {**settings, "tasks": count(_told(settings)["nodes"])})


def lsfmx_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that submits a program to LSF, on a Myrinet of the kind mx."""
    return _line(_BSUB.format(kind="mpich_mx", wrapper="mpich_mx_wrapper"), kdict)


def lsfgm_launcher(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the line that submits a program to LSF, on a Myrinet of the kind gm."""
    return _line(_BSUB.format(kind="mpich_gm", wrapper="gmmpirun_wrapper"), kdict)


_BSUB = (
    "bsub -K -W{{timelimit}} -n {{nodes}} -o {{outfile}} -a {kind} -q {{queue}} -J {{progname}} "
    "{wrapper} {{python}} {{program}} {{progargs}}"
)


def launch(command: str) -> int:
    """Hand a line to a shell, and wait until it is over.

    Parameters
    ----------
    command : str
        What a launcher here has given, or any other line.

    Returns
    -------
    int
        Its exit status: 0.

    Raises
    ------
    OSError
        The program is not here, or its status is another one.
    """
    words = command.rpartition("|")[2].split()
    if not words or shutil.which(words[0]) is None:
        raise OSError(f"launch failed: {words[0] if words else 'an empty line'} not found; see that it is on the path")
    status = subprocess.run(["sh", "-c", command], check=False).returncode
    if status:
        raise OSError(f"launch failed with status {status}: {command}; see what it has written")
    return status


def all_launchers() -> list[str]:
    """Give the names of the functions here that give a line."""
    return [f"launchers.{name}" for name in sorted(_LAUNCHERS)]


def all_launches(kdict: Mapping[str, Any] = _NOTHING) -> str:
    """Give the lines of all launchers, with an empty one after each; ``program`` is the caller's file if not given."""
    caller = sys._getframe(1).f_code.co_filename
    settings = {"program": caller, **kdict}
    return "\n".join(f"{_LAUNCHERS[name](settings)}\n" for name in sorted(_LAUNCHERS))


_LAUNCHERS: Mapping[str, Callable[..., str]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            aprun_launcher, lsfgm_launcher, lsfmx_launcher, moab_launcher, mpirun_launcher, serial_launcher,
            srun_launcher, torque_launcher,
        )
    }
)  # fmt: skip


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
    named = {
        serial_launcher: SerialMapper, mpirun_launcher: Mpi, srun_launcher: Slurm, aprun_launcher: Alps,
        torque_launcher: TorqueMpi, moab_launcher: MoabMpi, lsfmx_launcher: LsfMpi, lsfgm_launcher: LsfMpi,
    }  # fmt: skip
    if isinstance(launcher, type) and issubclass(launcher, Mapper):
        return launcher
    if launcher not in named:
        raise ValueError(f"{launcher!r} is no launcher: take one of {', '.join(f.__name__ for f in named)}, or a pool")
    return named[launcher]
