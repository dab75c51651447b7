"""What the tests rely on of the Slurm that they run on."""

from __future__ import annotations

import subprocess
import time

import pytest

from tests.rig.bed import wait_until
from tests.rig.cluster import Cluster


def test_a_step_runs_on_each_node_under_its_name(cluster: Cluster):
    names = cluster.do("srun", "-N2", "sh", "-c", "echo $SLURMD_NODENAME $(hostname)").stdout.split()
    assert set(cluster.facts["nodes"]) <= set(names)
    if cluster.facts["features"]["hostname"]:
        assert set(names) == set(cluster.facts["nodes"])


def test_tasks_of_an_array_end_each_with_its_own_status(cluster: Cluster):
    number, out = cluster.batch("echo $((SLURM_ARRAY_TASK_ID * 2)); exit $SLURM_ARRAY_TASK_ID", "--array=0-1")
    cluster.wait(f"{number}_1", "FAILED")
    cluster.wait(f"{number}_0", "COMPLETED")
    assert cluster.job(f"{number}_1")["ExitCode"] == "1:0"
    assert [out.with_name(f"out-{i}").read_text() for i in range(2)] == ["0\n", "2\n"]


def test_a_lost_node_takes_its_jobs_along_and_comes_back(cluster: Cluster):
    mark = str(time.monotonic_ns())[-7:]
    number, _ = cluster.batch(f"setsid sleep {mark} & sleep {mark}", "--no-requeue", "-w", "node2")
    cluster.wait(number, "RUNNING")
    assert wait_until(lambda: subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True).returncode == 0)
    cluster("lose", "node2")
    assert subprocess.run(["pgrep", "-f", f"sleep {mark}"], capture_output=True).returncode != 0
    assert cluster("status", check=False).returncode == 1
    cluster("restore", "node2")
    cluster.wait(number, "NODE_FAIL")
    assert cluster.do("srun", "-w", "node2", "echo", "back").stdout == "back\n"


def test_without_its_controller_slurm_does_not_answer(cluster: Cluster):
    cluster("lose", "controller")
    with pytest.raises(subprocess.TimeoutExpired, match="squeue"):
        cluster.do("squeue", timeout=1)
    cluster("restore", "controller")
    assert cluster.do("squeue", "-h").stdout == ""


def test_it_touches_no_folder_that_is_not_its_own(tmp_path):
    (tmp_path / "mine").write_text("precious")
    for command in ("down", "up"):
        assert Cluster(tmp_path)(command, check=False).returncode == 1
    assert (tmp_path / "mine").read_text() == "precious"
