"""Programs of this machine that have fixed names, found by pox.

`pox.where` looks into one folder, and starts nothing. `pox.which` gives a line with the name in it to a shell: so no
name that a user typed is looked for here (`shutil.which` does that), and no name at all by that function.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

__all__ = ["NAMES", "program"]

_MPI = ("mpiexec", "mpirun", "mpiexec.gforker")
_SLURM = ("salloc", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun")
NAMES = frozenset(("ssh", *_MPI, *_SLURM))


def program(name: str, path: str | None = None) -> str | None:
    """Give where a program is.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    path : str, optional
        The folders to look in (default ``$PATH``); an empty one is none.

    Returns
    -------
    str or None
        The first that can be run.

    Raises
    ------
    ValueError
        The name is not one of ours.
    """
    if name not in NAMES:
        raise ValueError(f"{name!r} is none of the programs that are looked for by name")
    look = _where()
    if look is None:
        return shutil.which(name, path=path)
    folders = (os.environ.get("PATH", os.defpath) if path is None else path).split(os.pathsep)
    found = (look(name, folder) for folder in folders if folder)
    return next((place for place in found if place and _can_be_run(place)), None)


def _where() -> Callable[[str, str], str | None] | None:
    """Give pox's function; none on Windows, whose endings it does not know, nor on a host that has Python alone."""
    if sys.platform == "win32":
        return None
    try:
        from pox import where
    except ImportError:
        return None
    return where  # type: ignore[no-any-return]


def _can_be_run(place: str) -> bool:
    return Path(place).is_file() and os.access(place, os.X_OK)
