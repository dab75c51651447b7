"""What a pool asks Slurm for: its settings, checked in one place, and the words for salloc and sbatch."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from pathos_nb.errors import BadOption

__all__ = ["SlurmSettings", "read_settings"]

_TIME = re.compile(r"\d+|\d+:\d\d|\d+:\d\d:\d\d|\d+-\d+(:\d\d(:\d\d)?)?")
_SIZE = re.compile(r"\d+[KMGT]?B?", re.IGNORECASE)
_NAME = re.compile(r"[^\s\0-\x1f]+")
_DAY_S = 86400.0
# What the pool has to say by itself, or would take the nodes out of its hands.
_OURS = {
    **dict.fromkeys(("-N", "--nodes", "-n", "--ntasks"), "nodes="),
    **dict.fromkeys(("-c", "--cpus-per-task"), "cpus="),
    **dict.fromkeys(("-J", "--job-name"), "name="),
    **dict.fromkeys(("-a", "--array", "--wrap"), "%%pmap --detach"),
    **dict.fromkeys(("--no-shell", "-K", "--kill-command"), "nothing: the pool sees to it"),
}
_AS_WRITTEN = ("partition", "account", "qos", "gres", "constraint", "reservation", "nodelist", "exclude")


@dataclass(frozen=True, slots=True)
class SlurmSettings:
    """What a pool asks Slurm for.

    Parameters
    ----------
    cpus : int or None
        Cores on each node, and so workers; what the site gives by itself if None.
    time : str or None
        How long at most, as Slurm writes it: minutes, ``H:MM:SS``, ``D-HH:MM:SS``; the partition's own if None.
    memory : str or None
        On each node, such as ``8G``.
    partition, account, qos, gres, constraint, reservation, nodelist, exclude : str or None
        As in ``salloc --partition=…``.
    name : str
        How the jobs are called; a few random characters follow.
    arguments : tuple of str
        More words for salloc, such as ``("--exclusive",)``.
    python : str
        The interpreter on the nodes; this one if empty, since nodes share the file system.
    together : bool
        One job of all nodes, which begins when all are free, in place of a job for each node.
    start_within : float
        Seconds that the queue may take.
    job : str
        A job that runs already, by its number, in place of new ones; ``this`` is the one that this process is in.
    """

    cpus: int | None = None
    time: str | None = None
    memory: str | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    gres: str | None = None
    constraint: str | None = None
    reservation: str | None = None
    nodelist: str | None = None
    exclude: str | None = None
    name: str = "pathos_nb"
    arguments: tuple[str, ...] = ()
    python: str = ""
    together: bool = False
    start_within: float = _DAY_S
    job: str = ""

    def words(self) -> list[str]:
        """Give what salloc and sbatch are told of it; not how many nodes, nor the job's name.

        Returns
        -------
        list of str
        """
        said = {"cpus-per-task": self.cpus, "time": self.time, "mem": self.memory}
        said |= {name: getattr(self, name) for name in _AS_WRITTEN}
        return [f"--{name}={value}" for name, value in said.items() if value is not None] + list(self.arguments)


def read_settings(given: Mapping[str, Any]) -> SlurmSettings:
    """Make settings of a pool's keywords, or of the words of a cell.

    Parameters
    ----------
    given : mapping
        By the names of `SlurmSettings`.

    Returns
    -------
    SlurmSettings

    Raises
    ------
    BadOption
        A value makes no sense; the message says what would.
    """
    read = {name: _READERS[name](name, value) for name, value in given.items() if value is not None}
    settings = SlurmSettings(**read)
    asked = {name for name in given if name not in ("job", "python", "name")}
    if settings.job and (more := sorted(asked - {"start_within"})):
        cure = "leave it out, or leave job= out to ask for new nodes"
        raise BadOption(f"job={settings.job} runs already: {more[0]}= cannot change it", cure=cure)
    return settings


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str) or not str(value).isdecimal() or int(value) < 1:
        raise BadOption(f"{name} is {value!r}", cure="it must be a whole number, 1 or more")
    return int(value)


def _time(name: str, value: Any) -> str:
    text = str(value)
    if isinstance(value, bool) or not (text.upper() in ("UNLIMITED", "INFINITE") or _TIME.fullmatch(text)):
        cure = 'as Slurm writes it: minutes (90), "MM:SS", "H:MM:SS" or "D-HH:MM:SS"'
        raise BadOption(f"{name} is {value!r}", cure=cure)
    return text


def _size(name: str, value: Any) -> str:
    text = str(value)
    if isinstance(value, bool) or not _SIZE.fullmatch(text):
        raise BadOption(f"{name} is {value!r}", cure='say megabytes (4000), or a size such as "8G"')
    return text.upper().removesuffix("B")


def _word(name: str, value: Any) -> str:
    text = str(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not _NAME.fullmatch(text):
        raise BadOption(f"{name} is {value!r}", cure="it must be one word, as Slurm writes it")
    return text


def _job(name: str, value: Any) -> str:
    text = _word(name, value)
    if not (text.isdecimal() or text == "this"):
        raise BadOption(f"job is {value!r}", cure='it must be the number of a job (squeue shows it), or "this"')
    return text


def _yes(name: str, value: Any) -> bool:
    if not isinstance(value, bool) and str(value).lower() not in ("yes", "no", "true", "false"):
        raise BadOption(f"{name} is {value!r}", cure="it must be True or False")
    return value if isinstance(value, bool) else value.lower() in ("yes", "true")


def _seconds(name: str, value: Any) -> float:
    try:
        seconds = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        seconds = -1.0
    if not seconds > 0:
        raise BadOption(f"{name} is {value!r}", cure="it must be seconds, more than 0")
    return seconds


def _arguments(name: str, value: Any) -> tuple[str, ...]:
    words = tuple(shlex.split(value)) if isinstance(value, str) else tuple(value)
    for word in words:
        if not isinstance(word, str) or "\0" in word:
            raise BadOption(f"{name} has {word!r} in it", cure="it must be words for salloc")
        if cure := _OURS.get(word.partition("=")[0]):
            raise BadOption(f"{name} has {word!r} in it", cure=f"say {cure}")
    return words


_READERS: dict[str, Any] = {field.name: _word for field in fields(SlurmSettings)}
_READERS |= {
    "cpus": _count, "time": _time, "memory": _size, "arguments": _arguments, "together": _yes,
    "start_within": _seconds, "job": _job,
}  # fmt: skip
