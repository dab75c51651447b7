"""How far a job is: from the queue, from what tasks have said, and from the names of result files."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pathos_nb.detached.fate import DONE, Fate, fate_of, named_in
from pathos_nb.detached.jobs import Job
from pathos_nb.detached.order import Folder
from pathos_nb.detached.queues import QUEUED, RUNNING, Queue, Task
from pathos_nb.errors import QueueError

__all__ = ["Look", "Standing", "look_at", "tail_of"]

_TAIL_BYTES = 2000
_UNHEARD_S = 120.0  # a job that was being submitted, and of which the queue knows nothing for so long, is not there


class Standing(NamedTuple):
    """How many tasks wait, run and have ended, how many points are finished, and why what waits does.

    ``trouble`` says why the queue could not be asked. Tasks that the queue has taken back and begins anew are in
    ``queued_again`` and ``running_again``: each by the name of what ended it, as far as that is known.
    """

    queued: int = 0
    running: int = 0
    ended: int = 0
    n_points: int = 0
    reasons: tuple[str, ...] = ()
    trouble: str = ""
    queued_again: tuple[str, ...] = ()
    running_again: tuple[str, ...] = ()

    @property
    def waiting(self) -> str:
        """What is waited for, and why; empty if nothing is."""
        return self.trouble or (f"{self.queued:,} task{'s' * (self.queued > 1)} {self._queued}" if self.queued else "")

    @property
    def _queued(self) -> str:
        return f"queued{_in_brackets(', '.join(self.reasons), _again(self.queued_again))}"

    def __str__(self) -> str:
        if self.trouble:
            return self.trouble
        running = f"running{_in_brackets(_again(self.running_again))}"
        counts = {running: self.running, self._queued: self.queued, "ended": self.ended}
        return ", ".join(f"{n:,} {word}" for word, n in counts.items() if n) or "nothing known"


def _in_brackets(*parts: str) -> str:
    told = "; ".join(filter(None, parts))
    return f" ({told})" if told else ""


def _again(names: Sequence[str]) -> str:
    """Say of how many tasks it is not the first start, and what ended that."""
    why = ", ".join(dict.fromkeys(filter(None, names)))
    return f"{len(names):,} again{f' after: {why}' * bool(why)}" if names else ""


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
        job.id = job.id or queue.find(job.name, folder.script(job.number))
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
    again: dict[str, list[str]] = {QUEUED: [], RUNNING: []}
    for number in range(job.n_tasks):
        task, words = (known or {}).get(number), said.get(number, [])
        if words and words[-1]["how"] == DONE:
            ended[number] = Fate(DONE)
        elif task is not None and task.state in (QUEUED, RUNNING):
            counts[task.state] += 1
            reasons[task.reason] += task.state == QUEUED
            if sum(each["how"] == "begun" for each in words) > (task.state == RUNNING):
                again[task.state].append(named_in(tail_of(folder, job.number, number)))
        elif number in job.told:
            ended[number] = Fate(*job.told[number])
        elif known is not None:
            ended[number] = fate_of(task, words, tail_of(folder, job.number, number))
    why = tuple(reason for reason, n in reasons.most_common() if reason and n)
    n_points = folder.n_finished(job.number)
    taken_back = tuple(again[QUEUED]), tuple(again[RUNNING])
    standing = Standing(counts[QUEUED], counts[RUNNING], len(ended), n_points, why, trouble, *taken_back)
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
