"""Places that join and leave a pool while a map runs, and pools of several."""

from __future__ import annotations

import os

import pytest

from pathos_nb import Pool
from pathos_nb.dispatch.timeline import Timeline
from pathos_nb.errors import BadOption, HostLost, PoolClosed, UnknownPlace
from tests.agent.far_things import nap, pid
from tests.rig import agents
from tests.rig.census import until

pytestmark = pytest.mark.timeout(120)


def test_a_place_joins_and_leaves_while_a_map_runs():
    with Pool("processes", nodes=1) as pool:
        run = pool.start(nap, range(250))
        assert until(lambda: run.n_done >= 5, 60)
        pool.add_place("agent", nodes=2)
        assert (pool.places, pool.nodes) == (("processes", "agent"), 3)
        assert until(lambda: len({chunk.worker for chunk in run.chunks}) == 3, 60)
        pool.drop_place("agent")
        assert (pool.places, pool.nodes) == (("processes",), 1)
        assert run.wait(60)
        assert run.result() == list(range(250))
        assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(250))
        assert len(set(pool.map(pid, range(20)))) == 1


def test_a_place_that_joined_is_there_after_a_restart_and_gets_the_initializer():
    with Pool("processes", nodes=1, initializer=os.putenv, initargs=("X", "y")) as pool:
        pool.add_place("agent", nodes=1)
        assert pool.map(nap, range(20)) == list(range(20))
        pool.restart()
        assert pool.nodes == 2
        assert {w.place for w in pool.workers()} == {"processes", "agent"}


def test_lanes_stand_under_the_name_that_a_host_was_given_and_values_under_its_own():
    with Pool("processes", "agent", nodes={"processes": 1, "agent": 1}) as pool:
        run = pool.start(nap, range(100), chunksize=1)
        assert run.wait(60)
        (machine,) = {chunk.host for chunk in run.chunks}
        timeline = Timeline(run.started_at)
        for chunk in run.chunks:
            timeline.take(chunk)
    shown = {lane["worker"]: (lane["host"], lane["machine"]) for lane in timeline.lanes()}
    assert shown == {"processes-1": (machine, ""), "agent-1": ("agent", machine)}


def test_the_last_place_stays():
    with Pool("processes", nodes=1) as pool:
        with pytest.raises(BadOption, match="close the pool"):
            pool.drop_place("processes")
        with pytest.raises(BadOption, match="it has processes"):
            pool.drop_place("agent")
        assert pool.map(abs, [-1]) == [1]


def test_a_place_that_cannot_be_had_leaves_the_pool_as_it_was():
    agents.register("broken", lambda _: agents.LocalCarrier(["/bin/sh", "-c", "exit 7"]))
    with Pool("processes", nodes=1) as pool:
        with pytest.raises(HostLost, match="broken.*exit status 7"):
            pool.add_place("broken", nodes=1)
        with pytest.raises(UnknownPlace, match="nowhere"):
            pool.add_place("nowhere")
        assert pool.places == ("processes",)
        assert pool.map(nap, range(10)) == list(range(10))
    with pytest.raises(PoolClosed, match="closed"):
        pool.add_place("agent", nodes=1)


def test_shares_follow_speed():
    with Pool("processes", "agent", nodes={"processes": 1, "agent": 1}) as pool:
        pool.map(nap, range(10))
        run = pool.start(nap, range(200))
        assert run.wait(60)
        counts = {w: sum(c.n_items for c in run.chunks if c.worker.startswith(w)) for w in ("processes", "agent")}
        assert min(counts.values()) > 50, counts
