"""Hosts as places: connected by name, used by pools, opened again when the link is lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pathos_nb import core
from pathos_nb.dispatch.pool import Pool
from pathos_nb.errors import BadOption, HostError, HostKeyRefused, HostLost, HostUnreachable, UnknownPlace
from pathos_nb.joined.host import Plan
from pathos_nb.launchers.registry import registry
from pathos_nb.session import Session
from tests.joined.calls import use, where
from tests.rig.bed import Bed, says_all, wait_until

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def session(home) -> Iterator[Session]:
    made = Session()
    yield made
    made.close()


def test_a_host_is_a_place_for_pools_until_it_is_let_go(session):
    host = session.connect(Plan("one", "host1", nodes=1))
    assert (host.name, host.state, host.where) == ("one", "connected", "root@host1")
    assert host.python.is_like_here
    assert session.pool(("one",)).map(where, range(3)) == ["host1"] * 3
    with Pool("one", "threads", nodes=1) as pool:
        assert pool.nodes == 2
    with pytest.raises(BadOption, match="one.*taken"):
        session.connect(Plan("one", "host2"))
    session.disconnect("one")
    assert not session.pools and not session.hosts.connected
    with pytest.raises(UnknownPlace, match="no host called 'one' is connected; connected: none"):
        session.hosts.get("one")


def test_a_pool_of_a_host_that_was_disconnected_says_so_and_begins_again_once_it_is_connected(session):
    plan = Plan("one", "host1", nodes=1)
    session.connect(plan)
    with Pool("one", nodes=1) as pool:
        assert pool.map(where, [1]) == ["host1"]
        session.disconnect("one")
        with pytest.raises(HostLost, match=r"(?s)one was disconnected.*%pathos connect one again.*restart\(\)"):
            pool.amap(where, range(3)).get(60)
        session.connect(plan)
        pool.restart()
        assert pool.amap(where, range(3)).get(60) == ["host1"] * 3, "on the new connection"


def test_the_same_connect_again_is_the_same_host_and_mends_a_lost_connection(session, bed):
    plan = Plan("host2", "host2", nodes=1)
    host = session.connect(plan)
    assert session.connect(plan) is host
    bed("kill", "host2")
    bed("start", "host2")
    assert wait_until(lambda: not host.remote.is_alive())
    assert session.connect(plan) is host and host.remote.is_alive()
    assert session.pool(("host2",)).amap(where, range(3)).get(60) == ["host2"] * 3


@pytest.mark.parametrize("is_noticed", [False, True], ids=["not yet noticed", "being opened again"])
def test_to_disconnect_from_a_host_that_is_cut_off_does_not_wait_for_it(session, bed, is_noticed):
    bed.needs("cut")
    host = session.connect(Plan("host2", "host2", nodes=1))
    session.services.serve(host, nodes=1)
    bed("cut", "host2")
    if is_noticed:
        assert wait_until(lambda: host.remote._links._opening, 60), "it is connected to again, which takes ten seconds"
    session.disconnect("host2")
    assert not session.hosts.connected and not session.services.running


def test_the_speed_of_a_link_is_not_that_of_the_start_of_ssh(session, bed, tmp_path, monkeypatch):
    slow = tmp_path / "bin" / "ssh"  # an ssh that takes a second to begin
    slow.parent.mkdir()
    slow.write_text(f'#!/bin/sh\nsleep 1\nexec {shutil.which("ssh")} "$@"\n')
    slow.chmod(0o755)
    session.hosts.config = bed.config  # ssh asks the system for the home folder, not $HOME
    host = session.connect(Plan("host1", "host1", nodes=1, transport="openssh"))
    monkeypatch.setenv("PATH", f"{slow.parent}{os.pathsep}{os.environ['PATH']}")

    def are_well() -> bool:
        found = {line.what: line for line in host.check()}
        return found["link"].is_well and found["round trip"].is_well

    assert wait_until(are_well), "a busy machine may be slow once"


def test_many_pools_fit_on_a_host_that_allows_few_sessions(session, tmp_path, home):
    bed = Bed(tmp_path / "few", 1, "--sshd", "MaxSessions 2")
    try:
        bed.up()
        session.hosts.config = bed.config
        session.connect(Plan("host1", "host1", nodes=1))
        pools = [session.make(name, ("host1",), 1) for name in ("a", "b", "c")]
        assert [pool.map(where, [0]) for pool in pools] == [["host1"]] * 3
        assert session.hosts.get("host1").state == "connected"
        session.close()
    finally:
        bed("down")


def test_a_host_that_does_not_answer_leaves_nothing_open(session, bed):
    bed("kill", "host2")
    with pytest.raises(HostUnreachable, match="host2"):
        session.connect(Plan("host2", "host2"))
    assert not session.hosts.connected and not session.pools
    assert session.connect(Plan("host1", "host1", nodes=1)).state == "connected", "the other hosts carry on"


def test_a_python_is_named_by_its_version_or_path(session):
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert session.connect(Plan("a", "host1", python=minor, nodes=1)).python.is_like_here
    named = session.connect(Plan("b", "host1", python=sys.executable, nodes=1))
    assert named.python.path == sys.executable
    named.remote.run(["ln", "-sfn", sys.executable, "its-own-python"], timeout=60)
    assert session.connect(Plan("d", "host1", python="~/its-own-python", nodes=1)).python.is_like_here
    with pytest.raises(HostError, match=r"/bin/cat on c is no Python that can be used.*--python"):
        session.connect(Plan("c", "host1", python="/bin/cat"))


def test_a_lost_connection_is_made_anew_and_every_item_is_delivered_once(session, bed):
    host = session.connect(Plan("host1", "host1", nodes=1))
    session.connect(Plan("host2", "host2", nodes=1))
    pool = session.pool(("host1", "host2"), 1)
    run = pool.start(lambda v: (time.sleep(0.02), v)[1], range(150), chunksize=1)
    assert wait_until(lambda: run.n_done > 20)
    bed("kill", "host1")
    assert run.wait(90) and run.result() == list(range(150))
    assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(150))
    bed("start", "host1")
    assert wait_until(lambda: host.state == "connected" and "host1" in pool.map(where, range(20)), 90)


def test_a_key_that_changes_under_a_live_session_is_refused_when_its_agent_connects_again(session, bed, monkeypatch):
    for name in ("host1", "host3"):
        session.connect(Plan(name, name, nodes=1))
    runs = [
        session.pool(places, 1).start(lambda v: (time.sleep(0.02), v)[1], range(n))
        for places, n in ((("host1", "host3"), 200), (("host3",), 5000))
    ]
    assert wait_until(lambda: all(run.n_done > 10 for run in runs))
    for act in ("rekey", "kill", "start"):
        bed(act, "host3")
    with pytest.raises(HostLost, match=r"(?s)host3.*is not the one that is known.*ssh-keygen -R") as caught:
        runs[1].result()
    says_all(caught.value, "host3")
    assert runs[0].wait(60) and runs[0].result() == list(range(200)), "the other host carries on"
    host = session.hosts.get("host3")
    assert wait_until(lambda: host.state == "link failed"), "as both of its agents were"
    mend, said_meanwhile = host.remote.mend, []
    monkeypatch.setattr(host.remote, "mend", lambda: (said_meanwhile.append(host.refusal), mend()))
    with pytest.raises(HostKeyRefused):
        host.stand()
    for said in (host.refusal, *said_meanwhile):
        assert "is not the one that is known" in said, "also while another attempt is made"


def test_closing_the_session_ends_connections_and_what_ran_there(home, bed):
    session = Session()
    session.connect(Plan("host1", "host1", nodes=2))
    session.close()
    assert registry.resolver is None
    assert wait_until(lambda: "pathos_nb" not in bed.on("host1", "ps ax -o args"))


SCRIPT = """
import socket
from pathos_nb import Pool

with Pool("host1", nodes=1) as pool:
    print(pool.map(lambda v: (socket.gethostname(), v), [1, 2]))
try:
    Pool("no-such-host")
except ValueError as error:
    print(error)
"""


def test_a_script_that_names_a_host_reaches_it(home, tmp_path):
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(file)], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=90, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[0] == "[('host1', 1), ('host1', 2)]", done.stderr
    assert "there is no launcher or host 'no-such-host'" in done.stdout
    assert not done.stderr


def test_a_pool_of_several_places_does_without_a_host_that_is_let_go(session):
    session.connect(Plan("host1", "host1", nodes=1))
    session.use("threads", "host1", nodes=1)
    pool = session.pool()
    run = pool.start(lambda v: (time.sleep(0.02), v)[1], range(100))
    session.disconnect("host1")
    assert session.places == ("threads",) and pool.places == ("threads",)
    assert run.wait(60) and run.result() == list(range(100)), "what runs goes on"
    assert session.pool() is pool and list(session.pools) == ["threads:1"]


def test_a_registered_host_is_reached_as_it_was_said_and_what_is_typed_wins(session, home):
    session.connect(Plan("fits", "root@host1", nodes=1, python=sys.executable))
    session.hosts.save("fits")
    file = home / ".config" / "pathos_nb" / "hosts.ini"
    assert file.stat().st_mode & 0o777 == 0o600
    with file.open("a") as written:
        written.write("profile = .no-such-profile\nsetup =\n    export FITS=yes\n")
    session.disconnect("fits")
    plan = session.hosts.plan_for("fits")
    assert (plan.target, plan.python, plan.nodes) == ("root@host1", sys.executable, 1)
    assert session.hosts.plan_for("tester@fits").target == "tester@host1"
    assert "fits" in session.hosts.names()
    assert session.pool(("fits",)).map(lambda _: os.environ.get("FITS"), [0]) == ["yes"], "it connects by itself"


def test_a_fault_in_the_registry_concerns_its_host_and_no_other(session, home):
    file = home / ".config" / "pathos_nb" / "hosts.ini"
    file.parent.mkdir(parents=True)
    file.write_text("[node7]\nport = many\n[fits]\nhost = host2\n")
    assert session.hosts.names() == ["fits", "node7", "host1", "host2", "host3", "inner"]
    assert session.hosts.plan_for("fits").target == "host2"
    for reach in (session.hosts.plan_for, core.randomport):
        with pytest.raises(BadOption, match=r"port of node7 is 'many'.*mend"):
            reach("node7")
    assert core.randomport("fits") > 0
    file.write_text("no section\n")
    assert session.hosts.names() == ["host1", "host2", "host3", "inner"]
    for reach in (session.hosts.plan_for, core.randomport):
        with pytest.raises(BadOption, match=r"the host registry cannot be read.*mend"):
            reach("host1")


def test_a_user_at_a_host_is_that_host_and_no_other_user(session):
    pool = session.pool(("tester@host1",), 1)
    assert pool.places == ("host1",) and list(session.pools) == ["host1:1"]
    assert session.hosts.get("host1").where == "tester@host1"
    session.use("tester@host1", nodes=1)
    assert session.places == ("host1",) and session.pool() is pool
    with pytest.raises(BadOption, match="host1 is connected as tester@host1, not root@host1"):
        session.pool(("root@host1",))
    session.disconnect("host1")
    assert not session.pools and session.places == ("processes",)


def test_files_go_to_a_host_and_come_back_though_the_connection_is_lost(session, bed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "large.bin").write_bytes(os.urandom(9_000_000))
    session.connect(Plan("one", "host2", nodes=1))
    pool = session.pool(("one",))
    gate = f"/tmp/{uuid.uuid4().hex}"  # of the host
    run = pool.start(partial(use, gate), range(40), files="*.bin", collect="out.txt", collect_to="kept", chunksize=1)
    assert wait_until(lambda: run.n_done > 3)
    bed("kill", "host2")
    bed("start", "host2")
    bed.on("host2", "touch", gate)
    assert run.wait(90)
    told = run.result()
    assert {size for size, _ in told} == {9_000_000}
    assert all("pathos_nb-files-" in place for _, place in told), "of a machine that does not see ours"
    assert 2 <= len({place for _, place in told}) <= 3, "once for each agent"
    assert [(tmp_path / "kept" / f"{n:06}" / "out.txt").read_text() for n in range(40)] == list(map(str, range(40)))
