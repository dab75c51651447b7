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
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

__all__ = ["find_mpiexec", "job_environment", "lingers", "starts_ranks"]

_NAMES = ("mpiexec", "mpirun")
_ON_THIS_MACHINE = "mpiexec.gforker"
# Which rank a process is, of which job: what an item starts is a job of its own.
_OF_A_JOB = ("PMI_", "PMIX_", "HYDI_", "OMPI_COMM_WORLD_", "MPI_LOCAL", "MPI_APPNUM", "MPI_UNIVERSE")
# All ranks are on this machine, and so is what they say to each other: through memory, not by TCP on loopback.
_OFF_THE_NETWORK = {"UCX_TLS": "self,sm", "OMPI_MCA_btl": "^tcp", "FI_PROVIDER": "shm"}
# UCX would catch SIGSEGV and the like, and look for a debugger, where the pool wants to know what the worker died of.
_PLAIN_DEATHS = {"UCX_ERROR_SIGNALS": "", "UCX_WARN_UNUSED_ENV_VARS": "n"}


def find_mpiexec(beside: str = sys.executable, path: str | None = None) -> str:
    """Give the program that starts ranks.

    Parameters
    ----------
    beside : str
        The interpreter, in whose folder it is looked for first.
    path : str, optional
        Where else; ``$PATH`` by default.

    Returns
    -------
    str
        Empty if there is none.
    """
    own = str(Path(beside).parent) if beside else ""
    for folder in (own, path):
        for name in _NAMES:
            found = shutil.which(name, path=folder) if folder != "" else None
            if found:
                return shutil.which(_ON_THIS_MACHINE, path=str(Path(found).parent)) or found
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


def job_environment(limits: Mapping[str, str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Give the environment that a job is started in.

    Parameters
    ----------
    limits : mapping
        What ranks have besides: how many threads they may use.
    known : mapping, optional
        This process' by default.

    Returns
    -------
    dict
        What the user has set for UCX and others stays as it is.
    """
    known = os.environ if known is None else known
    own = {name: value for name, value in known.items() if not name.startswith(_OF_A_JOB)}
    return {**_OFF_THE_NETWORK, **_PLAIN_DEATHS, **limits, **own}
