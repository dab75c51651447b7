"""The link to an agent: how it begins, how it is lost, and that every index is delivered once in any case."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pathos_nb import Pool
from pathos_nb.errors import HostLost, PoolBroken
from pathos_nb.launchers.agent_link import LinkSettings, LinkState
from tests.agent.far_things import kill_the_worker_once, nap
from tests.contract.calls import square, whoami
from tests.rig import agents
from tests.rig.census import until

pytestmark = pytest.mark.timeout(120)
QUICK = LinkSettings(boot_s=60.0, beat_s=0.4, first_pause_s=0.05, longest_pause_s=0.2, patience_s=60.0)


class Host:
    """A place by name whose carriers can be got at, and bewitched."""

    def __init__(self, name: str, **more: Any) -> None:
        self.name, self.carriers = name, list[agents.LocalCarrier]()
        self.states: list[LinkState] = []
        self.is_refusing = False
        agents.register(name, self.open, **{"settings": QUICK, "on_link": self.states.append, **more})

    def open(self, command: Any) -> agents.LocalCarrier:
        if self.is_refusing:
            raise ConnectionRefusedError(f"{self.name} refuses")
        self.carriers.append(agents.LocalCarrier(command))
        return self.carriers[-1]

    @property
    def agent(self) -> psutil.Process:
        return psutil.Process(self.carriers[-1].process.pid)

    def saw(self, state: str) -> bool:
        return any(known.state == state for known in self.states)

    def ups(self) -> int:
        return sum(known.state == "up" for known in self.states)


@pytest.fixture
def host() -> Iterator[Host]:
    yield Host("a-host")


# --- the beginning


def sh(script: str) -> Any:
    """Give what opens a carrier to a shell script that gets the agent's command as its words."""
    return lambda command: agents.LocalCarrier(["/bin/sh", "-c", script, "sh", *command])


def test_what_a_login_prints_first_does_no_harm():
    agents.register("chatty", sh('echo "Welcome to chatty"; printf "no newline \\000\\377"; exec "$@"'), settings=QUICK)
    with Pool("chatty", nodes=1) as pool:
        assert pool.map(square, range(10)) == [x * x for x in range(10)]


BEGINNINGS = [
    ("exit 3", "exit status 3"),
    ("echo Account expired >&2; exit 1", "Account expired"),
    ("exec no-such-python -c pass", "127.*Python 3.10 or later"),
    ("printf '\\npathos_nb:{\"old\": [3, 6]}\\n'", "Python 3.6 is too old.*3.10"),
    ("printf '\\npathos_nb:not json\\n'; exec sleep 60", "no agent's"),
    ("printf '\\npathos_nb:{\"at\": 5}\\n\\npathos_nb:{}\\n'; exec sleep 60", "no agent's"),
    ("head -c 400000 /dev/zero; exec sleep 60", "no agent's"),
    ("exec sleep 60", "in time"),
]


@pytest.mark.parametrize(("script", "match"), BEGINNINGS, ids=[s[:24] for s, _ in BEGINNINGS])
def test_a_host_where_no_agent_comes_to_life_is_an_error_that_names_it(script, match):
    patience = QUICK._replace(boot_s=2.0 if "in time" in match else 30.0)
    agents.register("lifeless", sh(script), settings=patience)
    with pytest.raises(HostLost, match=rf"(?s)lifeless cannot be used.*{match}"):
        Pool("lifeless", nodes=1)


def test_a_host_says_itself_how_many_cores_it_has():
    agents.register("unasked", cores=None)
    with Pool("unasked") as pool:
        assert pool.nodes == len(os.sched_getaffinity(0))
    agents.register("mute", sh("exit 4"), cores=None)
    with pytest.raises(HostLost, match="mute cannot be used.*cores.*exit status 4"):
        Pool("mute")


def test_a_carrier_that_cannot_be_opened_says_why(host):
    host.is_refusing = True
    with pytest.raises(HostLost, match="a-host cannot be used.*refuses") as caught:
        Pool("a-host", nodes=1)
    assert len(traceback.extract_tb(caught.tb)) == 2, "this test's frame, and the one that the caller called"
    assert "direct cause" not in "".join(traceback.format_exception(caught.value))


def test_a_far_end_that_answers_with_garbage_is_not_believed():
    rogue = (
        "import sys, json; say = lambda **w: (sys.stdout.write('\\npathos_nb:' + json.dumps(w) + '\\n'), sys.stdout.flush())\n"
        "say(python=[3, 11, 0], host='rogue', pid=1, time=0, at='python'); sys.stdin.readline(); say(have=True)\n"
        "say(ready=True, kept='', time=0, cores=1)\n"
        "sys.stdin.buffer.read(64); sys.stdout.buffer.write(b'pe\\1' + bytes(200)); sys.stdout.flush(); sys.stdin.read()"
    )
    opened = []

    def carrier(command):
        if opened:
            raise ConnectionRefusedError("once is enough")
        opened.append(agents.LocalCarrier([sys.executable, "-c", rogue]))
        return opened[0]

    agents.register("rogue", carrier, settings=QUICK._replace(patience_s=0.1))
    with Pool("rogue", nodes=1) as pool, pytest.raises(PoolBroken, match="rogue"):
        pool.map(square, range(10))


# --- the end, and what then


def interrupted(pool: Any, act: Any, n: int = 150) -> None:
    """Do something in the midst of a map, which must be whole all the same."""
    run = pool.start(nap, range(n))
    assert until(lambda: run.n_done >= 10, 60)
    act()
    assert run.wait(60)
    assert run.result() == list(range(n))


def test_an_agent_that_is_killed_is_started_again(host):
    with Pool("a-host", nodes=2) as pool:
        interrupted(pool, lambda: host.agent.kill())
        assert host.ups() >= 2  # by beats as quick as these, a busy machine loses one more
        assert pool.map(square, range(50)) == [x * x for x in range(50)]
        assert until(lambda: pool.map(abs, [0]) == [0] and len(pool.workers()) == 2)


def test_a_link_that_is_cut_is_opened_again(host):
    with Pool("a-host", nodes=2) as pool:
        interrupted(pool, lambda: host.carriers[-1].sock.shutdown(socket.SHUT_RDWR))
        assert host.ups() >= 2


def test_a_silent_link_is_found_within_three_beats_and_nothing_comes_twice(host, tmp_path: Path):
    with Pool("a-host", nodes=2) as pool:
        run = pool.start(nap, range(150))
        assert until(lambda: run.n_done >= 10, 60)
        silent = host.agent
        silent.suspend()
        assert until(lambda: host.saw("lost"))
        with contextlib.suppress(psutil.NoSuchProcess):
            silent.resume()
        assert run.wait(60)
        assert run.result() == list(range(150))
        assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(150))


def test_the_others_carry_on_and_the_host_comes_back(host):
    with Pool("processes", "a-host", nodes=1) as pool:
        assert {w.place for w in pool.workers()} == {"processes", "a-host"}

        def refuse() -> None:
            host.is_refusing = True
            host.agent.kill()

        interrupted(pool, refuse)
        assert until(lambda: pool.map(abs, [0]) == [0] and {w.place for w in pool.workers()} == {"processes"})
        assert pool.map(nap, range(20)) == list(range(20))
        host.is_refusing = False
        assert until(lambda: pool.map(abs, [0]) == [0] and len(pool.workers()) == 2)
        assert until(lambda: len({pid for pid, _ in pool.map(whoami, range(60), chunksize=1)}) == 2)


def test_a_host_that_is_gone_for_good_is_done_without(host):
    agents.register(host.name, host.open, settings=QUICK._replace(patience_s=0.3), on_link=host.states.append)
    with Pool("processes", "a-host", nodes=1) as pool:

        def refuse() -> None:
            host.is_refusing = True
            host.agent.kill()

        interrupted(pool, refuse)
        assert until(lambda: host.saw("failed"), 30)
        assert pool.map(nap, range(20)) == list(range(20))


def test_the_only_host_gone_for_good_is_an_error_and_no_hang(host):
    agents.register(host.name, host.open, settings=QUICK._replace(patience_s=0.3), on_link=host.states.append)
    with Pool("a-host", nodes=2) as pool:
        run = pool.start(nap, range(500))
        assert until(lambda: run.n_done >= 10, 60)
        host.is_refusing = True
        host.agent.kill()
        with pytest.raises(PoolBroken, match="a-host.*refuses"):
            run.result()


def test_a_worker_that_dies_on_the_host_is_replaced_there(host, tmp_path: Path):
    from functools import partial

    agents.register(host.name, host.open, on_link=host.states.append)  # patient: the link stands all the while
    with Pool("a-host", nodes=2) as pool:
        assert pool.map(partial(kill_the_worker_once, str(tmp_path / "x")), range(40)) == list(range(40))
        assert host.ups() == 1


def test_when_the_agents_stream_ends_nothing_is_left(host):
    pool = Pool("a-host", nodes=2)
    pool.map(square, range(4))
    family = [host.agent, *host.agent.children(recursive=True)]
    assert len(family) == 4
    host.carriers[-1].sock.shutdown(socket.SHUT_WR)
    host.is_refusing = True
    gone, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
    pool.terminate()
