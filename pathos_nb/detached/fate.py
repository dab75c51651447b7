"""How a task ended, by name: from what the queue remembers, what the task wrote of itself, and the end of its log.

A pure function: a queue that keeps no accounts has forgotten a job after some minutes, but Slurm writes into the log
why it ended a task, and the task wrote when it began, was stopped, or was done.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pathos_nb.detached.queues import ENDED, Task

__all__ = ["DONE", "Fate", "fate_of", "named_in"]

DONE = "done"


class Fate(NamedTuple):
    """How a task ended.

    Attributes
    ----------
    how : str
        ``done``, ``time limit``, ``out of memory``, ``node lost``, ``preempted``, ``cancelled``, ``failed``, ``gone``,
        ``not started`` or ``broken``.
    cause, cure : str
        In words, and what to do.
    """

    how: str
    cause: str = ""
    cure: str = ""


_MISSING = "run its cell again: the missing points are submitted anew"
_CURES = {
    "time limit": f"ask for more by time=, or fewer points a task by per_task=; {_MISSING}",
    "out of memory": f"ask for more by memory=; {_MISSING}",
    "node lost": _MISSING,
    "preempted": _MISSING,
    "cancelled": _MISSING,
    "failed": "its log has more",
    "gone": _MISSING,
    "broken": "",
    "not started": f"see that the nodes reach the sweep's folder (folder=PATH for another one); {_MISSING}",
}
# What Slurm calls the end of a job, and what it writes into the job's log.
_WORDS = {
    "TIMEOUT": "time limit", "DEADLINE": "time limit", "OUT_OF_MEMORY": "out of memory", "NODE_FAIL": "node lost",
    "BOOT_FAIL": "node lost", "PREEMPTED": "preempted", "CANCELLED": "cancelled", "REVOKED": "cancelled",
    "NOT_SUBMITTED": "not submitted",
}  # fmt: skip
_MARKS: Sequence[tuple[str, re.Pattern[str]]] = (
    (
        "time limit",
        re.compile(r"DUE TO TIME LIMIT|TERM_RUNLIMIT|walltime .*exceeded|exceeded .*walltime|\bh_rt\b", re.IGNORECASE),
    ),
    ("preempted", re.compile(r"DUE TO PREEMPTION|TERM_PREEMPT", re.IGNORECASE)),
    ("node lost", re.compile(r"DUE TO NODE FAILURE", re.IGNORECASE)),
    (
        "out of memory",
        re.compile(r"oom[-_ ]kill|out of memory|TERM_MEMLIMIT|memory limit|exceeded .*\bmem", re.IGNORECASE),
    ),
    ("cancelled", re.compile(r"\*\*\* (?:JOB|STEP)\S* .*CANCELLED|TERM_OWNER|TERM_ADMIN")),
)
_NOT_THERE = re.compile(r"^pathos_nb: the folder .* is not to be read on this node", re.MULTILINE)
_CANNOT_OPEN = "0:53"  # of slurmd, when it cannot open the output of a job


def fate_of(task: Task | None, said: Sequence[Mapping[str, Any]], log: str) -> Fate:
    """Tell how a task ended that is not queued or running any more.

    Parameters
    ----------
    task : Task or None
        What the queue remembers of it; None if nothing.
    said : sequence of mapping
        What the task wrote of itself, the first first.
    log : str
        The end of its log.

    Returns
    -------
    Fate
    """
    last = said[-1] if said else {}
    if last.get("how") == "done":
        return Fate(DONE)
    if last.get("how") == "broken":
        return _fate("broken", str(last.get("why", "")))
    how = _how(task, last, log)
    return _fate(how, _cause(how, task, last))


def named_in(log: str) -> str:
    """Give the name of the end that the queue has written into a task's log; nothing if it has written none."""
    return next((how for how, mark in _MARKS if mark.search(log)), "")


def _fate(how: str, cause: str) -> Fate:
    return Fate(how, cause, _CURES.get(how, _MISSING))


def _how(task: Task | None, last: Mapping[str, Any], log: str) -> str:
    told = f"{log}\n{task.reason}" if task is not None else log
    marked = named_in(told)
    remembered = _WORDS.get(task.word, "") if task is not None and task.state == ENDED else ""
    if remembered and not (remembered == "cancelled" and marked):
        return remembered
    if marked:
        return marked
    if (task is not None and not last) or _NOT_THERE.search(log):
        return "not started"
    if task is not None:
        return "failed"
    return "gone" if last or not log else "failed"


def _cause(how: str, task: Task | None, last: Mapping[str, Any]) -> str:
    where = f" on {last['host']}" if last.get("host") else f" on {task.node}" if task is not None and task.node else ""
    if how == "not started":
        told = "it could not open the files of the sweep" if task and task.exit == _CANNOT_OPEN else "it wrote nothing"
        return f"the task was begun{where} and ended at once: {told}"
    if how == "gone":
        return (
            f"the queue has forgotten the task{', which began' * bool(last)}{where}, and it has not said how it ended"
        )
    told = {
        "time limit": "its time was up", "out of memory": "it took more memory than it had asked for",
        "node lost": "its node was lost", "preempted": "another job took its place",
        "cancelled": "somebody has cancelled it", "not submitted": "the queue has not taken it",
    }.get(how, "it failed")  # fmt: skip
    exit_status = f", exit status {task.exit}" if how == "failed" and task is not None and task.exit else ""
    return f"{told}{where}{exit_status}"
