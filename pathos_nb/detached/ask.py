"""What a queue is asked for: one frozen value, checked in one place."""

from __future__ import annotations

import difflib
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from pathos_nb.errors import BadOption

__all__ = ["NAMES", "Ask", "read_settings"]

_TIME = re.compile(r"(\d+-)?\d+(:\d{1,2}){0,2}")
_MEMORY = re.compile(r"\d+(\.\d+)?[KMGT]?B?", re.IGNORECASE)
_MOST_TASKS = 100


@dataclass(frozen=True, slots=True)
class Ask:
    """What each task of a detached sweep gets, and how the points are dealt out to them.

    Parameters
    ----------
    time : str
        How long a task may run, as queues write it: ``30`` (minutes), ``10:00``, ``2:00:00``, ``1-12:00:00``.
    partition, account, qos : str
        Where it is queued, and who pays.
    cpus : int
        Cores of a task.
    workers : int or None
        Worker processes of a task, which share its cores; as many as there are cores.
    memory : str
        Of a task, such as ``4G``.
    nodes : int or None
        How many tasks run at the same time at most.
    per_task : int or None
        Points of a task; else they are dealt out to a hundred tasks.
    python : str
        The interpreter on the nodes; this one's path by default.
    folder : str
        Where the sweep's files lie, on a disk that the nodes see; beside the store by default.
    setup : str
        Lines of shell before Python starts, such as ``module load gcc``.
    gres, constraint, reservation, nodelist, exclude : str
        As Slurm has them.
    arguments : str
        More words for the queue's own command, one behind the other, such as ``--exclusive``.
    requeue : bool
        Whether a task that was preempted, or whose node was lost, is queued again.
    """

    time: str = ""
    partition: str = ""
    account: str = ""
    qos: str = ""
    cpus: int = 1
    workers: int | None = None
    memory: str = ""
    nodes: int | None = None
    per_task: int | None = None
    python: str = ""
    folder: str = ""
    setup: str = ""
    gres: str = ""
    constraint: str = ""
    reservation: str = ""
    nodelist: str = ""
    exclude: str = ""
    arguments: str = ""
    requeue: bool = True

    def __post_init__(self) -> None:
        for name in ("cpus", "workers", "nodes", "per_task"):
            _check_count(name, getattr(self, name))
        for name in NAMES:
            if isinstance(getattr(self, name), str):
                _check_text(name, getattr(self, name))
        if self.time and not _TIME.fullmatch(self.time):
            raise BadOption(f"time is {self.time!r}", cure="it may be 30 (minutes), 10:00, 2:00:00 or 1-12:00:00")
        if self.memory and not _MEMORY.fullmatch(self.memory):
            raise BadOption(f"memory is {self.memory!r}", cure="it may be 500M or 4G")
        if not isinstance(self.requeue, bool):
            raise BadOption(f"requeue is {self.requeue!r}", cure="it may be True or False")

    def n_tasks(self, n_points: int, n_most: int = _MOST_TASKS) -> int:
        """Give among how many tasks so many points are dealt.

        Parameters
        ----------
        n_points : int
            One or more.
        n_most : int
            How many tasks there may be where nobody has said how many points each has.

        Returns
        -------
        int
        """
        if self.per_task is not None:
            return -(-n_points // self.per_task)
        return min(n_most, -(-n_points // self.n_workers))

    @property
    def n_workers(self) -> int:
        """Worker processes of a task."""
        return self.workers or self.cpus

    @property
    def interpreter(self) -> str:
        """The Python of the nodes."""
        return self.python or sys.executable

    def root(self, default: Path) -> Path:
        """Give the folder below which the sweep's own is made."""
        return Path(self.folder).expanduser().absolute() if self.folder else default


NAMES = tuple(field.name for field in fields(Ask))


def read_settings(given: Mapping[str, Any]) -> Ask:
    """Check settings.

    Parameters
    ----------
    given : mapping
        Names and values, as typed.

    Returns
    -------
    Ask

    Raises
    ------
    BadOption
        There is no such setting, or a value makes no sense.
    """
    for name in given:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, n=1)
            cure = f"did you mean {near[0]}?" if near else f"there are {', '.join(NAMES)}"
            raise BadOption(f"a detached sweep has no setting {name!r}", cure=cure)
    texts = {field.name for field in fields(Ask) if field.type == "str"}
    asked: dict[str, Any] = {name: _text_of(value) if name in texts else value for name, value in given.items()}
    return Ask(**asked)


def _text_of(value: Any) -> str:
    """Give a setting as a text; words, as pools take them for ``arguments``, in one line."""
    return shlex.join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _check_count(name: str, value: Any) -> None:
    if value is None and name != "cpus":
        return
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise BadOption(f"{name} is {value!r}", cure="it must be a whole number, 1 or more")


def _check_text(name: str, value: Any) -> None:
    """Refuse what would not stay in its line of the job's script."""
    if not isinstance(value, str) or "\0" in value or (name != "setup" and "\n" in value):
        raise BadOption(f"{name} is {value!r}", cure="it must be a text of one line")
