"""PBS, LSF and SGE, through PSI/J: a program that is asked one thing, by JSON on its stdin, and answers with JSON.

It is a process of its own because PSI/J gives its commands no time limit, lets them have all of a process' variables,
and starts a thread for each executor that polls as long as the process lives. Here it has a clean environment, a
deadline, and an end. Each id that a queue gives goes into a file at once; if the kernel is killed, submitting goes on.

Of PSI/J the executors are used: job scripts, the commands of each system, and what these answer. SGE has none there;
ours follows its plan (`BatchSchedulerExecutor`).
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import IO, Any
from xml.etree import ElementTree

from psij import Job, JobAttributes, JobExecutor, JobSpec, JobState, JobStatus, ResourceSpecV1
from psij.executors.batch.batch_scheduler_executor import BatchSchedulerExecutor, BatchSchedulerExecutorConfig

__all__ = ["main"]

_NEVER_S = 10**6  # of the thread that polls: it ends with this process, before it has begun
_DAEMON_STATES = {"r": JobState.ACTIVE, "t": JobState.ACTIVE, "s": JobState.ACTIVE, "d": JobState.ACTIVE}
_REASONS = ("EXIT_REASON", "KILL_REASON", "SUSPEND_REASON")


class SgeExecutor(BatchSchedulerExecutor):  # type: ignore[misc]  # it has no types
    """Grid Engine: qsub, qstat, qdel."""

    _NAME_ = "sge"

    def generate_submit_script(self, job: Job, context: dict[str, object], submit_file: IO[str]) -> None:
        """Write the job's script."""
        spec, told = job.spec, context["psij"]
        assert spec is not None and isinstance(told, dict)
        seconds, cpus = int(spec.attributes.duration.total_seconds()), spec.resources.computed_processes_per_node
        lines = [
            "#!/bin/bash",
            "#$ -S /bin/bash",
            f"#$ -N {spec.name}",
            f"#$ -l h_rt={seconds}",
            "#$ -o /dev/null -j y",
        ]
        lines += [f"#$ -pe smp {cpus}"] * (cpus > 1)
        lines += [f"#$ -q {spec.attributes.queue_name}"] * bool(spec.attributes.queue_name)
        lines += [f"#$ -P {spec.attributes.account}"] * bool(spec.attributes.account)
        lines += [f"#$ -l h_vmem={spec.resources.memory // cpus}"] * bool(spec.resources.memory)
        lines += [
            f"#$ -{key.partition('.')[2]} {value}" for key, value in (spec.attributes.custom_attributes or {}).items()
        ]
        command = shlex.join(told["launch_command"])
        submit_file.write("\n".join([*lines, command, ""]))

    def get_submit_command(self, job: Job, submit_file_path: Path) -> list[str]:
        """Give the command that submits."""
        return ["qsub", "-terse", str(submit_file_path.absolute())]

    def job_id_from_submit_output(self, out: str) -> str:
        """Read the id."""
        return str(out.strip().splitlines()[-1])

    def get_cancel_command(self, native_id: str) -> list[str]:
        """Give the command that ends a job."""
        return ["qdel", native_id]

    def process_cancel_command_output(self, exit_code: int, out: str) -> None:
        """Hear that it could not be ended: it is over."""

    def get_status_command(self, native_ids: Collection[str]) -> list[str]:
        """Give the command that lists this user's jobs: those that are over are not among them."""
        return ["qstat", "-xml"]

    def parse_status_output(self, exit_code: int, out: str) -> dict[str, JobStatus]:
        """Read what it lists."""
        if exit_code:
            raise RuntimeError(out)
        jobs = ElementTree.fromstring(out).iter("job_list")
        return {job.findtext("JB_job_number", ""): _sge_status(job.findtext("state", "")) for job in jobs}

    def get_list_command(self) -> list[str]:
        """Give the command that lists this user's jobs."""
        return ["qstat", "-xml"]


def _sge_status(state: str) -> JobStatus:
    if "E" in state:
        return JobStatus(JobState.QUEUED, message="held after an error: see qstat -j")
    return JobStatus(_DAEMON_STATES.get(state[:1], JobState.QUEUED), message=state)


def main() -> None:
    """Answer one question."""
    asked = json.loads(sys.stdin.buffer.read())
    try:
        answer = {"submit": _submit, "status": _status, "cancel": _cancel}[asked["verb"]](asked)
    except Exception as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # the thread that polls is a daemon, and asleep


def _executor(asked: Mapping[str, Any]) -> Any:
    config = BatchSchedulerExecutorConfig(
        work_directory=Path(asked["work"]), queue_polling_interval=_NEVER_S, initial_queue_polling_delay=_NEVER_S,
        keep_files=True,
    )  # fmt: skip
    return (
        SgeExecutor(config=config) if asked["kind"] == "sge" else JobExecutor.get_instance(asked["kind"], config=config)
    )


def _submit(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Submit a job for each task; stop at the first that is not taken."""
    os.umask(0o077)
    executor, ids = _executor(asked), list[str]()
    for task, log in enumerate(asked["logs"]):
        job = Job(_spec(asked, task, log))
        try:
            executor.submit(job)
        except Exception as error:
            _note(asked["ids"], "-\n" * (len(asked["logs"]) - len(ids)) + "end\n")
            return {"ids": ids, "error": str(error).strip() or type(error).__name__}
        ids.append(str(job.native_id))
        _note(asked["ids"], f"{job.native_id}\n")
    _note(asked["ids"], "end\n")
    return {"ids": ids}


def _note(path: str, text: str) -> None:
    """Write down what the queue has taken, for a kernel that comes later."""
    with open(path, "a", encoding="utf-8") as file:  # noqa: PTH123
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _spec(asked: Mapping[str, Any], task: int, log: str) -> JobSpec:
    cpus, custom = int(asked["cpus"]), {f"{asked['prefix']}.{k}": v for k, v in asked["arguments"].items()}
    attributes = JobAttributes(
        duration=timedelta(seconds=asked["seconds"]), queue_name=asked["partition"] or None,
        account=asked["account"] or None, custom_attributes=custom or None,
    )  # fmt: skip
    resources = ResourceSpecV1(node_count=1, processes_per_node=cpus, memory=asked["memory"])
    return JobSpec(
        executable="/bin/sh", arguments=[asked["script"], str(task)], name=f"{asked['name']}.{task}",
        inherit_environment=False, stdout_path=log, stderr_path=log, resources=resources, attributes=attributes,
        launcher="single",
    )  # fmt: skip


def _status(asked: Mapping[str, Any]) -> dict[str, Any]:
    """Tell of jobs; of those that the queue has forgotten, nothing."""
    executor, ids = _executor(asked), asked["ids"]
    try:
        return {"states": _states(executor, ids)}
    except RuntimeError:
        if len(ids) == 1:
            return {"states": {}}
    found: dict[str, Any] = {}
    for each in ids:  # one that is not known any more makes the command fail, whatever it tells of the others
        try:
            found.update(_states(executor, [each]))
        except RuntimeError:
            continue
    return {"states": found}


def _states(executor: Any, ids: Collection[str]) -> dict[str, list[str]]:
    done = subprocess.run(
        executor.get_status_command(ids), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    out, reasons = _without_reasons(done.stdout)
    told = executor.parse_status_output(done.returncode, out or done.stderr)
    wanted = {each: told[each] for each in ids if each in told}
    return {each: [told.state.name, reasons.get(each) or told.message or ""] for each, told in wanted.items()}


def _without_reasons(out: str) -> tuple[str, dict[str, str]]:
    """Take the reasons out of what LSF's bjobs answers: PSI/J 0.9.11 stumbles over any, as it looks for "reason"."""
    if '"RECORDS"' not in out:
        return out, {}
    told = json.loads(out)
    reasons = dict(_reasons(told["RECORDS"]))
    return json.dumps(told), reasons


def _reasons(records: list[dict[str, str]]) -> Iterator[tuple[str, str]]:
    for record in records:
        found = [record[name] for name in _REASONS if record.get(name)]
        record.update(dict.fromkeys(_REASONS, ""))
        if found:
            yield record.get("JOBID", ""), found[0]


def _cancel(asked: Mapping[str, Any]) -> dict[str, Any]:
    executor = _executor(asked)
    for each in asked["ids"]:
        subprocess.run(executor.get_cancel_command(each), capture_output=True, stdin=subprocess.DEVNULL, check=False)
    return {}
