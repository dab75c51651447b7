"""Slurm's commands as a program of a few lines: takes array jobs, runs them here, forgets them, and can do harm.

``FAKE_SLURM`` is a folder. In it ``mode`` says what ``sbatch`` does: ``run``, ``hold`` (the job waits for ever),
``kill-before`` and ``kill-after`` (it kills who called it, before or after it has taken the job), ``hang``.
A file ``forgotten`` has ``scontrol`` know nothing any more.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = ("sbatch", "scontrol", "squeue", "scancel")


def install(folder: Path) -> Path:
    """Make the commands; give the folder that belongs on PATH."""
    (folder / "bin").mkdir(parents=True)
    (folder / "mode").write_text("run")
    for name in COMMANDS:
        path = folder / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {folder} {name} "$@"\n')
        path.chmod(0o700)
    return folder / "bin"


def sbatch(folder: Path, words: list[str]) -> str:
    mode = (folder / "mode").read_text()
    if mode == "hang":
        time.sleep(600)
    if mode == "kill-before":
        os.kill(os.getppid(), signal.SIGKILL)
        return ""
    given = dict(word.partition("=")[::2] for word in words if word.startswith("--"))
    number = len(list(folder.glob("job-*"))) + 1
    n_tasks = int(given["--array"].partition("%")[0].partition("-")[2]) + 1
    job = {"name": given["--job-name"], "script": words[-1], "words": words, "environ": dict(os.environ), "pids": {}}
    if mode != "hold":
        job["pids"] = {task: start(given, words[-1], task) for task in range(n_tasks)}
    else:
        job["waiting"] = n_tasks
    (folder / f"job-{number}").write_text(json.dumps(job))
    if mode == "kill-after":
        os.kill(os.getppid(), signal.SIGKILL)
    return str(number)


def start(given: dict[str, str], script: str, task: int) -> int:
    """Start a task in the background."""
    output = given["--output"].replace("%a", str(task)).replace("%%", "%")
    environ = {**os.environ, "SLURM_ARRAY_TASK_ID": str(task)}
    with open(output, "ab") as log:
        return subprocess.Popen(
            ["sh", script], env=environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        ).pid


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def scontrol(folder: Path, words: list[str]) -> str:
    path = folder / f"job-{words[-1]}"
    if (folder / "forgotten").exists() or not path.exists():
        sys.exit("slurm_load_jobs error: Invalid job id specified")
    job = json.loads(path.read_text())
    lines = [
        f"JobId=9{task} ArrayJobId={words[-1]} ArrayTaskId={task} JobName={job['name']} "
        f"JobState={'RUNNING' if is_alive(pid) else 'COMPLETED'} Reason=None NodeList=here ExitCode=0:0"
        for task, pid in job["pids"].items()
    ]
    if job.get("waiting"):
        state = "CANCELLED" if job.get("cancelled") else "PENDING"
        lines.append(
            f"JobId=9 ArrayJobId={words[-1]} ArrayTaskId=0-{job['waiting'] - 1} JobState={state} Reason=Resources "
            "NodeList=(null) ExitCode=0:0"
        )
    return "\n".join(lines)


def squeue(folder: Path, words: list[str]) -> str:
    (name,) = [word.partition("=")[2] for word in words if word.startswith("--name=")]
    jobs = {path.name.removeprefix("job-"): json.loads(path.read_text()) for path in folder.glob("job-*")}
    return "\n".join(number for number, job in jobs.items() if job["name"] == name)


def scancel(folder: Path, words: list[str]) -> str:
    path = folder / f"job-{words[-1]}"
    job = json.loads(path.read_text())
    for pid in job["pids"].values():
        if is_alive(pid):
            os.killpg(pid, signal.SIGTERM)
    path.write_text(json.dumps({**job, "cancelled": True}))
    return ""


if __name__ == "__main__":
    sys.stdout.write(globals()[sys.argv[2]](Path(sys.argv[1]), sys.argv[3:]) + "\n")
