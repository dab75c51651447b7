"""PBS, LSF and SGE as queues of detached sweeps, each task a job of its own; see `psij_door`."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from pathos_nb.detached.queues import ENDED, QUEUED, RUNNING, Submission, Task, environment
from pathos_nb.errors import BadOption, QueueError

__all__ = ["LsfQueue", "PbsClassicQueue", "PbsQueue", "PsijQueue", "SgeQueue"]

_ROOT = str(Path(__file__).resolve().parents[2])
_PROGRAM = "import sys; sys.path.append(sys.argv[1]); from pathos_nb.detached.psij_door import main; main()"
_STATES = {"NEW": QUEUED, "QUEUED": QUEUED, "ACTIVE": RUNNING}
_WORDS = {"CANCELED": "CANCELLED"}
_ASK_S, _SUBMIT_S, _EACH_S = 60.0, 60.0, 5.0
_UNITS = {"": 1 << 20, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SLURMS_OWN = ("qos", "gres", "constraint", "reservation", "nodelist", "exclude", "nodes")


class PsijQueue:
    """A batch system that PSI/J knows, or could."""

    name: ClassVar[str]
    kind: ClassVar[str]
    command: ClassVar[str]
    prefix: ClassVar[str]
    task_word: ClassVar[str] = '"$1"'

    def availability(self) -> str:
        """Say why it cannot be used here."""
        if find_spec("psij") is None:
            return 'psij-python is not installed: pip install "pathos_nb[queues]"'
        return "" if shutil.which(self.command) else f"{self.command} is not on the path: is this a login node?"

    def submit(self, job: Submission) -> str:
        """Have a job taken for each task; see `Queue.submit`. If some were taken and others not, those run."""
        told = self._ask(self._wanted(job), _SUBMIT_S + _EACH_S * job.n_tasks)
        if not told["ids"]:
            raise QueueError(f"{self.command} failed", cause=told.get("error", ""), command=self.command)
        return " ".join([*told["ids"], *["-"] * (job.n_tasks - len(told["ids"]))])

    def _wanted(self, job: Submission) -> dict[str, Any]:
        ask = job.ask
        if not ask.time:
            raise BadOption(f"{self.name} wants to know how long a task may run", cure="say time=2:00:00")
        if foreign := [name for name in _SLURMS_OWN if getattr(ask, name)]:
            cure = "leave it out, or say it in the queue's own words by arguments="
            raise BadOption(f"{self.name} is not told {foreign[0]}=", cure=cure)
        work = job.script.with_name(f"psij-{job.script.name}")
        work.mkdir(mode=0o700, exist_ok=True)
        return {
            "verb": "submit", "work": str(work), "ids": str(_ids_file(job.script)), "script": str(job.script),
            "name": job.name.removeprefix("pathos_nb-"), "prefix": self.prefix, "cpus": ask.cpus,
            "partition": ask.partition, "account": ask.account, "seconds": seconds_of(ask.time),
            "memory": _bytes_of(ask.memory), "logs": [f"{job.log}{task}" for task in range(job.n_tasks)],
            "arguments": _flags(ask.arguments),
        }  # fmt: skip

    def look(self, job: str, name: str) -> dict[int, Task]:
        """Tell what the queue knows of the tasks; see `Queue.look`."""
        ids = job.split()
        asked = [each for each in ids if each != "-"]
        states: dict[str, list[str]] = self._ask({"verb": "status", "ids": asked}, _ASK_S)["states"]
        states["-"] = ["NOT_SUBMITTED", "the queue has not taken it"]
        return {task: _task(*states[each]) for task, each in enumerate(ids) if each in states}

    def find(self, name: str, script: Path) -> str:
        """Give the ids of a submission that was cut short, as far as they were written down; see `Queue.find`."""
        try:
            path = _ids_file(script)
            ids, seen = path.read_text(encoding="utf-8").split(), path.stat().st_mtime
        except OSError:
            return ""
        has_ended = ids[-1:] == ["end"] or time.time() - seen > _SUBMIT_S
        return " ".join(each for each in ids if each != "end") if has_ended else ""

    def cancel(self, job: str, name: str) -> None:
        """End all tasks; see `Queue.cancel`."""
        ids = [each for each in job.split() if each != "-"]
        self._ask({"verb": "cancel", "ids": ids}, _ASK_S + _EACH_S * len(ids))

    def _ask(self, asked: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        words = [sys.executable, "-c", _PROGRAM, _ROOT]
        question = json.dumps({"kind": self.kind, "work": str(Path.cwd()), **asked})
        try:
            done = subprocess.run(
                words, input=question, env=environment(), capture_output=True, text=True, timeout=timeout_s,
                check=False, start_new_session=True,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            what = f"{self.command} did not end in {timeout_s:.0f} s"
            cause = "the queue's server does not answer"
            raise QueueError(what, cause=cause, command=self.command, is_away=True) from None
        try:
            told: dict[str, Any] = json.loads(done.stdout)
        except ValueError:
            tail = done.stderr[-2000:]
            raise QueueError(f"{self.name} cannot be asked", cause="PSI/J failed", tail=tail) from None
        if "error" in told and not told.get("ids"):
            raise QueueError(f"{self.name} could not do it", cause=told["error"], command=self.command)
        return told


class PbsQueue(PsijQueue):
    """PBS Pro and OpenPBS."""

    name, kind, command, prefix = "pbs", "pbs", "qsub", "pbs"


class PbsClassicQueue(PsijQueue):
    """Torque and other classic PBS."""

    name, kind, command, prefix = "torque", "pbs_classic", "qsub", "pbs"


class LsfQueue(PsijQueue):
    """IBM's LSF."""

    name, kind, command, prefix = "lsf", "lsf", "bsub", "lsf"


class SgeQueue(PsijQueue):
    """Grid Engine."""

    name, kind, command, prefix = "sge", "sge", "qsub", "sge"


def seconds_of(time: str) -> int:
    """Give the seconds of a time as Slurm writes it: ``30`` (minutes), ``10:00``, ``2:00:00``, ``1-12:00:00``."""
    days, dash, rest = time.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:  # hours come first
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    else:
        hours, minutes, seconds = (0, *parts, 0) if len(parts) == 1 else (0, 0, *parts)[-3:]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _bytes_of(memory: str) -> int | None:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)B?", memory.upper())
    return int(float(found[1]) * _UNITS[found[2]]) if found else None


def _flags(arguments: str) -> dict[str, str]:
    """Read ``-x value -y`` as PSI/J's attributes."""
    words, found = shlex.split(arguments), dict[str, str]()
    for number, word in enumerate(words):
        if word.startswith("-"):
            after = words[number + 1] if number + 1 < len(words) and not words[number + 1].startswith("-") else ""
            found[word.lstrip("-")] = after
    return found


def _task(state: str, message: str) -> Task:
    return Task(_STATES.get(state, ENDED), _WORDS.get(state, state), message)


def _ids_file(script: Path) -> Path:
    return script.with_name(f"ids-{script.name}")
