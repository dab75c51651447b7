"""The jobs of detached sweeps, as the store has them: written before the queue is asked, closed when all is collected.

==========  ==========================================================================================
state       means
==========  ==========================================================================================
submitting  the queue may have it by now, or not: it is looked for by its name
submitted   the queue has taken it
over        no task of it will write anything more, and all that was written has been collected
refused     the queue has not taken it
==========  ==========================================================================================
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from typing import Any

from pathos_nb.detached.ask import Ask
from pathos_nb.dispatch.store.file import StoreFile

__all__ = ["OVER", "REFUSED", "SUBMITTED", "SUBMITTING", "Job", "add_job", "jobs_of", "update_job"]

SUBMITTING, SUBMITTED, OVER, REFUSED = "submitting", "submitted", "over", "refused"
_COLUMNS = "job, run, number, queue, name, id, folder, n_tasks, ask, state, told, submitted"


@dataclass(slots=True)
class Job:
    """A submission.

    Parameters
    ----------
    job, run : int
        Its row, and that of its run.
    number : int
        Which of the run's submissions it is, from 1.
    queue, name, id : str
        The batch system, what the job is called there, and the number that it has got; empty if that is not known.
    folder : str
        The sweep's.
    n_tasks : int
        How many tasks it has.
    ask : dict
        What each task gets.
    state : str
        See above.
    told : dict
        How tasks ended, by their numbers: the queue forgets it.
    submitted : float
        When, in seconds since the epoch.
    """

    job: int
    run: int
    number: int
    queue: str
    name: str
    id: str
    folder: str
    n_tasks: int
    ask: dict[str, Any]
    state: str
    told: dict[int, list[str]]
    submitted: float

    @property
    def is_open(self) -> bool:
        """Whether a task of it may write something still."""
        return self.state in (SUBMITTING, SUBMITTED)

    @property
    def called(self) -> str:
        """What people call it: ``slurm job 17``."""
        return f"{self.queue} job {self.id or '?'}"


def add_job(file: StoreFile, run: int, queue: str, folder: str, plan: tuple[str, int, Ask]) -> Job:
    """Write that a job is about to be submitted.

    Parameters
    ----------
    file : StoreFile
        The store.
    run : int
        The run's row.
    queue, folder : str
        The batch system, and the sweep's folder.
    plan : tuple of (str, int, Ask)
        How the job's name begins, how many tasks it has, and what each gets.

    Returns
    -------
    Job
        It is on the disk.
    """
    prefix, n_tasks, ask = plan
    now = time.time()
    with file.writing() as connection:
        (number,) = connection.execute("SELECT coalesce(max(number), 0) + 1 FROM jobs WHERE run = ?", (run,)).fetchone()
        name = f"{prefix}-{number}"
        row = (run, number, queue, name, "", folder, n_tasks, json.dumps(asdict(ask)), SUBMITTING, "{}", now)
        job = connection.execute(
            f"INSERT INTO jobs ({_COLUMNS.removeprefix('job, ')}) VALUES ({', '.join('?' * len(row))})", row
        ).lastrowid
    return Job(int(job or 0), run, number, queue, name, "", folder, n_tasks, asdict(ask), SUBMITTING, {}, now)


def update_job(file: StoreFile, job: Job) -> None:
    """Write what has become of a job; another kernel may have written the same."""
    row = (job.id, job.state, json.dumps(job.told), job.job)
    with file.writing() as connection:
        connection.execute("UPDATE jobs SET id = ?, state = ?, told = ? WHERE job = ?", row)


def jobs_of(file: StoreFile, run: int) -> list[Job]:
    """Give the jobs of a run, the first first."""
    with file.reading() as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM jobs WHERE run = ? ORDER BY job", (run,)).fetchall()
    return [_job(row) for row in rows]


def _job(row: tuple[Any, ...]) -> Job:
    read = dict(zip(_COLUMNS.split(", "), row, strict=True))
    ends = {int(task): fate for task, fate in json.loads(read["told"]).items()}
    return Job(**{**read, "ask": json.loads(read["ask"]), "told": ends})
