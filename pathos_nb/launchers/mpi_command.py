"""What starts an MPI job here: which program, with which words, in which environment.

MPICH's ``mpiexec.gforker`` is preferred where it lies beside ``mpiexec``: it forks the ranks on this machine and
listens on no port, while hydra (``mpiexec``) keeps one open on all interfaces for as long as the job lasts. An
installation beside the interpreter goes before one on the path: its mpi4py was installed with that one.

References
----------
mpiexec in the MPI standard, chapter 11; MPICH user's guide, *gforker*; UCX_TLS in the documentation of UCX.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pathos_nb.programs import program

__all__ = [
    "across_nodes",
    "find_mpiexec",
    "job_environment",
    "lingers",
    "rank_settings",
    "reaches_nodes",
    "starts_ranks",
]

_NAMES = ("mpiexec", "mpirun")
_ON_THIS_MACHINE, _ACROSS = "mpiexec.gforker", "srun"
# Which rank a process is, of which job: what an item starts is a job of its own.
_OF_A_JOB = (
    "SLURM_",
    "SLURMD_",
    "PMI_",
    "PMIX_",
    "HYDI_",
    "OMPI_COMM_WORLD_",
    "MPI_LOCAL",
    "MPI_APPNUM",
    "MPI_UNIVERSE",
)
_KEPT = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_CLUSTERS", "SLURM_MPI_TYPE")
# All ranks are on this machine, and so is what they say to each other: through memory, not by TCP on loopback.
_OFF_THE_NETWORK = {"UCX_TLS": "self,sm", "OMPI_MCA_btl": "^tcp", "FI_PROVIDER": "shm"}
# UCX would catch SIGSEGV and the like, and look for a debugger, where the pool wants to know what the worker died of.
_PLAIN_DEATHS = {"UCX_ERROR_SIGNALS": "", "UCX_WARN_UNUSED_ENV_VARS": "n"}


def find_mpiexec(beside: str | None = None, path: str | None = None) -> str:
    """Give the program that starts ranks.

    Parameters
    ----------
    beside : str, optional
        The interpreter, in whose folder it is looked for first; this one by default.
    path : str, optional
        Where else; ``$PATH`` by default.

    Returns
    -------
    str
        Empty if there is none.
    """
    beside = sys.executable if beside is None else beside
    own = str(Path(beside).parent) if beside else ""
    for folder in (own, path):
        for name in _NAMES:
            found = program(name, folder) if folder != "" else None
            if found:
                return program(_ON_THIS_MACHINE, str(Path(found).parent)) or found
    return ""


def starts_ranks(mpiexec: Sequence[str], n_ranks: int, program: Sequence[str]) -> list[str]:
    """Give the command that starts a program so many times as one job.

    Parameters
    ----------
    mpiexec : sequence of str
        The program that starts ranks, and words for it.
    n_ranks : int
        How many.
    program : sequence of str
        What each of them runs.

    Returns
    -------
    list of str
    """
    return [*mpiexec, "-n", str(n_ranks), *program]


def lingers(mpiexec: Sequence[str]) -> bool:
    """Whether the program stays for a while after its ranks: gforker does for a second, if one was killed."""
    return Path(mpiexec[0]).name == _ON_THIS_MACHINE


def job_environment(more: Mapping[str, str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment that a job is started in.

    Parameters
    ----------
    more : mapping
        What ranks have besides, where the user has not set it.
    known : mapping, optional
        This process' by default.

    Returns
    -------
    dict
    """
    known = os.environ if known is None else known
    own = {name: value for name, value in known.items() if name in _KEPT or not name.startswith(_OF_A_JOB)}
    return {**more, **own}


def rank_settings(limits: Mapping[str, str], is_across: bool = False) -> dict[str, str]:
    """Give the variables that ranks have besides: how many threads they may use, and how they speak with each other."""
    return {**({} if is_across else _OFF_THE_NETWORK), **_PLAIN_DEATHS, **limits}


def reaches_nodes(mpiexec: Sequence[str]) -> bool:
    """Whether the program starts ranks on other nodes too: ``srun`` does."""
    return Path(mpiexec[0]).name == _ACROSS


def across_nodes(mpiexec: Sequence[str]) -> tuple[str, ...]:
    """Give the program's words with those that ``srun`` wants in the job that this process is in.

    Parameters
    ----------
    mpiexec : sequence of str
        The program that starts ranks, and the user's words for it.

    Returns
    -------
    tuple of str
        As they are for any other program.
    """
    if not reaches_nodes(mpiexec):
        return tuple(mpiexec)
    words, job = [*mpiexec, "--kill-on-bad-exit=1"], os.environ.get("SLURM_JOB_ID", "")
    if job and not any(word.startswith("--jobid") for word in words):
        words.append(f"--jobid={job}")
    return tuple(words)
