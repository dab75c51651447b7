"""Sweeps in a real queue: whatever happens to kernels, tasks, nodes and the controller, what is finished is there."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from pathos_nb import Failure, Pool, attach, detach
from pathos_nb.detached.watching import Patience
from pathos_nb.dispatch.results import Results
from pathos_nb.errors import QueueError, TaskEnded
from pathos_nb.session import close_session, current_session
from tests.rig.bed import ROOT, wait_until
from tests.rig.cluster import Cluster

pytestmark = [
    pytest.mark.leaves("threads"),  # ended with the session, after the census
    pytest.mark.timeout(240),  # several waits, each with an end of its own
]
QUICK = Patience(0.05, 0.2, 0.2, 0.5, 10.0)
WAIT_S = 50.0


@pytest.fixture
def store(cluster: Cluster, tmp_path: Path):
    """Give the path of a store; the session that watches its sweeps ends with the test."""
    current_session().detached.patience = QUICK
    yield tmp_path / "store.sqlite"
    close_session()


def gate(folder: Path, name: str):
    """Give a function whose points wait until a file is there, and then give their number."""

    def at(x):
        import pathlib
        import time

        pathlib.Path(folder, f"begun-{x}").touch()
        while x >= 2 and not pathlib.Path(folder, name).exists():
            time.sleep(0.05)
        return 10 * x

    return at


def values(results: Results) -> list[object]:
    """Give what has come, None for what has not."""
    return [None if isinstance(value, Failure) else value for value in results]


def hows(results: Results) -> dict[int, str]:
    """Give by what each point was lost."""
    assert all(isinstance(failure.error, TaskEnded) for failure in results.run.failures.values()), results.run.failures
    return {place: failure.error.how for place, failure in results.run.failures.items()}


def test_a_sweep_is_found_again_when_the_kernel_that_submitted_it_was_killed(store, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(f"""
        import os, random, signal
        from pathos_nb import detach

        scale = 10

        def point(x):
            print("point", x)
            if x == 3:
                raise KeyError("three")
            return x * scale, random.random(), os.environ["PATHOS_NB_CORES"]

        detach(point, range(6), store={str(store)!r}, title="fits", seed=7, per_task=3, partition="debug")
        os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "MY_TOKEN": "hush-hush", "PATHOS_NB_CORES": "7"}
    ended = subprocess.run([sys.executable, str(script)], env=environ, capture_output=True, text=True, timeout=60)
    assert ended.returncode == -9, ended.stderr
    fits = attach("fits", store)
    assert fits.run.wait(WAIT_S)
    assert [value[0] for value in fits if value] == [0, 10, 20, 40, 50]
    assert {value[2] for value in fits if value} == {"1"}, "a worker's share of its task's cores"
    assert isinstance(fits.run.failures[3].error, KeyError)
    assert dict(said for chunk in fits.run.chunks for said in chunk.output)[4] == "point 4\n"
    assert {chunk.host for chunk in fits.run.chunks} <= {"node1", "node2"}
    with Pool("serial") as pool:  # the random numbers are those of its place, wherever a point runs
        drawn = pool.map(lambda x: __import__("random").random(), range(6), seed=7)
    assert [value[1] for value in fits if value] == [drawn[place] for place in (0, 1, 2, 4, 5)]
    files = [path for path in store.parent.rglob("*") if path.is_file()]
    assert not [path for path in files if b"hush-hush" in path.read_bytes()]
    folder = next(store.with_name("store.sqlite.detached").iterdir())
    modes = {path: path.stat().st_mode & 0o777 for path in [folder, *folder.rglob("*")]}
    assert {path for path, mode in modes.items() if mode & 0o077 and path.parent.name != "log"} == set()


def test_points_that_were_finished_before_a_cancel_stay_and_only_the_others_are_submitted_again(
    store, tmp_path, cluster
):
    f = gate(tmp_path, "open")
    fits = detach(f, range(4), store=store, title="fits", per_task=4)
    assert wait_until(lambda: fits.run.n_done == 2, WAIT_S)
    cluster.do("scancel", *cluster.jobs())
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, None, None]
    assert hows(fits) == {2: "cancelled", 3: "cancelled"}
    Path(tmp_path, "open").touch()
    Path(tmp_path, "begun-0").unlink()
    again = detach(f, range(4), store=store, title="fits", per_task=4)
    assert again.run.wait(WAIT_S)
    assert values(again) == [0, 10, 20, 30]
    assert not Path(tmp_path, "begun-0").exists()


def test_a_task_whose_node_is_lost_is_queued_again_and_goes_on_where_its_files_end(store, tmp_path, cluster):
    fits = detach(gate(tmp_path, "open"), range(4), store=store, title="fits", per_task=4)
    assert wait_until(lambda: fits.run.n_done == 2, WAIT_S)
    Path(tmp_path, "begun-0").unlink()
    [job] = cluster.left()
    cluster("lose", fits.run.chunks[0].host, "--told")
    Path(tmp_path, "open").touch()
    assert wait_until(lambda: cluster.job(job)["Restarts"] == "1", WAIT_S)
    said = lambda: current_session().detached.said(fits.run.run_id)  # noqa: E731 - asked again and again
    assert wait_until(lambda: "1 queued (BeginTime; 1 again" in said(), WAIT_S), said()
    cluster.do("scontrol", "update", f"JobId={job}", "StartTime=now")  # by itself Slurm waits for two minutes
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, 20, 30]
    assert not Path(tmp_path, "begun-0").exists()


def test_a_lost_node_is_told_by_name_where_tasks_are_not_queued_again(store, tmp_path, cluster):
    fits = detach(gate(tmp_path, "open"), range(4), store=store, title="fits", per_task=4, requeue=False)
    assert wait_until(lambda: fits.run.n_done == 2, WAIT_S)
    cluster("lose", fits.run.chunks[0].host, "--told")
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, None, None]
    assert hows(fits) == {2: "node lost", 3: "node lost"}


def test_a_folder_that_the_nodes_do_not_see_is_told(store, tmp_path, cluster):
    cluster.needs("namespaces")
    fits = detach(abs, range(2), store=store, title="fits", folder=f"/dev/shm/of-this-test-{os.getpid()}")
    assert fits.run.wait(WAIT_S)
    assert set(hows(fits).values()) == {"not started"}
    assert "folder=PATH" in str(fits.run.failures[0].error)


@pytest.mark.timeout(240)
def test_a_time_limit_is_told_by_name_and_what_was_finished_is_there(store, tmp_path, request):
    if not request.config.getoption("--everywhere"):
        pytest.skip("Slurm's shortest limit is a minute: --everywhere runs it")
    fits = detach(gate(tmp_path, "never"), range(3), store=store, title="fits", per_task=3, time="1")
    assert fits.run.wait(200)
    assert values(fits) == [0, 10, None]
    assert hows(fits) == {2: "time limit"}
    assert "DUE TO TIME LIMIT" in str(fits.run.failures[2].error)


def test_results_come_while_the_controller_is_away(store, tmp_path, cluster, request):
    if not request.config.getoption("--everywhere"):
        pytest.skip("the controller needs seconds to come back: --everywhere runs it")
    fits = detach(gate(tmp_path, "open"), range(4), store=store, title="fits", per_task=4)
    assert wait_until(lambda: fits.run.n_done == 2, WAIT_S)
    cluster("lose", "controller")
    Path(tmp_path, "open").touch()
    assert wait_until(lambda: fits.run.n_done == 4, WAIT_S)
    cluster("restore", "controller")
    assert fits.run.wait(WAIT_S)
    assert values(fits) == [0, 10, 20, 30]


def test_what_the_queue_does_not_take_is_an_error_with_its_words(store):
    with pytest.raises(QueueError, match="sbatch failed.*invalid partition.*may be one of debug"):
        detach(abs, range(2), store=store, partition="nowhere")
    assert list(current_session().stores.opened) != []
