"""A pool inside of Slurm's queue: it asks, waits, works as nodes come, and gives everything back."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import psutil
import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.absences import sentences
from pathos_nb.errors import AllocationLost
from pathos_nb.launchers.registry import registry
from tests.contract.test_doors import listening_ports, unix_doors
from tests.mpi.calls import listening
from tests.rig.bed import ROOT, wait_until
from tests.rig.cluster import Cluster
from tests.slurm.calls import doors, nap, nap_until, where, who

pytestmark = pytest.mark.timeout(120)


def settled(pool: Pool, n: int) -> bool:
    """Wait until the pool has so many workers: they come as news, which somebody has to hear."""
    return wait_until(lambda: pool.map(abs, [-1]) == [1] and len(pool.workers()) == n, 60)


def hog(cluster: Cluster, node: str) -> str:
    """Take a whole node; give the job's number."""
    number, _ = cluster.batch("sleep 1000", "-w", node, "-c", str(cluster.cpus))
    cluster.wait(number, "RUNNING")
    return number


def test_each_node_has_a_worker_for_each_of_its_cores_and_all_of_it_goes_with_the_pool(cluster: Cluster):
    before = listening_ports(me := psutil.Process()), unix_doors(me)
    with Pool("slurm", nodes=2, cpus=2, name="mine", account="physics") as pool:
        assert settled(pool, 4)
        assert pool.map(pow, range(100), range(100)) == list(map(pow, range(100), range(100)))
        hosts = pool.each(socket.gethostname)
        assert len(hosts) == 4
        if cluster.facts["features"]["hostname"]:
            assert sorted(hosts) == ["node1", "node1", "node2", "node2"]
        jobs = [line.split() for line in cluster.do("squeue", "-h", "-o", "%j %a").stdout.splitlines()]
        assert len(jobs) == 2
        assert all(name.startswith("mine-") and account == "physics" for name, account in jobs)
        assert pool.each(listening, 0) == [[]] * 4, "no port: the agents speak over srun"
        assert pool.each(doors, 0) == [(True, [])] * 4, "nor a socket of another kind"
        assert (listening_ports(me), unix_doors(me)) == before, "and none here"
    assert wait_until(lambda: not cluster.left())


def test_nothing_secret_stands_where_others_can_read_it(cluster: Cluster):
    secret = os.urandom(12).hex()
    with Pool("slurm", initializer=os.putenv, initargs=("MINE", secret)) as pool:
        assert pool.map(lambda x: (x, secret)[0], range(3)) == [0, 1, 2]
        told = [cluster.do("scontrol", "-d", "show", "job", number).stdout for number in cluster.jobs()]
        for process in Path("/proc").glob("[0-9]*"):
            for name in ("cmdline", "environ"):
                try:
                    told.append((process / name).read_bytes().decode("utf-8", "replace"))
                except OSError:
                    continue
        assert any("pathos_nb" in text for text in told)
        assert not any(secret in text for text in told)


def test_work_begins_with_the_first_node_and_the_view_says_what_the_others_wait_for(cluster: Cluster, tmp_path: Path):
    blocking, seen = hog(cluster, "node2"), tmp_path / "seen"
    with Pool("slurm", nodes=2, cpus=2) as pool:
        run = pool.start(partial(nap_until, str(seen), 40), range(120), chunksize=1)
        assert wait_until(lambda: run.wait(0.05) or run.n_done > 5, 60)
        assert len(pool.workers()) == 2
        said = lambda: " ".join(sentences(run.places))  # noqa: E731 - asked again and again
        assert wait_until(lambda: run.wait(0.05) or "Resources" in said(), 30), said()
        assert "going on, and waiting for slurm: 1 of 2 nodes is queued (Resources), asked for at" in said()
        seen.touch()
        cluster.do("scancel", blocking)
        assert run.wait(60)
        assert run.result() == list(range(120))
        assert not sentences(run.places, is_over=True)
        assert settled(pool, 4)


def test_a_queue_that_gives_nothing_in_time_is_left(cluster: Cluster):
    hog(cluster, "node1")
    hog(cluster, "node2")
    with Pool("slurm", start_within=2.5) as pool:
        run = pool.start(nap, range(4))
        assert wait_until(lambda: run.wait(0.05) or sentences(run.places), 30)
        assert "waiting for slurm: 1 of 1 nodes" in " ".join(sentences(run.places))
        with pytest.raises(AllocationLost, match="did not begin within 2.5 s.*it waited in the queue.*start_within"):
            run.result()
        assert wait_until(lambda: len(cluster.left()) == 2)  # the others'
        for again in (pool.map, pool.each):
            with pytest.raises(AllocationLost, match="did not begin"):
                again(nap, [1])
        cluster.do("scancel", *cluster.left())
        pool.restart()
        assert pool.map(nap, [1, 2]) == [1, 2]


REFUSED = {
    "partition": ({"partition": "nope"}, "invalid partition specified: nope.*may be one of debug"),
    "gres": ({"gres": "gpu:1"}, "Invalid generic resource.*try the same by hand: salloc"),
    "hopeless": ({"cpus": 99}, "would never begin; Slurm says PartitionConfig.*scontrol show partition.*cpus="),
    "python": ({"python": "/no/such/python"}, r"(?s)no Python answered.*python=.*No such file"),
    "job": ({"job": 99999}, "Slurm knows no job 99999"),
    "this": ({"job": "this"}, "in no job of Slurm"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_slurm_refuses_is_said_with_what_to_do(cluster: Cluster, name: str):
    settings, words = REFUSED[name]
    with pytest.raises(AllocationLost, match=words), Pool("slurm", **settings) as pool:
        pool.map(abs, [-1])
    assert wait_until(lambda: not cluster.left())


def test_a_job_that_is_cancelled_by_hand_leaves_the_rest_to_the_others(cluster: Cluster):
    with Pool("slurm", nodes=2, cpus=2) as pool:
        assert settled(pool, 4)
        run = pool.start(nap, range(100))
        assert wait_until(lambda: run.wait(0.05) or run.n_done > 5, 60)
        first, second = cluster.left()
        cluster.do("scancel", first)
        assert run.wait(60)
        assert run.result() == list(range(100))
        assert settled(pool, 2)
        run = pool.start(nap, range(5000))
        assert wait_until(lambda: run.wait(0.05) or run.n_done > 5, 60)
        cluster.do("scancel", second)
        with pytest.raises(AllocationLost, match=r"no node left.*cancelled \(scancel\).*restart"):
            run.result()
        assert 5 < run.n_done < 5000


def test_a_lost_node_is_asked_for_again_and_the_rest_goes_on(cluster: Cluster):
    with Pool("slurm", nodes=2, cpus=2) as pool:
        assert settled(pool, 4)
        run = pool.start(nap, range(200))
        assert wait_until(lambda: run.wait(0.05) or run.n_done > 5, 60)
        cluster("lose", "node2", "--told")
        assert wait_until(lambda: run.wait(0.05) or len(pool.workers()) == 2, 60)
        n_then = run.n_done
        assert wait_until(lambda: run.wait(0.05) or run.n_done > n_then + 20, 60)
        cluster("restore", "node2")
        assert run.wait(90)
        assert run.result() == list(range(200))
        assert settled(pool, 4)


def test_the_controller_may_be_away_for_a_while(cluster: Cluster):
    with Pool("slurm", cpus=2) as pool:
        assert pool.map(nap, range(4)) == list(range(4))
        cluster.lose_controller()
        assert pool.map(nap, range(20)) == list(range(20))
        cluster("restore", "controller")
        assert pool.map(nap, range(4)) == list(range(4))
    assert wait_until(lambda: not cluster.left(), 30)


@pytest.mark.leaves("children")  # what ends the jobs looks three times whether all are gone, up to half a minute apart
def test_jobs_of_a_pool_that_closes_without_a_controller_end_when_that_is_back(cluster: Cluster, request):
    if not request.config.getoption("--everywhere"):
        pytest.skip("Slurm tells its controller once a minute of what it has missed: --everywhere runs it")
    with Pool("slurm", cpus=2) as pool:
        assert pool.map(nap, range(4)) == list(range(4))
        cluster.lose_controller()
    cluster("restore", "controller")
    assert wait_until(lambda: not cluster.left(), 100)


KILLED = """
import sys
from pathos_nb import Pool
pool = Pool("slurm", nodes=2, cpus=2)
if len(sys.argv) == 1:
    pool.map(abs, range(10))
print("ready", flush=True)
pool.map(__import__("time").sleep, [1000] * 8)
"""


@pytest.mark.parametrize("moment", ["at work", "in the queue"])
def test_jobs_end_with_a_kernel_that_is_killed_and_nobody_elses_do(cluster: Cluster, moment: str):
    others = [hog(cluster, "node1"), hog(cluster, "node2")] if moment == "in the queue" else []
    environ = {**cluster.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, *(["queued"] if others else [])]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, start_new_session=True) as kernel:
        assert kernel.stdout
        assert kernel.stdout.readline() == b"ready\n"
        assert wait_until(lambda: len(cluster.left()) == 2 + len(others))
        kernel.kill()
    assert wait_until(lambda: sorted(cluster.left()) == sorted(others), 30), cluster.left()


def test_an_interrupt_of_the_wait_takes_the_request_out_of_the_queue(cluster: Cluster):
    others = [hog(cluster, "node1"), hog(cluster, "node2")]
    code = (
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job behind has it ignored
        "from pathos_nb import Pool\nfrom pathos_nb.errors import AllocationLost\n"
        "pool = Pool('slurm', nodes=2)\nprint('waiting', flush=True)\n"
        "try: pool.map(abs, range(4))\nexcept KeyboardInterrupt: print('interrupted', flush=True)\n"
        "input()\ntry: pool.map(abs, range(4))\nexcept AllocationLost as error: print(error, flush=True)\n"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environ = {**cluster.environ, "PYTHONPATH": str(ROOT)}
    with (
        subprocess.Popen([sys.executable, "-c", code], env=environ, text=True, **pipes) as process,
        contextlib.ExitStack() as at_end,
    ):
        at_end.callback(process.kill)  # whatever went wrong, this ends
        assert process.stdout.readline() == "waiting\n"
        assert wait_until(lambda: len(cluster.left()) == 4)
        process.send_signal(2)
        assert process.stdout.readline() == "interrupted\n"
        assert wait_until(lambda: sorted(cluster.left()) == sorted(others), 30)
        process.stdin.write("\n")
        process.stdin.flush()
        assert "the wait for nodes was interrupted" in process.stdout.readline()


def test_a_pool_asks_for_more_nodes_and_gives_them_back(cluster: Cluster):
    with Pool("slurm", cpus=2) as pool:
        assert settled(pool, 2)
        pool.resize(4)
        assert settled(pool, 4)
        assert len(cluster.left()) == 2
        pool.resize(2)
        assert settled(pool, 2)
        assert wait_until(lambda: pool.map(abs, [-1]) == [1] and len(cluster.left()) == 1)
        assert pool.map(nap, range(20)) == list(range(20))
    with Pool("slurm", cpus=1) as pool:
        pool.resize(2)
        assert settled(pool, 2)
        pool.resize(1)
        assert wait_until(lambda: len(cluster.left()) == 1), "a node goes back that has no worker, be there no map"


def test_a_job_that_runs_already_is_used_and_kept(cluster: Cluster):
    number = cluster.allocation()
    with Pool(f"slurm:{number}") as pool:
        assert len(set(pool.each(who))) == 2
    with Pool("slurm", job=number, nodes=1) as pool:
        assert pool.nodes == 1
        assert set(pool.map(where, range(10))) <= set(cluster.facts["nodes"])
    assert cluster.job(number)["JobState"] == "RUNNING"


@pytest.mark.timeout(300)
def test_a_time_limit_that_is_reached_ends_the_map_with_what_is_finished(cluster: Cluster, request):
    if not request.config.getoption("--everywhere"):
        pytest.skip("Slurm counts time limits in minutes: --everywhere runs it")
    with Pool("slurm", cpus=2, time=1) as pool:
        run = pool.start(nap, range(100_000))
        with pytest.raises(AllocationLost, match=r"its time limit \(00:01:00\) was reached.*is kept"):
            run.result()
        assert run.n_done > 100


def test_nodes_that_are_wanted_together_are_one_job(cluster: Cluster):
    with Pool("slurm", nodes=2, cpus=1, together=True) as pool:
        assert settled(pool, 2)
        assert len(cluster.left()) == 1
        assert cluster.job(cluster.left()[0])["NumNodes"] == "2"


def test_without_slurm_the_launcher_says_what_is_missing(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    score, reason = registry.launchers()["slurm"]
    assert (score, "salloc, srun" in reason) == (0.0, True)


def test_a_configuration_that_is_not_there_is_named(monkeypatch, tmp_path):
    for name in ("salloc", "srun", "scancel", "squeue", "scontrol", "sinfo"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("SLURM_CONF", str(tmp_path / "slurm.conf"))
    assert registry.launchers()["slurm"].reason == f"SLURM_CONF is {tmp_path}/slurm.conf, which is no file"
