"""How far a job is: from the queue, from what tasks have said, and from the names of result files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pathos_nb.detached.fate import DONE, Fate, fate_of
from pathos_nb.detached.jobs import Job
from pathos_nb.detached.order import Folder
from pathos_nb.detached.queues import QUEUED, RUNNING, Queue, Task
from pathos_nb.errors import QueueError

__all__ = ["Look", "Standing", "look_at", "tail_of"]

_TAIL_BYTES = 2000
_UNHEARD_S = 120.0  # a job that was being submitted, and of which the queue knows nothing for so long, is not there


class Standing(NamedTuple):
    """How many tasks wait, run and have ended, how many points are finished, and why what waits does.

    ``trouble`` says why the queue could not be asked.
    """

    queued: int = 0
    running: int = 0
    ended: int = 0
    n_points: int = 0
    reasons: tuple[str, ...] = ()
    trouble: str = ""

    def __str__(self) -> str:
        if self.trouble:
            return self.trouble
        why = f" ({', '.join(self.reasons)})" if self.reasons else ""
        parts = [f"{self.running:,} running" * bool(self.running), f"{self.queued:,} queued{why}" * bool(self.queued)]
        parts.append(f"{self.ended:,} ended" * bool(self.ended))
        return ", ".join(part for part in parts if part) or "nothing known"


class Look(NamedTuple):
    """What was seen of a job.

    Attributes
    ----------
    standing : Standing
        The counts.
    ended : dict of int to Fate
        The tasks that are neither queued nor running, and how they ended.
    said : dict
        What tasks said of themselves.
    is_void : bool
        The queue does not know the job, and has had time enough to.
    """

    standing: Standing
    ended: dict[int, Fate]
    said: dict[int, list[dict[str, Any]]]
    is_void: bool = False


def look_at(job: Job, queue: Queue) -> Look:
    """Look how far a job is; it takes as long as the queue's commands take.

    Parameters
    ----------
    job : Job
        Its `id` is filled in, if it was not known and the queue knows it.
    queue : Queue
        Its batch system.

    Returns
    -------
    Look
        Where the queue does not answer, only what is known without it.
    """
    folder = Folder(Path(job.folder))
    known: dict[int, Task] | None = None
    trouble = ""
    try:
        job.id = job.id or queue.find(job.name)
        known = queue.look(job.id, job.name) if job.id else {}
    except QueueError as error:
        trouble = f"{job.queue} does not answer" if error.where.get("is_away") else str(error)
    said = folder.said(job.number)
    if known is not None and not job.id and not said:
        is_void = time.time() - job.submitted > _UNHEARD_S
        return Look(Standing(trouble="" if is_void else "being submitted"), {}, said, is_void)
    return _seen(job, folder, known, said, trouble)


def _seen(
    job: Job, folder: Folder, known: Mapping[int, Task] | None, said: dict[int, list[dict[str, Any]]], trouble: str
) -> Look:
    counts, reasons, ended = Counter[str](), Counter[str](), dict[int, Fate]()
    for number in range(job.n_tasks):
        task, words = (known or {}).get(number), said.get(number, [])
        if words and words[-1]["how"] == DONE:
            ended[number] = Fate(DONE)
        elif task is not None and task.state in (QUEUED, RUNNING):
            counts[task.state] += 1
            reasons[task.reason] += task.state == QUEUED
        elif number in job.told:
            ended[number] = Fate(*job.told[number])
        elif known is not None:
            ended[number] = fate_of(task, words, tail_of(folder, job.number, number))
    why = tuple(reason for reason, n in reasons.most_common() if reason and n)
    standing = Standing(counts[QUEUED], counts[RUNNING], len(ended), folder.n_finished(job.number), why, trouble)
    return Look(standing, ended, said)


def tail_of(folder: Folder, number: int, task: int) -> str:
    """Give the end of what a task's program wrote."""
    try:
        with folder.log_of(number, task).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace").strip()
    except OSError:
        return ""
