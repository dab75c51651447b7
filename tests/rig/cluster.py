"""The Slurm cluster of the bed (tests/testbed/slurm) as tests see it, and the fixtures that raise and mend it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import leftovers
from tests.rig.bed import ROOT, wait_until

SLURM = ROOT / "tests" / "testbed" / "slurm"
N_NODES, CPUS = 2, 2
OURS = ("SLURM_", "SBATCH_", "SALLOC_", "SRUN_", "SQUEUE_", "SINFO_")
OVER = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "DEADLINE")


class Cluster:
    """Two nodes of two CPUs: ``cluster("lose", "node2")``, ``cluster.do("squeue")``."""

    def __init__(self, run: Path, n_nodes: int = N_NODES, cpus: int = CPUS, *options: str) -> None:
        self.path, self.n_nodes, self.cpus, self.options = run, n_nodes, cpus, options
        self.is_disturbed, self.kept = False, ""
        self.tenants: dict[str, Callable[[], None]] = {}
        self.facts: dict[str, Any] = {}
        token = leftovers.TOKEN.split("=", 1)[0]  # its daemons are no children of a test
        self.environ = {k: v for k, v in os.environ.items() if k != token and not k.startswith(OURS)}
        self.environ.update(PATHOS_TESTBED_SLURM=str(run), SLURM_CONF=str(run / "slurm.conf"))

    def __call__(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run the bed's command."""
        if words[0] in ("lose", "restore"):
            self.is_disturbed = True
        command = [sys.executable, str(SLURM), *words]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, timeout=90, check=False)
        if check and done.returncode:
            raise RuntimeError(f"slurm {' '.join(words)}: {done.stderr.strip()}")
        return done

    def up(self) -> None:
        """Raise it, or mend it; the first jobs of a new one would wait for its scheduler, so one goes first."""
        self("up", str(self.n_nodes), "--cpus", str(self.cpus), *self.options)
        self.facts = json.loads(self("env").stdout)
        self.do("srun", f"-N{self.n_nodes}", "true")

    def do(self, *command: str, check: bool = True, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run one of Slurm's commands, as anybody would."""
        return subprocess.run(
            command,
            env=self.environ,
            cwd=self.path.parent,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
        )

    def lose_controller(self) -> None:
        """Kill it, when what it knows of the jobs is on its disk: else it would not know the newest ones again."""
        self.do("scancel", self.batch("true", "--hold")[0])  # a change, so that it writes
        now, state = time.time(), self.path / "state" / "job_state"
        assert wait_until(lambda: state.exists() and state.stat().st_mtime > now, 60)
        self("lose", "controller")

    def batch(self, script: str, *options: str) -> tuple[str, Path]:
        """Submit a shell script; give the job's id and where its output goes."""
        out = Path(tempfile.mkdtemp(dir=self.path)) / "out-%a"
        done = self.do("sbatch", "--parsable", "-o", str(out), *options, "--wrap", script)
        return done.stdout.strip(), out

    def jobs(self) -> list[str]:
        """Give the ids of the jobs that are not over."""
        return self.do("squeue", "-h", "-o", "%A").stdout.split()

    def job(self, number: str) -> dict[str, str]:
        """Tell what the controller knows of a job."""
        told = self.do("scontrol", "-o", "show", "job", number).stdout
        return dict(word.split("=", 1) for word in told.split() if "=" in word)

    def wait(self, number: str, *states: str, seconds: float = 60.0) -> str:
        """Wait until a job is in one of some states; give the one."""
        assert wait_until(lambda: self.job(number)["JobState"] in states, seconds), self.job(number)
        return self.job(number)["JobState"]

    def allocation(self) -> str:
        """Give a job of one core on each node, for many tests; a new one if that has ended."""
        if self.kept not in self.jobs():
            done = self.do("salloc", "--no-shell", f"-N{self.n_nodes}", "--ntasks-per-node=1", "-c1")
            self.kept = done.stderr.partition("Granted job allocation ")[2].split()[0]
        return self.kept

    def release(self) -> None:
        """End the job that is kept, and before that what works in it: the next test may want whole nodes."""
        if not self.kept:
            return
        while self.tenants:
            self.tenants.popitem()[1]()
        kept, self.kept = self.kept, ""
        self.do("scancel", kept, check=False)
        assert wait_until(lambda: kept not in self.jobs()), "the job that was kept does not end"

    def left(self) -> list[str]:
        """Give the jobs that are not over, but the one that is kept."""
        return [number for number in self.jobs() if number != self.kept]

    def mend(self) -> None:
        """Undo what a test did to it, and end its jobs."""
        if self.is_disturbed:
            self.up()
        self.is_disturbed = False
        if left := self.left():
            self.do("scancel", "--signal=KILL", *left, check=False)
            self.do("scancel", *left, check=False)
            assert wait_until(lambda: not self.left()), "jobs do not end"

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Make it the cluster that Slurm's commands find."""
        with pytest.MonkeyPatch.context() as patch:
            for name in [name for name in os.environ if name.startswith(OURS)]:
                patch.delenv(name)
            patch.setenv("SLURM_CONF", self.environ["SLURM_CONF"])
            yield

    def needs(self, feature: str) -> None:
        """Skip the test where the cluster has not got a feature, with its own reason."""
        if not self.facts["features"].get(feature):
            pytest.skip(f"the Slurm bed has no {feature} here: {self.facts['missing'].get(feature, 'unknown')}")

    def logs(self, n_lines: int = 30) -> str:
        """Give the end of what each daemon has written."""
        found = sorted((self.path / "log").glob("slurm*.log"))
        tails = [path.read_text(encoding="utf-8", errors="replace").splitlines()[-n_lines:] for path in found]
        return "\n".join(f"{path}:\n  " + "\n  ".join(tail) for path, tail in zip(found, tails, strict=True))


def why_no_cluster() -> str:
    """Say what is missing for a cluster; nothing if it can be raised."""
    if sys.platform != "linux":
        return "the Slurm bed needs Linux"
    missing = [name for name in ("slurmctld", "slurmd", "munged", "srun") if not _which(name)]
    if missing:
        return f"{', '.join(missing)} not installed: tools/testbed.sh installs what the Slurm bed needs (Debian, root)"
    return ""


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@pytest.fixture(scope="session")
def raised_cluster() -> Iterator[Cluster]:
    """Raise the cluster once for all tests; it is gone at the end."""
    if reason := why_no_cluster():
        pytest.skip(reason)
    with tempfile.TemporaryDirectory(prefix="pathos-nb-slurm-") as folder:
        cluster = Cluster(Path(folder) / "run")
        try:
            cluster.up()
        except (RuntimeError, subprocess.SubprocessError) as error:
            cluster("down", check=False)
            pytest.skip(f"Slurm cannot be raised here: {error}")
        try:
            if not cluster.facts["features"]["srun"]:
                pytest.skip(cluster.facts["missing"]["srun"])
            yield cluster
        finally:
            cluster("down")


@pytest.fixture
def cluster(raised_cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """Give the cluster, and make it the one that Slurm's commands find; no job and no fault outlives the test."""
    n_failed = request.session.testsfailed
    with raised_cluster.in_use():
        raised_cluster.release()
        yield raised_cluster
    if request.session.testsfailed > n_failed:
        print(raised_cluster.logs())
    raised_cluster.mend()
