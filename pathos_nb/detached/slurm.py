"""Slurm, by its own commands: sbatch, scontrol, squeue, scancel. No accounting is needed.

``scontrol show job`` tells of tasks that wait, with the reason, of those that run, and of those that are over for some
minutes more (MinJobAge). What it has forgotten is told by what the task has written itself.
"""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from pathos_nb.detached.ask import Ask
from pathos_nb.detached.queues import ENDED, QUEUED, RUNNING, Submission, Task, call, environment
from pathos_nb.errors import QueueError
from pathos_nb.launchers.slurm_commands import KEPT, cure_of, is_hopeless
from pathos_nb.programs import program

__all__ = ["SlurmQueue"]

_QUEUED = {"PENDING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
_RUNNING = {"RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"}
_AS_WRITTEN = (
    "time", "partition", "account", "qos", "gres", "constraint", "reservation", "nodelist", "exclude",
)  # fmt: skip
_SUBMIT_S = 60.0
_KEPT = KEPT - {"SLURM_JWT"}  # the job would have it too, and the queue keeps what jobs have
_UNKNOWN = ("invalid job id", "job not found")
_FIELD = re.compile(r"(?:^| )(JobId|ArrayTaskId|JobState|Reason|NodeList|ExitCode|Restarts)=(\S*)")


class SlurmQueue:
    """Slurm's queue."""

    name = "slurm"
    task_word = '"${SLURM_ARRAY_TASK_ID}"'

    def availability(self) -> str:
        """Say why it cannot be used here."""
        return "" if program("sbatch") else "sbatch is not on the path: is this a login node of the cluster?"

    def submit(self, job: Submission) -> str:
        """Have an array job taken; see `Queue.submit`."""
        words = ["sbatch", "--parsable", f"--job-name={job.name}", *_options(job), str(job.script)]
        try:
            said = call(words, _clean(environment()), timeout_s=_SUBMIT_S)
        except QueueError as error:
            if cure := cure_of(error.cause, job.ask.partition):
                raise QueueError(error.what, cause=error.cause, cure=cure, **error.where) from error
            raise
        return said.strip().splitlines()[-1].partition(";")[0]

    def look(self, job: str, name: str) -> dict[int, Task]:
        """Tell what Slurm knows of the tasks; see `Queue.look`."""
        try:
            told = call(["scontrol", "-o", "show", "job", job], {**os.environ, "SLURM_BITSTR_LEN": "0"})
        except QueueError as error:
            if any(word in error.cause.lower() for word in _UNKNOWN):
                return {}
            raise
        return {number: task for line in told.splitlines() for number, task in _tasks(line)}

    def find(self, name: str, script: Path) -> str:
        """Give the id of the job of that name; see `Queue.find`."""
        return call(["squeue", "-h", "-t", "all", f"--name={name}", "-o", "%F"]).split("\n", 1)[0].strip()

    def cancel(self, job: str, name: str) -> None:
        """End all tasks; see `Queue.cancel`."""
        try:
            call(["scancel", job] if job else ["scancel", f"--name={name}"])
        except QueueError as error:
            if not any(word in error.cause.lower() for word in _UNKNOWN):
                raise


def _clean(environ: dict[str, str]) -> dict[str, str]:
    """Leave out what a job around this kernel has set, which would rule the new one; what the user has set stays."""
    return {k: v for k, v in environ.items() if not (k.startswith("SLURM_") or k == "SBATCH_WAIT") or k in _KEPT}


def _options(job: Submission) -> list[str]:
    ask, most = job.ask, f"%{job.ask.nodes}" if job.ask.nodes else ""
    return [
        f"--array=0-{job.n_tasks - 1}{most}", "--ntasks=1", f"--cpus-per-task={ask.cpus}", "--open-mode=append",
        f"--output={_escaped(str(job.log))}%a", "--requeue" if ask.requeue else "--no-requeue", "--export=ALL",
        *_wanted(ask), *shlex.split(ask.arguments),
    ]  # fmt: skip


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace("%", "%%")


def _wanted(ask: Ask) -> Iterator[str]:
    for flag in _AS_WRITTEN:
        if value := getattr(ask, flag):
            yield f"--{flag}={value}"
    if ask.memory:
        yield f"--mem={ask.memory.upper().removesuffix('B')}"


def _tasks(line: str) -> Iterator[tuple[int, Task]]:
    """Read a line of ``scontrol -o show job``; one may be of many tasks that wait."""
    found: dict[str, str] = {}
    for key, value in _FIELD.findall(line):
        found.setdefault(key, value)
    word = found.get("JobState", "")
    state = QUEUED if word in _QUEUED else RUNNING if word in _RUNNING else ENDED
    reason = "" if found.get("Reason") == "None" else found.get("Reason", "")
    if state == QUEUED and is_hopeless(reason):
        reason += ", which waiting does not change: cancel it, and ask for what the partition has"
    node = found.get("NodeList", "").removeprefix("(null)")
    for number in _numbers(found.get("ArrayTaskId", "")):
        yield number, Task(state, word, reason, node, found.get("ExitCode", ""))


def _numbers(text: str) -> Iterator[int]:
    """Read ``0-3,7-9:2%4``."""
    for part in text.partition("%")[0].split(","):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        if first.isdigit():
            yield from range(int(first), int(last or first) + 1, int(step or 1))
