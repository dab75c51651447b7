"""Agents on real hosts, over ssh: what works, what goes wrong, and what is left."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from pathos_nb import Pool, share
from pathos_nb.dispatch.absences import missing, sentences
from pathos_nb.errors import HostLost
from pathos_nb.events import Event, PlaceBack, PlaceGone, PlaceLost
from pathos_nb.launchers.agent_patience import Patience
from tests.agent.conftest import SETTINGS
from tests.agent.far_things import imports_when_called, kind_of, nap, node
from tests.contract.calls import square
from tests.rig.bed import READ_ANEW, says_all, wait_until
from tests.rig.sampling import seldom

pytestmark = pytest.mark.timeout(180)


def processes_on(bed: Any, host: str, pid: str = "") -> list[str]:
    """Give the commands of Python that run there, or that one of them."""
    table = bed.on(host, "ps", "-eo", "pid,args")
    found = [line.strip() for line in table.splitlines() if "pathos_nb" in line and " ps " not in line]
    return [line for line in found if not pid or line.split()[0] == pid]


def started(pool: Any, n: int = 300) -> Any:
    run = pool.start(nap, range(n))
    assert wait_until(lambda: run.n_done >= 20, 60)
    return run


def finished(run: Any, n: int = 300, within_s: float = 120.0) -> None:
    assert run.wait(within_s), run
    assert run.result() == list(range(n))
    assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(n))


# --- what works


def test_a_map_runs_on_two_hosts(places):
    places("host1"), places("host2")
    with Pool("host1", "host2", nodes={"host1": 2, "host2": 1}) as pool:
        assert set(pool.map(node, range(60), chunksize=1)) == {"host1", "host2"}
        assert {(w.place, w.host) for w in pool.workers()} == {("host1", "host1"), ("host2", "host2")}
        offset = 3
        assert pool.map(lambda x: x + offset, range(1000)) == list(range(3, 1003))


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_arrays_come_and_go(places, transport):
    np = pytest.importorskip("numpy")
    places("host1", transport=transport)
    with Pool("host1", nodes=1) as pool:
        for n in (10, 100_000, 3_000_000):
            array = np.arange(n, dtype="f8")
            assert (pool.pipe(np.negative, array) == -array).all()


def test_nothing_need_be_installed_there_but_python(places, bed):
    system = Path("/usr/bin/python3")
    if not system.exists() or (minor := minor_of(system)) != sys.version_info[:2]:
        pytest.skip(f"the system's Python is not this one's minor version: {minor if system.exists() else 'none'}")
    places("host1", python=str(system))
    with Pool("host1", nodes=1) as pool:
        assert pool.map(lambda x: x + 1, range(10)) == list(range(1, 11))
        found = pool.pipe(lambda: (__import__("cloudpickle").__file__, __import__("sys").executable))
    assert found[0].endswith(".zip/cloudpickle/__init__.py")
    assert found[1] == str(system)


def minor_of(python: Path) -> tuple[int, ...]:
    code = "import sys; print(*sys.version_info[:2])"
    told = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False, timeout=30)
    return tuple(map(int, told.stdout.split()))


def test_no_port_listens_for_it(places, bed):
    def listening() -> set[str]:
        return {line.split()[3] for line in bed.on("host1", "ss", "-Hltn").splitlines()}

    before = listening()
    places("host1")
    with Pool("host1", nodes=2) as pool:
        run = started(pool, 100)
        assert listening() == before
        finished(run, 100)


def test_a_home_that_cannot_be_written_to_is_no_hindrance(places, bed):
    bed.on("host1", "mkdir -p ~tester/.cache && chown root ~tester/.cache && chmod 755 ~tester/.cache")
    try:
        place = places("host1", user="tester")
        with Pool("host1", nodes=1) as pool:
            assert pool.map(square, range(10)) == [x * x for x in range(10)]
        hello = next(state.hello for state in place.states if state.hello)
        assert "Permission denied" in hello.kept
    finally:
        bed.on("host1", "rm -rf ~tester/.cache")


def test_modules_beside_the_notebook_travel_along(places, bed, tmp_path, monkeypatch):
    folder = tmp_path / "project"
    (folder / "parts").mkdir(parents=True)
    (folder / "mine.py").write_text("import parts.deep\ndef answer(x): return parts.deep.OFFSET + x\n")
    (folder / "parts" / "__init__.py").write_text("")
    (folder / "parts" / "deep.py").write_text("OFFSET = 1\n")
    bed.on("host1", "rm", "-rf", str(folder))  # /tmp is the host's own
    monkeypatch.syspath_prepend(str(folder))
    (folder / "parts" / "later.py").write_text("from alone import WORD\n")
    (folder / "alone.py").write_text("WORD = 'alone'\n")
    mine = importlib.import_module("mine")
    places("host1")
    try:
        with Pool("host1", nodes=2) as pool:
            assert pool.map(mine.answer, range(4)) == [1, 2, 3, 4]
            assert pool.pipe(imports_when_called) == "alone"
            (folder / "parts" / "deep.py").write_text("OFFSET = 1000\n")
            assert pool.map(mine.answer, range(4)) == [1000, 1001, 1002, 1003]
            (folder / "rare.py").write_text("class Thing: pass\n")
            rare = importlib.import_module("rare")
            mixed = [*range(50), rare.Thing()]  # the run has long begun when its first item of that kind goes there
            assert pool.map(kind_of, mixed, chunksize=5)[-1] == "rare"
    finally:
        for name in ("mine", "parts", "parts.deep", "rare"):
            sys.modules.pop(name, None)


def test_a_shared_value_is_seen_there(places):
    np = pytest.importorskip("numpy")
    places("host1")
    with Pool("processes", "host1", nodes=1) as pool, share(np.arange(300_000.0)) as handle:
        told = pool.map(lambda x: (os.uname().nodename, float(handle.value[x])), range(60), chunksize=1)
    assert [value for _, value in told] == list(map(float, range(60)))
    assert "host1" in {name for name, _ in told}


# --- what goes wrong


def test_a_link_cut_for_some_seconds_is_found_by_its_beats_and_costs_no_item(places, bed):
    bed.needs("cut")
    place = places("host1")
    places("host2")
    with Pool("host1", "host2", nodes=1) as pool:
        run = started(pool, 600)
        bed("cut", "host1")
        assert wait_until(lambda: place.n("lost"), 60), "TCP itself would take many minutes"
        assert "nothing was heard for" in next(state.reason for state in place.states if state.state == "lost")
        done = run.n_done
        assert wait_until(lambda: run.n_done > done + 20, 30), "the other host carries on"
        bed("heal", "host1")
        finished(run, 600)
        assert wait_until(lambda: place.n("up") == 2, 60)
        assert set(pool.map(node, range(200), chunksize=1)) == {"host1", "host2"}


def test_a_far_and_lossy_host_gives_the_same(places, bed):
    bed.needs("slow")
    place = places("host1")
    with Pool("host1", nodes=2) as pool:
        bed("slow", "host1", "--delay", "100ms", "--loss", "1%")
        assert pool.map(square, range(20_000)) == [x * x for x in range(20_000)]
        finished(started(pool, 100), 100)
        assert place.n("lost") == 0


def test_on_a_narrow_link_a_large_array_is_no_silence(places, bed):
    np = pytest.importorskip("numpy")
    bed.needs("slow")
    place = places("host1", settings=SETTINGS._replace(beat_s=1.0))
    with Pool("host1", nodes=1) as pool:
        bed("slow", "host1", "--delay", "10ms", "--rate", "10mbit")
        array = np.random.default_rng(1).random(600_000)  # 5 MB: four seconds each way, more than three beats
        assert (pool.pipe(np.negative, array) == -array).all()
        assert place.n("lost") == 0


def test_a_full_disk_is_no_hindrance(places, bed):
    on_host = "mkdir -p ~tester/.cache && mount -t tmpfs -o size=64k,uid=$(id -u tester) tmpfs ~tester/.cache"
    bed.needs("netns")
    bed.on("host1", on_host)
    try:
        place = places("host1", user="tester")
        with Pool("host1", nodes=1) as pool:
            assert pool.map(square, range(10)) == [x * x for x in range(10)]
        hello = next(state.hello for state in place.states if state.hello)
        assert "No space left" in hello.kept
        assert bed.on("host1", "ls -A ~tester/.cache/pathos_nb").split() == []
    finally:
        bed.on("host1", "umount ~tester/.cache; rm -rf ~tester/.cache")


def test_a_host_that_is_killed_is_done_without_and_comes_back(places, bed):
    place = places("host1")
    with Pool("processes", "host1", nodes=1) as pool:
        run = started(pool, 200)
        bed("kill", "host1")
        assert wait_until(lambda: place.n("lost"), 30)
        finished(run, 200)
        assert wait_until(lambda: {w.place for w in pool.workers()} == {"processes"}, 30)
        bed("start", "host1")
        assert wait_until(lambda: place.n("up") == 2, 60)
        assert wait_until(lambda: pool.map(abs, [0]) == [0] and len(pool.workers()) == 2, 30)
        assert "host1" in set(pool.map(node, range(200), chunksize=1))


def test_an_sshd_that_restarts_ends_nothing_and_lets_in_again(places, bed):
    place = places("host1")
    with Pool("host1", nodes=1) as pool:
        run = started(pool)
        bed.on("host1", READ_ANEW)
        finished(run)
        assert place.n("lost") == 0
        place.remote.reconnect()
        assert wait_until(lambda: place.n("up") == 2, 60)
        assert pool.map(square, range(10)) == [x * x for x in range(10)]


def test_a_map_that_waits_for_its_only_host_says_so_on_its_record(places, bed):
    place = places("host2")
    with Pool("host2", nodes=1) as pool:
        run, heard = started(pool, 150), list[Event]()
        run.subscribe(heard.append)
        bed("kill", "host2")
        assert wait_until(lambda: any(isinstance(news, PlaceLost) for news in heard), 30)
        waits = missing(run.places)
        assert [(news.place, news.n_workers) for news in waits] == [("host2", 0)]
        assert waits[0].until - waits[0].since == pytest.approx(SETTINGS.patience_s)
        (told,) = sentences(run.places)
        assert told.startswith("waiting for host2: its link was lost at ") and "is tried again until" in told
        later = pool.start(nap, range(2))  # one that begins meanwhile knows it too
        assert sentences(later.places)[0].startswith("waiting for host2")
        bed("start", "host2")
        finished(run, 150)
        assert isinstance(run.places[-1], PlaceBack) and not missing(run.places) and not sentences(run.places)
        assert later.result() == [0, 1]
    assert place.n("up") == 2


@pytest.mark.parametrize("how", [("kill",), *seldom(("cut", "--unreachable"))], ids=["killed", "cut off"])
def test_a_host_that_stays_away_is_an_error_that_says_what_to_do(places, bed, how):
    bed.needs("cut")
    places("host2", settings=SETTINGS._replace(patience_s=2.0))
    places("host3", settings=SETTINGS._replace(patience_s=2.0))
    with Pool("host2", "host3", nodes=1) as pool:
        run = started(pool, 600)
        bed("kill", "host3")
        assert wait_until(lambda: any(isinstance(news, PlaceGone) for news in run.places), 60)
        assert sentences(run.places)[0].startswith("without host3 since ")
        bed(*how, "host2")
        with pytest.raises(
            HostLost, match=r"link to host2 was lost at .*without host3 .*%pathos connect host2"
        ) as caught:
            run.result()
        says_all(caught.value, "host2")
        assert run.n_done >= 20 and run.values()[0] == 0


def test_an_agent_whose_link_is_cut_without_a_word_ends_by_itself(places, bed):
    bed.needs("cut")
    places("host2", settings=SETTINGS._replace(orphan_s=300.0, patience_s=0.1))
    with Pool("host2", nodes=2) as pool:
        run = started(pool, 2000)
        assert len(processes_on(bed, "host2")) >= 3
        bed("cut", "host2")
        assert wait_until(lambda: not processes_on(bed, "host2"), 60), processes_on(bed, "host2")
        pool.terminate()
        assert run.is_over


def test_an_agent_behind_a_jump_host_ends_after_three_beats_of_silence(places, bed, monkeypatch):
    bed.needs("cut")
    monkeypatch.setattr(Patience, "note", lambda *_: None)  # a machine under load is late, and asks for patience
    places("inner", settings=SETTINGS._replace(orphan_s=300.0, patience_s=0.1, is_direct=False))
    with Pool("inner", nodes=1) as pool:
        run = started(pool, 2000)
        assert processes_on(bed, "inner")
        bed("cut", "host1")  # the jump host's own link to it stands
        assert wait_until(lambda: not processes_on(bed, "inner"), 30), processes_on(bed, "inner")
        pool.terminate()
        assert run.is_over


def test_two_kernels_on_one_host_do_not_mind_each_other_nor_that_one_is_killed(places, bed, tmp_path):
    bed.on("host1", "rm -rf ~/.cache/pathos_nb")
    script = tmp_path / "kernel.py"
    script.write_text(KERNEL)
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with ExitStack() as ended:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "env": environ}
        command = [sys.executable, str(script), bed.config]
        stays, goes = (ended.enter_context(subprocess.Popen([*command, then], **pipes)) for then in ("again", "sleep"))
        told = [kernel.stdout.readline().split() for kernel in (stays, goes)]
        assert [words[:2] for words in told] == [["499500", "host1"]] * 2
        goes.kill()
        assert wait_until(lambda: not processes_on(bed, "host1", pid=told[1][2]), 60), processes_on(bed, "host1")
        said, _ = stays.communicate("go on\n", timeout=120)
        assert said.split() == told[0], "the same worker goes on"
    assert wait_until(lambda: not processes_on(bed, "host1"), 60), processes_on(bed, "host1")


KERNEL = """
import os, sys
from pathos_nb import Pool
from pathos_nb.launchers.agent import agent_launcher
from pathos_nb.launchers.registry import registry
from pathos_nb.secure.remote import Remote
remote = Remote("host1", config=sys.argv[1])
registry.register("host1", agent_launcher("host1", remote.open, python=sys.executable))
pool = Pool("host1", nodes=2 if sys.argv[2] == "sleep" else 1)
def tell():
    print(sum(pool.map(lambda x: x, range(1000))), *pool.pipe(lambda: (os.uname().nodename, os.getpid())), flush=True)
tell()
if sys.argv[2] == "sleep":
    pool.map(lambda x: __import__("time").sleep(600), range(2))
sys.stdin.readline()
tell()
pool.close()
remote.close()
"""


def test_a_driver_that_is_killed_leaves_nothing_there(places, bed, tmp_path):
    script = tmp_path / "kernel.py"
    script.write_text(KERNEL)
    environ = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script), bed.config, "sleep"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ) as kernel:
        assert kernel.stdout.readline().split()[:2] == ["499500", "host1"]
        assert len(processes_on(bed, "host1")) >= 4
        kernel.kill()
    assert wait_until(lambda: not processes_on(bed, "host1")), processes_on(bed, "host1")
    files = bed.on("host1", "ls -A /tmp /dev/shm ~/.cache/pathos_nb").split()
    assert [name for name in files if "pathos" in name and not name.endswith((".zip", "pathos_nb:"))] == []
