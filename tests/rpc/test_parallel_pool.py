"""ParallelPool on servers: none of the hangs and wrong answers that ppft gives."""

from __future__ import annotations

import os
import signal
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pathos_nb import Pool, known_servers
from pathos_nb.errors import BadOption, ItemTimeout, LauncherUnavailable, PoolBroken, WorkerLost
from pathos_nb.events import PlaceLost
from pathos_nb.parallel import ParallelPool, stats
from pathos_nb.server import LocalServer
from tests.rig.census import until
from tests.rpc.calls import (
    begin,
    begun,
    die,
    fail,
    inner,
    kill_the_server,
    loud,
    place,
    scaled,
    slow,
    spin,
    stuck,
)


@pytest.fixture
def pool(kept: LocalServer) -> Iterator[ParallelPool]:
    with ParallelPool(0, servers=(kept.address,)) as opened:
        yield opened


def children_of(pid: int) -> set[int]:
    return {child.pid for child in psutil.Process(pid).children(recursive=True)}


def test_with_no_local_processes_the_servers_do_all_of_it(kept: LocalServer, pool: ParallelPool) -> None:
    assert (pool.nodes, pool.servers) == (0, (kept.address,))
    pids = {pid for pid, _ in pool.map(place, range(200))}
    assert pids <= children_of(kept.pid)
    assert 1 <= len(pids) <= 2


def test_all_maps_and_pipes(pool: ParallelPool) -> None:
    assert pool.map(pow, [1, 2, 3], [5, 6, 7]) == [1, 64, 2187]
    assert list(pool.imap(abs, [-1, 2])) == [1, 2]
    assert sorted(pool.uimap(abs, range(-5, 0))) == [1, 2, 3, 4, 5]
    assert pool.amap(abs, [-1, 2]).get(30) == [1, 2]
    assert pool.pipe(pow, 2, 5) == 32
    assert pool.apipe(pow, 2, 5).get(30) == 32


def test_several_servers_and_this_machine_work_together(server: LocalServer) -> None:
    with LocalServer(nodes=1) as other, ParallelPool(2, servers=(server.address, other.address)) as pool:
        assert len(pool._serve().pool.each(place)) == 5
        assert pool.map(abs, range(-1000, 0)) == list(range(1000, 0, -1))
        told = stats(pool)
        assert "1000 calls in all, 5 workers" in told
        assert pool.stats() == stats(pool)


def test_errors_come_without_the_engines_frames() -> None:
    with pytest.raises(BadOption, match="works on servers alone, and none is named; .*servers=") as caught:
        ParallelPool(0)
    assert len(traceback.extract_tb(caught.tb)) == 2, "this test's frame, and the one that the caller called"
    with ParallelPool(1) as pool:
        for call in (lambda: pool.map(abs, ["x"]), lambda: pool.pipe(abs, "x"), lambda: pool.amap(abs, "x").get()):
            with pytest.raises(TypeError, match="bad operand") as caught:
                call()
            assert len(traceback.extract_tb(caught.tb)) == 3


def test_nodes_can_be_set_to_none_and_back(server: LocalServer) -> None:
    pool = ParallelPool(1, servers=(server.address,))
    for nodes in (0, 2, 1, 0):
        pool.nodes = nodes
        assert pool.map(abs, range(-20, 0)) == list(range(20, 0, -1))
        assert pool._serve().pool.nodes == nodes + 2
    pool.close()
    pool.nodes = 1
    with pytest.raises(ValueError, match="Pool not running"):
        pool.map(abs, [1])


def test_a_server_that_does_not_answer_is_named_and_left_out(server: LocalServer) -> None:
    with pytest.warns(UserWarning, match="no server answers at localhost:9: it is left out") as told:
        pool = ParallelPool(0, servers=(server.address, "localhost:9"))
    assert len(told) == 1
    assert pool.servers == tuple(sorted((server.address, "localhost:9")))
    assert pool.map(abs, [-1]) == [1]


@pytest.mark.parametrize("nodes", [-1, 2.5, "x", True])
def test_what_is_no_number_of_local_processes_is_refused_with_those_that_are(nodes: object) -> None:
    with pytest.raises(BadOption, match=r"nodes is .*; it must be a whole number of local processes: 0 .servers do"):
        ParallelPool(nodes)
    assert not ParallelPool.__state__


def test_with_nobody_left_it_is_an_error() -> None:
    with (
        pytest.raises(LauncherUnavailable, match="nobody to work.*localhost:9 cannot be used"),
        pytest.warns(UserWarning, match="no server answers"),
    ):
        ParallelPool(0, servers=("localhost:9",))
    assert not ParallelPool.__state__


def test_a_wrong_secret_is_said_at_once(server: LocalServer) -> None:
    known_servers.remember(server.address, "another")
    with pytest.warns(UserWarning, match=r"no server of ours answers at .*: it is left out \(it has another secret\)"):
        ParallelPool(1, servers=(server.address,))


def test_a_server_whose_secret_is_not_known_is_left_out(server: LocalServer) -> None:
    known_servers.forget(server.address)
    with pytest.warns(UserWarning, match="its secret is not known here"):
        ParallelPool(1, servers=(server.address,))


# --- what ppft loses or muddles ---


def test_a_task_that_raises_raises_here(pool: ParallelPool) -> None:
    with pytest.raises(KeyError, match="no 3") as caught:
        pool.pipe(fail, 3)
    assert "in fail" in str(caught.value.__cause__)


def test_prints_come_with_their_items_and_change_no_value(pool: ParallelPool) -> None:
    run = pool._serve().pool.start(loud, range(20))
    assert run.wait(30)
    assert run.result() == list(range(20))
    texts = {index: text for chunk in run.chunks for index, text in chunk.output}
    assert sorted(texts) == list(range(20))
    assert all(text.count("to ") == 4 for text in texts.values())


def test_keywords_arrive(pool: ParallelPool) -> None:
    assert pool.map(scaled, [1, 2], factor=10) == [10, 20]


def test_a_function_that_is_made_anew_is_the_one_that_runs(pool: ParallelPool) -> None:
    for number in range(50):
        made: Any = eval(f"lambda x: {number}")
        assert pool.pipe(made, 0) == number  # ppft keeps the source by id, which the next one has again
        del made


def test_a_worker_that_dies_costs_its_item_only(pool: ParallelPool) -> None:
    values = pool.map(die, range(8), on_error="keep")
    assert [v for v in values if v] == [1, 2, 4, 5, 6, 7]
    assert isinstance(values[3].error, WorkerLost)
    assert "SIGKILL" in str(values[3].error)


def test_an_item_past_its_timeout_is_stopped(pool: ParallelPool) -> None:
    with pytest.raises(ItemTimeout, match=r"its timeout of 0.3 s"):
        pool.map(spin, [1], timeout=0.3)
    assert pool.map(abs, [-1]) == [1]


def test_an_item_that_no_alarm_reaches_is_killed(pool: ParallelPool) -> None:
    with pytest.raises(ItemTimeout, match=r"its timeout of 0.3 s"):
        pool.map(stuck, [1], timeout=0.3)
    assert pool.map(abs, [-1]) == [1]


def test_a_large_argument_goes_at_a_good_rate(pool: ParallelPool) -> None:
    megabyte = 1 << 20
    data = os.urandom(64 * megabyte)
    assert pool.pipe(bytes.__len__, data) == len(data)
    assert pool.pipe(bytes, data) == data  # ppft: 18 to 30 MB a second each way, less as it grows


def test_a_worker_uses_the_server_too(kept: LocalServer, pool: ParallelPool) -> None:
    assert pool.map(inner, [kept.address] * 2, [1, 2]) == [[1], [2, 1]]


def test_the_initializer_runs_on_servers(server: LocalServer, tmp_path: Path) -> None:
    with ParallelPool(0, servers=(server.address,), initializer=begin, initargs=(str(tmp_path / "x"),)) as pool:
        assert set(pool.map(begun, range(10))) == {"yes"}


ELSEWHERE = """import socket, time
socket.gethostname = lambda: "elsewhere"
time.time = (lambda now: lambda: now() + 3600)(time.time)
"""


def test_stamps_of_another_machine_are_of_this_ones_time(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(ELSEWHERE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")])))
        server = LocalServer(nodes=1)
    with server, ParallelPool(0, servers=(server.address,)) as pool:
        began = time.time()
        run = pool._serve().pool.start(slow, range(20))
        assert run.wait(60) and run.result() == list(range(20))
        assert {chunk.host for chunk in run.chunks} == {"elsewhere"}
        stamps = [stamp for chunk in run.chunks for stamp in (chunk.started, *chunk.ends)]
        assert began - 600 < min(stamps) <= max(stamps) < time.time() + 600, "an hour ahead is not shown"


# --- servers that end under a map ---


def test_one_of_two_servers_is_killed_and_every_item_comes_once(server: LocalServer) -> None:
    with LocalServer(nodes=2) as other, ParallelPool(0, servers=(server.address, other.address)) as pool:
        run = pool._serve().pool.start(slow, range(200))
        assert until(lambda: run.n_done > 20)
        os.kill(other.pid, signal.SIGKILL)
        assert run.wait(60)
        assert run.result() == list(range(200))
        assert pool.map(abs, range(-10, 0)) == list(range(10, 0, -1))


def test_the_only_server_is_killed(server: LocalServer) -> None:
    with ParallelPool(0, servers=(server.address,)) as pool:
        run = pool._serve().pool.start(slow, range(500))
        assert until(lambda: run.n_done > 4)
        os.kill(server.pid, signal.SIGKILL)
        with pytest.raises(PoolBroken, match="gives no workers"):
            run.result()


def test_a_server_that_ought_to_be_started_again_is_not_waited_for_without_end(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pathos_nb.launchers.ppft._PATIENCE_S", 1.0)
    known_servers.remember(server.address, known_servers.recall(server.address) or "", is_kept=True)
    with ParallelPool(0, servers=(server.address,)) as pool:
        run = pool._serve().pool.start(slow, range(500))
        assert until(lambda: run.n_done > 4)
        os.kill(server.pid, signal.SIGKILL)
        assert run.wait(60)
        with pytest.raises(PoolBroken, match="gives no workers"):
            run.result()
        assert [type(news) for news in run.places] == [PlaceLost], "and the run has said that it waits"


def test_a_server_that_is_stopped_is_given_up_in_time(server: LocalServer, grow_impatient: Any) -> None:
    with LocalServer(nodes=1) as other, ParallelPool(0, servers=(server.address, other.address)) as pool:
        run = pool._serve().pool.start(slow, range(300))
        assert until(lambda: run.n_done > 20)
        grow_impatient()
        os.kill(other.pid, signal.SIGSTOP)
        try:
            assert run.wait(50)
            assert run.result() == list(range(300))
        finally:
            os.kill(other.pid, signal.SIGCONT)


def test_an_item_that_kills_its_server_again_and_again_ends_its_map() -> None:
    with Pool("ppft", nodes=1) as pool:
        with pytest.raises(PoolBroken, match="gives no workers"):
            pool.map(kill_the_server, range(3))
        pool.terminate()
