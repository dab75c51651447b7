"""Clocks and speed: a host whose clock is wrong, a kernel that was asleep, a host that is slow."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from pathos_nb import Pool
from pathos_nb.launchers.agent_link import LinkSettings, LinkState
from tests.agent.far_things import nap, slow_on_host2
from tests.rig import agents
from tests.rig.census import until

pytestmark = pytest.mark.timeout(120)


def ahead_by(seconds: float):
    """Give what opens a carrier to an agent whose clock, and whose workers' clocks, are ahead."""
    wrong = f"import time; time.time = (lambda t: lambda: t() + {seconds})(time.time)\n"
    return agents.beginning_with(wrong, wrong)


@pytest.mark.parametrize("seconds", [3600.0, -86400.0])
def test_stamps_are_of_this_machines_time_whatever_the_hosts_clock_says(seconds):
    agents.register("elsewhen", ahead_by(seconds))
    with Pool("elsewhen", nodes=2) as pool:
        earliest = time.time()
        run = pool.start(nap, range(20))
        assert run.wait(60)
        for chunk in run.chunks:
            stamps = [chunk.started, *chunk.ends]
            assert list(stamps) == sorted(stamps)
            assert earliest - 60 < stamps[0] <= stamps[-1] < time.time() + 60, "as near as a busy machine can tell"


STOPPED = """
import os, sys, time
from pathos_nb import Pool
from pathos_nb.launchers.agent_link import LinkSettings
from tests.rig import agents
states = []
settings = LinkSettings(beat_s=0.5, first_pause_s=0.05)
agents.register("a-host", settings=settings, on_link=lambda state: states.append(state.state))
def nap(x):
    time.sleep(0.02)
    return x
with Pool("a-host", nodes=2) as pool:
    run = pool.start(nap, range(200))
    while run.n_done < 10:
        time.sleep(0.01)
    print("running", flush=True)
    assert run.result() == list(range(200))
print(*states)
"""


def test_a_kernel_that_was_asleep_first_hears_what_has_come(tmp_path):
    """Three seconds are six beats: a link that was judged by the clock alone would be lost."""
    import subprocess
    from pathlib import Path

    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", STOPPED]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as driver:
        assert driver.stdout.readline() == "running\n"
        driver.send_signal(signal.SIGSTOP)
        wake = threading.Timer(3.0, driver.send_signal, [signal.SIGCONT])
        wake.start()
        out, _ = driver.communicate(timeout=60)
        wake.join()
    assert driver.returncode == 0
    assert out == "up\n"


@pytest.mark.parametrize("seconds", [28_800.0, -86_400.0])
def test_a_clock_of_this_machine_that_jumps_under_a_map_is_no_silence(seconds, monkeypatch):
    """As it does when a laptop wakes: eight hours later, or set right by a day."""
    states: list[LinkState] = []
    agents.register("a-desk", on_link=states.append)
    with Pool("a-desk", nodes=2) as pool:
        run = pool.start(nap, range(40))
        assert until(lambda: run.n_done >= 5, 60)
        monkeypatch.setattr(time, "time", lambda now=time.time: now() + seconds)
        assert run.wait(60) and run.result() == list(range(40))
        assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(40)), "each was delivered once"
        assert pool.map(nap, range(3)) == [0, 1, 2], "and what begins after it is well"
    assert [state.state for state in states] == ["up"]


def test_a_slow_host_gets_little_and_holds_nobody_up_at_the_end(places):
    places("host2")
    with Pool("processes", "host2", nodes=1) as pool:
        run = pool.start(slow_on_host2, range(300))
        assert run.wait(60)
        assert run.result() == list(range(300))
        there = [i for chunk in run.chunks if chunk.worker.startswith("host2") for i in chunk.indices]
        assert 1 <= len(there) < 150, "it has had its share, and not half of it"
        assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(300))


def test_a_link_tells_how_far_away_the_host_is():
    states: list[LinkState] = []
    agents.register("near", settings=LinkSettings(beat_s=0.1), on_link=states.append)
    with Pool("near", nodes=1) as pool:
        assert pool.map(abs, [-1]) == [1]
        slot = pool._maps.dispatcher.crew.seats[0].slot
        assert until(lambda: 0 < slot.latency_s < 0.5)
    assert states[0].state == "up"
    hello = states[0].hello
    assert hello.executable == sys.executable
    assert hello.cores == len(os.sched_getaffinity(0))
