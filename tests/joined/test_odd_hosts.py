"""Hosts whose Python will not do, and a kernel that slept: on the bed, while the other hosts carry on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pathos_nb.errors import CannotSend, HostError
from pathos_nb.joined.host import Plan
from pathos_nb.launchers.agent_messages import BEAT_S
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.shell import SetUp
from pathos_nb.session import Session
from tests.rig.bed import says_all

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.timeout(120)
TOOLS = "sh bash date uname id nproc df awk mkdir rm cat printf"
FEW = f"""
mkdir -p /tmp/few
for p in {TOOLS}; do ln -sf "$(command -v $p)" /tmp/few/; done
echo 'PATH=/tmp/few' >~/.few
"""
ANCIENT = "printf '#!/bin/sh\\necho 3.8.20\\n' >/tmp/few/python3; chmod 755 /tmp/few/python3"


@pytest.fixture
def session(home) -> Iterator[Session]:
    made = Session()
    yield made
    made.close()


def refused(session, there: str) -> None:
    """It has no Python that will do, and says what there is."""
    said = rf"(?s)host2 has no Python that can be used.*on its PATH there is {there}, and 3\.10 or later.*--python PATH"
    with pytest.raises(HostError, match=said) as caught:
        session.connect(Plan("host2", "host2", setup=SetUp(".few")))
    says_all(caught.value, "host2")
    assert list(session.hosts.connected) == ["host1"]


def test_a_host_without_a_python_that_will_do_is_said_and_the_others_carry_on(session, bed):
    session.connect(Plan("host1", "host1", nodes=1))
    run = session.pool(("host1",)).start(lambda v: (time.sleep(0.02), v)[1], range(100))
    bed.on("host2", f"{FEW}rm -f /tmp/few/python3")
    try:
        refused(session, "none at all")
        bed.on("host2", ANCIENT)
        refused(session, r"3\.8")
    finally:
        bed.on("host2", "rm -r ~/.few /tmp/few")
    assert run.wait(60) and run.result() == list(range(100))


def test_a_host_of_another_minor_version_is_given_what_it_can_load(session):
    with Remote("host2") as remote:
        there = remote.probe().pythons
    others = [minor for minor in there if minor != "{}.{}".format(*sys.version_info)]
    if not others:
        pytest.skip("the host has no Python of another minor version than this one's")
    host = session.connect(Plan("host2", "host2", nodes=1, python=others[0]))
    (line,) = (line for line in host.check(with_link=False) if line.what == "Python")
    assert not line.is_well and "only functions of modules go there" in line.remark
    pool = session.pool(("host2",))
    assert pool.map(abs, [-1, -2]) == [1, 2]
    with pytest.raises(CannotSend, match=r"lambda.*cannot load .host host2.*--python"):
        pool.map(lambda v: v, [1])
    assert pool.map(abs, [-3]) == [3]


SLEEPER = """
import time
from pathos_nb.joined.host import Plan
from pathos_nb.launchers.agent_messages import BEAT_S
from pathos_nb.session import Session
session = Session()
host = session.connect(Plan("host1", "host1", nodes=1))
run = session.pool(("host1",)).start(lambda v: (time.sleep(0.02), v)[1], range(150))
while run.n_done < 10:
    time.sleep(0.01)
print("at work", flush=True)
assert run.wait(90) and run.result() == list(range(150))
assert sorted(i for chunk in run.chunks for i in chunk.indices) == list(range(150))
print(host.state, flush=True)
session.close()
"""


def test_a_kernel_that_slept_goes_on_where_it_was(home, bed):
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", SLEEPER], stdout=subprocess.PIPE, text=True, env=environ) as driver:
        try:
            assert driver.stdout.readline() == "at work\n"
            driver.send_signal(signal.SIGSTOP)
            wake = threading.Timer(3.2 * BEAT_S, driver.send_signal, [signal.SIGCONT])
            wake.start()
            out, _ = driver.communicate(timeout=100)
            wake.join()
        finally:
            driver.kill()
    assert (driver.returncode, out) == (0, "connected\n")
