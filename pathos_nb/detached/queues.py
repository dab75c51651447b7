"""What is asked of a batch system: take a job, tell what its tasks are at, end them. One file a system.

Commands are lists of words, each with a time limit: those of a queue whose controller is away hang for minutes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

from pathos_nb.detached.ask import Ask
from pathos_nb.errors import QueueError

__all__ = ["ENDED", "QUEUED", "RUNNING", "Queue", "Submission", "Task", "call", "environment", "is_secret"]

QUEUED, RUNNING, ENDED = "queued", "running", "ended"
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|COOKIE", re.IGNORECASE)
_OF_THE_KERNEL = ("JPY_", "JUPYTERHUB_")
_CALL_S = 20.0


class Task(NamedTuple):
    """What a queue says of a task.

    Attributes
    ----------
    state : str
        ``queued``, ``running`` or ``ended``.
    word : str
        The state in the queue's own words.
    reason : str
        Why it waits, or why it ended.
    node : str
        Where it runs or ran.
    exit : str
        Its exit status and signal, as the queue writes it.
    """

    state: str
    word: str = ""
    reason: str = ""
    node: str = ""
    exit: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """A job that a queue is to take.

    Parameters
    ----------
    name : str
        What the queue calls it: nothing of the user's, and no other job is called so.
    script : Path
        The job script, which is there already.
    n_tasks : int
        How many tasks it has, numbered from 0.
    log : Path
        The folder of logs, and how their names begin: ``…/log/1.``.
    ask : Ask
        What each task gets.
    """

    name: str
    script: Path
    n_tasks: int
    log: Path
    ask: Ask


class Queue(Protocol):
    """One batch system."""

    name: str
    task_variable: str

    def availability(self) -> str:
        """Say why it cannot be used here; nothing if it can."""

    def submit(self, job: Submission) -> str:
        """Have a job taken; give what the queue calls it. QueueError if it does not take it."""

    def look(self, job: str, name: str) -> dict[int, Task]:
        """Tell what the queue knows of the tasks; those that it has forgotten are left out."""

    def find(self, name: str) -> str:
        """Give what the queue calls the job of that name; nothing if it knows none."""

    def cancel(self, job: str, name: str) -> None:
        """End all tasks; one that is over is no error."""


def environment() -> dict[str, str]:
    """Give what a job takes along of this process' variables: not those of the kernel, nor what looks like a secret.

    A queue keeps the variables of its jobs in files.
    """
    return {name: value for name, value in os.environ.items() if not is_secret(name)}


def is_secret(name: str) -> bool:
    """Whether a variable looks like a secret, or is the kernel's own business."""
    return bool(_SECRET.search(name)) or name.startswith(_OF_THE_KERNEL)


def call(words: Sequence[str], environ: Mapping[str, str] | None = None, timeout_s: float = _CALL_S) -> str:
    """Run a command of the queue's.

    Parameters
    ----------
    words : sequence of str
        The command.
    environ : mapping, optional
        Its variables.
    timeout_s : float
        How long it may take.

    Returns
    -------
    str
        What it wrote.

    Raises
    ------
    QueueError
        It is not there, did not end, or failed; its own words are the cause.
    """
    if shutil.which(words[0]) is None:
        raise QueueError(
            f"{words[0]} is not there", cure="run the notebook where the queue's commands are", command=words[0]
        )
    try:
        done = subprocess.run(
            words, env=environ, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        what = f"{words[0]} did not end in {timeout_s:.0f} s"
        raise QueueError(what, cause="the queue's controller does not answer", command=words[0], is_away=True) from None
    if done.returncode:
        told = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
        raise QueueError(f"{words[0]} failed", cause=told, command=words[0], is_away=_is_away(told))
    return done.stdout


_AWAY = ("unable to contact", "connection refused", "communication", "timed out", "zero bytes were transmitted")


def _is_away(told: str) -> bool:
    low = told.lower()
    return any(word in low for word in _AWAY)
