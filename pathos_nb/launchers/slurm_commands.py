"""Slurm's own commands: how they are run, and what they tell of jobs. There is no other way to it that every site has.

Each has a deadline: they wait for minutes for a controller that is away. None is asked often, since one controller
serves all of a site.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pathos_nb.launchers.contract import Availability
from pathos_nb.programs import program

__all__ = [
    "KEPT",
    "Job",
    "NoAnswer",
    "availability",
    "cancel",
    "cure_of",
    "environment",
    "is_hopeless",
    "jobs_named",
    "partitions",
    "reason_of",
    "show",
]

COMMANDS = ("salloc", "srun", "scancel", "squeue", "scontrol", "sinfo")
ANSWER_S = 10.0
_CONFIGURATIONS = ("/etc/slurm/slurm.conf", "/etc/slurm-llnl/slurm.conf", "/run/slurm/conf/slurm.conf")
# Slurm's settings of the user and of the site; all other SLURM_ variables are about the job that this process is in.
KEPT = {"SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT", "SLURM_CLUSTERS", "SLURM_TIME_FORMAT"}
_OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
}  # fmt: skip
_IN_WORDS = {
    "CANCELLED": "it was cancelled (scancel), by its user or an administrator",
    "DEADLINE": "its deadline has passed",
    "FAILED": "it failed",
    "NODE_FAIL": "its node was lost",
    "BOOT_FAIL": "its node did not boot",
    "OUT_OF_MEMORY": "it used more memory than it had asked for (memory=)",
    "PREEMPTED": "another job has taken its place (preempted)",
    "REVOKED": "its node was taken away",
}
# Reasons that no other job's end takes away, as Slurm's squeue(1) has them; and words that stand in place of one.
_HOPELESS = re.compile(
    r"(AccountNotAllowed|BadConstraints|DependencyNeverSatisfied|InvalidAccount|InvalidQOS|MaxMemPerLimit|"
    r"Partition(Config|NodeLimit|TimeLimit)|Q[Oo][Ss]NotAllowed|ReservationDeleted|"
    r"(Assoc|QOS)Max\w+Per(Job|Node)(Limit)?|QOSMin\w+)$|.*can't use this partition"
)


class NoAnswer(Exception):
    """Slurm's controller does not answer; the text is what its command said."""


class Job(NamedTuple):
    """What the controller tells of one job.

    Attributes
    ----------
    number : str
        Its id.
    state, reason : str
        As Slurm writes them: ``PENDING`` and ``Resources``.
    limit : str
        Its time limit.
    cpus : dict
        Its nodes, and how many cores it has on each.
    """

    number: str
    state: str
    reason: str = ""
    limit: str = ""
    cpus: Mapping[str, int] = {}

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or is about to."""
        return self.state in _OVER or self.state == "COMPLETING"

    @property
    def in_words(self) -> str:
        """How it has ended."""
        if self.state == "TIMEOUT" or self.reason == "TimeLimit":
            return f"its time limit ({self.limit}) was reached"
        return _IN_WORDS.get(self.state, f"it is {self.state.lower()}")


def availability() -> Availability:
    """Tell whether there is a Slurm here, without asking it.

    Returns
    -------
    Availability
    """
    missing = [name for name in COMMANDS if program(name) is None]
    if missing:
        return Availability(0.0, f"Slurm's {', '.join(missing)} not on PATH: run where jobs are submitted from")
    told = os.environ.get("SLURM_CONF", "")
    if told and not Path(told).is_file():
        return Availability(0.0, f"SLURM_CONF is {told}, which is no file")
    own = Path(program("srun") or "").resolve().parent.parent / "etc" / "slurm.conf"
    if not (told or os.environ.get("SLURM_CONF_SERVER") or any(Path(p).is_file() for p in (*_CONFIGURATIONS, own))):
        return Availability(0.0, f"Slurm is not set up here: no {_CONFIGURATIONS[0]}, and SLURM_CONF is not set")
    return Availability(0.5, "")


def environment() -> dict[str, str]:
    """Give the environment for Slurm's commands: ours, without what the job around this process has set.

    Returns
    -------
    dict
    """
    return {k: v for k, v in os.environ.items() if not k.startswith(("SLURM_", "SLURMD_")) or k in KEPT}


def _ask(*words: str, timeout_s: float = ANSWER_S) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            words, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout_s, check=False,
            encoding="utf-8", errors="replace", start_new_session=True,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise NoAnswer(f"{words[0]} had no answer within {timeout_s:g} s") from None
    except OSError as error:
        raise NoAnswer(f"{words[0]} cannot be run: {error.strerror}") from error


def show(number: str) -> Job | None:
    """Tell of one job, be it over.

    Parameters
    ----------
    number : str
        Its id.

    Returns
    -------
    Job or None
        None if Slurm does not know it, or not any more.

    Raises
    ------
    NoAnswer
        The controller is away.
    """
    done = _ask("scontrol", "-d", "show", "job", number)
    if done.returncode:
        if "Invalid job id" in done.stderr:
            return None
        raise NoAnswer(done.stderr.strip() or f"scontrol ended with {done.returncode}")
    found = dict(re.findall(r"(\w+)=(\S*)", done.stdout))
    cpus = {
        node: _n_cpus(ids)
        for names, ids in re.findall(r"^ +Nodes=(\S+) CPU_IDs=(\S+)", done.stdout, re.MULTILINE)
        for node in _nodes(names)
    }
    return Job(number, found.get("JobState", ""), found.get("Reason", ""), found.get("TimeLimit", ""), cpus)


def jobs_named(name: str) -> list[Job]:
    """Tell of all jobs of a name that are not over.

    Parameters
    ----------
    name : str
        Of the pool.

    Returns
    -------
    list of Job
        Without their nodes.

    Raises
    ------
    NoAnswer
        The controller is away.
    """
    done = _ask("squeue", "-h", f"--name={name}", "-o", "%A|%T|%l|%r")
    if done.returncode:
        raise NoAnswer(done.stderr.strip() or f"squeue ended with {done.returncode}")
    fields = (line.split("|", 3) for line in done.stdout.splitlines() if line.count("|") >= 3)
    return [Job(number, state, reason, limit) for number, state, limit, reason in fields]


def cancel(*words: str) -> bool:
    """End jobs.

    Parameters
    ----------
    *words : str
        Their numbers, or ``--name=…``.

    Returns
    -------
    bool
        Whether the controller has heard of it.
    """
    try:
        return _ask("scancel", *words).returncode == 0
    except NoAnswer:
        return False


def partitions() -> list[str]:
    """Give the names of the partitions; none if the controller is away."""
    try:
        return sorted(set(_ask("sinfo", "-h", "-o", "%R").stdout.split()))
    except NoAnswer:
        return []


def is_hopeless(reason: str) -> bool:
    """Tell whether a job that waits for this reason will wait for ever, as it asks for what its partition never has.

    Parameters
    ----------
    reason : str
        As squeue writes it: ``PartitionTimeLimit``.

    Returns
    -------
    bool
    """
    return _HOPELESS.match(reason) is not None


def cure_of(cause: str, partition: str) -> str:
    """Say what to do where Slurm refuses a partition or an account.

    Parameters
    ----------
    cause : str
        What it complained of.
    partition : str
        What was asked for, if anything was.

    Returns
    -------
    str
        Empty if it complained of something else.
    """
    low = cause.lower()
    if "account" in low:
        return "sacctmgr show associations user=$USER lists the accounts that are yours (account=)"
    if "partition" in low and partition:
        known = ", ".join(partitions())
        return f"partition= may be one of {known}" if known else "sinfo lists the partitions (partition=)"
    return ""


def reason_of(said: str) -> str:
    """Give what one of Slurm's commands complained of, without its own name before each line.

    Parameters
    ----------
    said : str
        What it wrote to stderr.

    Returns
    -------
    str
        One line; empty if it did not complain.
    """
    lines = [line.partition(": ")[2] for line in said.splitlines() if re.match(r"\w+: (error|fatal): ", line)]
    lines = [re.sub(r"^(error|fatal): ", "", line) for line in lines]
    return "; ".join(dict.fromkeys(lines)) or said.strip().splitlines()[-1:] and said.strip().splitlines()[-1] or ""


def _nodes(names: str) -> list[str]:
    """Write out a list of nodes such as ``node[1-3],login``."""
    if "[" not in names:
        return names.split(",")
    done = _ask("scontrol", "show", "hostnames", names)
    return done.stdout.split()


def _n_cpus(ids: str) -> int:
    """Count cores written as ``0-3,8``."""
    ends = [part.split("-") for part in ids.split(",") if part]
    return sum(int(last[-1]) - int(last[0]) + 1 for last in ends)


def tail_of(words: Sequence[str]) -> str:
    """Give a command as one would type it, for messages."""
    return " ".join(words)
