"""PBS, LSF and Grid Engine as programs of a few lines: they take jobs, run them here, and tell of them in their words.

Written from what PSI/J asks and reads, and from the manuals of these systems; none of them was there to compare with.
``FAKE_BATCH`` is the folder given to `install`. In it ``most`` says how many jobs are taken, ``forgotten`` has the
queue know no job that is over.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

COMMANDS = {
    "pbs": {"qsub": "submit", "qstat": "pbs_status", "qdel": "delete"},
    "torque": {"qsub": "submit", "qstat": "pbs_status", "qdel": "delete"},
    "lsf": {"bsub": "submit", "bjobs": "lsf_status", "bkill": "delete"},
    "sge": {"qsub": "submit", "qstat": "sge_status", "qdel": "delete"},
}


def install(folder: Path, kind: str) -> Path:
    """Make the commands of a kind; give the folder that belongs on PATH."""
    (folder / "bin").mkdir(parents=True)
    for name, verb in COMMANDS[kind].items():
        path = folder / "bin" / name
        path.write_text(f'#!/bin/sh\nexec {sys.executable} -S {__file__} {folder} {kind} {verb} "$@"\n')
        path.chmod(0o700)
    return folder / "bin"


def submit(folder: Path, kind: str, words: list[str]) -> str:
    number = len(list(folder.glob("job-*"))) + 1
    if (folder / "most").exists() and number > int((folder / "most").read_text()):
        sys.exit("qsub: would exceed queue generic's per-user limit")
    script = Path(words[-1])
    told = {"pbs": f"{number}.server", "torque": f"{number}.server", "lsf": str(number), "sge": str(number)}[kind]
    variable = {"lsf": "LSB_JOBID", "sge": "JOB_ID"}.get(kind, "PBS_JOBID")
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), variable: told}
    if token := os.environ.get("PATHOS_NB_TESTS"):
        environ["PATHOS_NB_TESTS"] = token
    wrapper = f'bash "$1"; echo $? > {folder}/exit-{number}'
    pid = subprocess.Popen(
        ["sh", "-c", wrapper, "sh", str(script)], env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, start_new_session=True,
    ).pid  # fmt: skip
    job = {"id": told, "pid": pid, "script": script.read_text(), "environ": dict(os.environ)}
    (folder / f"job-{number}").write_text(json.dumps(job))
    return f"Job <{number}> is submitted to default queue <normal>." if kind == "lsf" else told


def jobs(folder: Path) -> dict[str, tuple[dict, int | None]]:
    """Give each job by its id, with its exit status; None while it runs."""
    found = {}
    for path in sorted(folder.glob("job-*")):
        job, ended = json.loads(path.read_text()), folder / path.name.replace("job", "exit")
        status = int(ended.read_text() or 1) if ended.exists() and ended.read_text() else None
        if status is None and not alive(job["pid"]):
            status = 143
        if status is None or not (folder / "forgotten").exists():
            found[job["id"]] = job, status
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def pbs_status(folder: Path, kind: str, words: list[str]) -> str:
    asked, known = [word for word in words if re.match(r"\d", word)], jobs(folder)
    told = {}
    for each in asked:
        if each not in known:
            sys.stderr.write(f"qstat: Unknown Job Id {each}\n")
            continue
        _, status = known[each]
        told[each] = (
            {"job_state": "R"} if status is None else {"job_state": "F", "Exit_status": status, "comment": "over"}
        )
    sys.stdout.write(json.dumps({"Jobs": told}))
    sys.exit(0 if len(told) == len(asked) else 153)


def lsf_status(folder: Path, kind: str, words: list[str]) -> str:
    known, records = jobs(folder), []
    for each in [word for word in words if word.isdigit()]:
        if each not in known:
            records.append({"JOBID": each, "ERROR": f"Job <{each}> is not found"})
            continue
        _, status = known[each]
        why = "TERM_OWNER: job killed by owner" if status == 143 else ""
        state = "RUN" if status is None else "EXIT" if status else "DONE"
        records.append({"JOBID": each, "STAT": state, "EXIT_REASON": why, "KILL_REASON": "", "SUSPEND_REASON": ""})
    return json.dumps({"COMMAND": "bjobs", "JOBS": len(records), "RECORDS": records})


def sge_status(folder: Path, kind: str, words: list[str]) -> str:
    rows = [
        f"<job_list state='running'><JB_job_number>{each}</JB_job_number><state>r</state></job_list>"
        for each, (_, status) in jobs(folder).items()
        if status is None
    ]
    return f"<?xml version='1.0'?><job_info><queue_info>{''.join(rows)}</queue_info><job_info/></job_info>"


def delete(folder: Path, kind: str, words: list[str]) -> str:
    for each in words:
        found = jobs(folder).get(each)
        if found is not None and found[1] is None:
            os.killpg(found[0]["pid"], signal.SIGTERM)
    return ""


if __name__ == "__main__":
    sys.stdout.write(globals()[sys.argv[3]](Path(sys.argv[1]), sys.argv[2], sys.argv[4:]) + "\n")
