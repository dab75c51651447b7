"""The schedulers of pyina: what is asked of a cluster's queue, as an object that a pool of `cluster_pools` takes.

Examples
--------
>>> from pathos_nb.schedulers import Torque
>>> Torque(nodes="32:ppn=4", queue="dedicated", timelimit="11:59")
<scheduler Torque(nodes=32:ppn=4, timelimit=11:59, queue=dedicated)>
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from numbers import Real
from pathlib import Path
from typing import Any, ClassVar

from pathos_nb.errors import LauncherUnavailable

__all__ = ["Lsf", "Moab", "Scheduled", "Scheduler", "Torque", "as_time", "count_tasks"]

DEFAULTS = {
    "timelimit": "00:02", "queue": "normal", "scheduler": "", "workdir": ".", "nodes": str(os.cpu_count() or 1),
    "mpirun": "mpiexec", "python": sys.executable, "program": "", "progargs": "",
    "outfile": f"results.{os.getpid()}.out", "errfile": f"errors.{os.getpid()}.out", "jobfile": f"job.{os.getpid()}.id",
}  # fmt: skip
"""What pyina takes where nothing is said, by its names."""
_SUBMIT_S = 60.0


def as_time(limit: Any) -> str:
    """Give a time limit as schedulers write it.

    Parameters
    ----------
    limit : str or number
        ``HH:MM``, ``HH:MM:SS``, or seconds.

    Returns
    -------
    str
        ``HH:MM:SS`` of a number; a text as it is.
    """
    if isinstance(limit, str) or not isinstance(limit, Real):
        return str(limit)
    seconds = int(float(limit))
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def count_tasks(nodes: Any) -> tuple[int, int]:
    """Give nodes and tasks a node of what pyina takes for a number of nodes.

    Parameters
    ----------
    nodes : int or str
        ``4``, ``"3:ppn=2"``, ``"3:core4:ppn=2,partition=foo"``.

    Returns
    -------
    (int, int)

    Raises
    ------
    ValueError
        It does not begin with a number.
    """
    words = str(nodes).split(",")[0].split(":")
    each = [int(word.removeprefix("ppn=")) for word in words if word.startswith("ppn=")]
    return int(words[0]), each[0] if each else 1


class Scheduler:
    """What is asked of a queue.

    Parameters
    ----------
    *args : int or str
        ``nodes``, if it is not given by name.
    **kwds : object
        ``nodes`` (1; also ``"4:ppn=2"``), ``queue`` (normal), ``timelimit`` (``HH:MM`` or seconds), ``workdir``,
        ``jobfile``, ``outfile``, ``errfile``.
    """

    command: ClassVar[str] = ""
    inside: ClassVar[str] = ""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        if args and "nodes" in kwds:
            raise TypeError("got multiple values for keyword argument 'nodes'")
        self.nodes = args[0] if args else kwds.get("nodes", 1)
        self.timelimit = as_time(kwds.get("timelimit", DEFAULTS["timelimit"]))
        self.queue = kwds.get("queue", DEFAULTS["queue"])
        self.workdir = str(Path(kwds.get("workdir") or os.environ.get("WORKDIR", ".")).absolute())
        self.jobfile, self.outfile, self.errfile = (kwds.get(name, "") for name in ("jobfile", "outfile", "errfile"))

    def __repr__(self) -> str:
        told = f"nodes={self.nodes}, timelimit={self.timelimit}, queue={self.queue}"
        return f"<scheduler {type(self).__name__}({told})>"

    @property
    def settings(self) -> dict[str, Any]:
        """What is asked, by name."""
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    @property
    def is_inside(self) -> bool:
        """Whether this process is in a job of such a scheduler already, so that ``mpiexec`` finds its nodes."""
        return bool(self.inside and self.inside in os.environ)

    def words(self) -> list[str]:
        """Give the command that submits a script which it reads from its input."""
        return []

    def submit(self, command: str) -> str:
        """Submit a command to the queue.

        Parameters
        ----------
        command : str
            A line for the job's shell.

        Returns
        -------
        str
            What the scheduler answered: the job's number, as a rule.

        Raises
        ------
        LauncherUnavailable
            Its command is not here, or has refused the job.
        """
        words = self.words()
        if not words or shutil.which(words[0]) is None:
            told = f"{words[0]} is not on the path" if words else "it has no queue"
            cure = "submit where the queue is, or run it here by subprocess"
            raise LauncherUnavailable(f"{type(self).__name__} cannot submit", cause=told, cure=cure)
        how: dict[str, Any] = {"capture_output": True, "text": True, "cwd": self.workdir, "check": False}
        done = subprocess.run(words, input=f"{command}\n", timeout=_SUBMIT_S, **how)
        if done.returncode:
            cure = "see that queue, nodes and timelimit are what the site has"
            raise LauncherUnavailable(f"{words[0]} refused the job", cause=done.stderr.strip(), cure=cure)
        return str(done.stdout).strip()

    def _files(self) -> list[str]:
        return [word for flag, path in (("-o", self.outfile), ("-e", self.errfile)) if path for word in (flag, path)]


class Torque(Scheduler):
    """A queue of Torque, or another PBS: ``qsub``."""

    command, inside = "qsub", "PBS_NODEFILE"

    def words(self) -> list[str]:
        """Give the command that submits a script which it reads from its input."""
        asked = ["-l", f"nodes={self.nodes}", "-l", f"walltime={self.timelimit}"]
        return [self.command, *asked, *self._files(), "-q", self.queue]


class Moab(Torque):
    """A queue of Moab: ``msub``."""

    command = "msub"


class Lsf(Scheduler):
    """A queue of LSF: ``bsub``.

    Parameters
    ----------
    *args, **kwds : object
        As for `Scheduler`; ``mpich`` (``gm``, ``mx``) is kept, for the networks of that name are gone.
    """

    command, inside = "bsub", "LSB_JOBID"

    def __init__(self, *args: Any, **kwds: Any) -> None:
        super().__init__(*args, **kwds)
        self.mpich = str(kwds.get("mpich", "")).replace("mpich", "").strip("-_")

    def words(self) -> list[str]:
        """Give the command that submits a script which it reads from its input."""
        n_tasks, each = count_tasks(self.nodes)
        return [self.command, "-W", self.timelimit, "-n", str(n_tasks * each), *self._files(), "-q", self.queue]


_BY_COMMAND: Mapping[str, type[Scheduler]] = {"qsub": Torque, "msub": Moab, "bsub": Lsf}


def which_scheduler(fullpath: bool = False) -> str:
    """Give the command of the queue that is here (qsub, msub or bsub), or its path; empty if none is."""
    found = next(filter(shutil.which, _BY_COMMAND), "")
    return (shutil.which(found) or "") if fullpath and found else found


Scheduled = _BY_COMMAND.get(which_scheduler(), Scheduler)
