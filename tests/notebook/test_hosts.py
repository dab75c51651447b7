"""The verbs for other machines, in a real kernel, against real hosts of the bed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.notebook.kernel import ROOT, Answer, Kernel
from tests.rig.bed import Bed, bed, raised_bed, wait_until

__all__ = ["bed", "raised_bed"]

pytestmark = [pytest.mark.timeout(180), pytest.mark.leaves("children")]


@pytest.fixture(scope="module")
def home(raised_bed: Bed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home folder whose ``~/.ssh/config`` reaches the bed."""
    folder = tmp_path_factory.mktemp("home")
    (folder / ".ssh").mkdir(mode=0o700)
    (folder / ".ssh" / "config").write_text(Path(raised_bed.config).read_text())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        for name in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "SSH_ASKPASS"):
            patch.delenv(name, raising=False)
        yield folder


@pytest.fixture(scope="module")
def shared(home: Path) -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.close()


@pytest.fixture
def kernel(shared: Kernel, bed: Bed) -> Kernel:
    """A kernel as new: no host is connected."""
    assert shared.run("%reload_ext pathos_nb").status == "ok"
    return shared


def fine(answer: Answer) -> str:
    assert answer.status == "ok", answer.traceback or answer.text
    shown = "".join(state.get("text/plain", "") for states in answer.displays.values() for state in states[-1:])
    return answer.result or shown


def test_a_host_gives_its_first_result_in_two_lines(kernel):
    said = fine(kernel.run("%pathos connect host1"))
    assert re.search(r"host1 is connected as root@host1, in .*: \d+ workers?; %pathos use host1", said)
    assert "✓  Python" in said and "✓  clock" in said
    fine(kernel.run("%%ppipe -p host1 -o there\nimport socket\nsocket.gethostname()"))
    assert kernel.value("there") == "host1"


def test_the_verdict_of_connect_is_seen_once_wherever_it_stands(kernel):
    for code in ("%pathos connect host1 -n 1\nx = 1", "%pathos connect host1 -n 1"):
        answer = kernel.run(code)
        assert fine(answer).count("host1 is connected as root@host1") == 1 and not answer.result
        assert "✓  Python" in fine(answer)


def test_a_fault_in_the_registry_is_listed(kernel, home):
    file = home / ".config" / "pathos_nb" / "hosts.ini"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("[node7]\nport = many\n")
    try:
        assert re.search(r"node7 +registry to be mended", fine(kernel.run("%pathos hosts")))
        file.write_text("nothing\n")
        assert "the host registry cannot be read" in fine(kernel.run("%pathos hosts"))
    finally:
        file.unlink()


def test_cells_run_on_hosts_and_here_together(kernel):
    kernel.run("import socket")
    fine(kernel.run("%pathos connect host1 -n 1"))
    fine(kernel.run("%pathos connect host2 --name two -n 1"))
    assert "cells run on processes, host1, two now" in fine(kernel.run("%pathos use processes host1 two -n 1"))
    fine(kernel.run("%%pmap -q -o places for v in range(60)\nimport time\ntime.sleep(0.02)\nsocket.gethostname()"))
    assert kernel.value("set(places) == {'host1', 'host2', socket.gethostname()}") is True
    assert kernel.value("len(set(places.to_dict()['worker']))") == 3


def test_a_known_host_connects_by_itself_and_what_is_none_says_so(kernel):
    fine(kernel.run("%%pmap -q -p host2 -n 1 -o found for v in [1, 2]\nv * 10"))
    assert kernel.value("list(found)") == [10, 20]
    assert "host2  connected" in fine(kernel.run("%pathos hosts"))
    answer = kernel.run("%%pmap -p hots2 for v in [1]\nv")
    assert "UsageError: no place is called 'hots2'; did you mean host2?" in answer.text


def test_hosts_are_listed_and_let_go(kernel):
    assert "not connected" in fine(kernel.run("%pathos hosts"))
    fine(kernel.run("%pathos connect host1 -n 1"))
    fine(kernel.run("%pathos use host1"))
    assert (
        "cells run on host1" in fine(kernel.run("%pathos status"))
        and "hosts: host1 (connected)" in kernel.run("%pathos status").result
    )
    said = kernel.run("%pathos hosts")
    assert re.search(r"host1 +connected +root@host1 +1 +host1 +3\.\d+\.\d+ +[\d.]+ ms", said.result)
    assert "<table" in said.html and "<script" not in said.html
    assert "disconnected host1; cells run on processes now" in fine(kernel.run("%pathos disconnect"))
    assert "no host is connected" in fine(kernel.run("%pathos disconnect"))
    assert (
        kernel.value("get_ipython().run_line_magic('pathos', 'pools').__repr__()")
        == "no open pool; the first cell opens one"
    )


def test_workers_are_counted_as_they_are_and_pools_that_nobody_uses_end(kernel, bed):
    fine(kernel.run("%pathos connect host1 -n 1"))
    assert re.search(r"host1 +connected +root@host1 +1 +host1 +3", fine(kernel.run("%pathos hosts")))
    fine(kernel.run("%pathos use host1 serial"))  # the pool of connect has nothing to do any more
    assert re.search(r"host1 +connected +root@host1 +1 +host1,serial +3", fine(kernel.run("%pathos hosts")))
    fine(kernel.run("%pathos pool mine host1 -n 1"))  # one with a name is the user's
    fine(kernel.run("from pathos_nb import Pool\npool = Pool('host1', nodes=2)"))
    table = fine(kernel.run("%pathos hosts"))
    assert re.search(r"root@host1 +4 +host1,serial \(1\) · mine \(1\) · Pool\(…\) \(2\)", table), table
    fine(kernel.run("pool.close()"))
    fine(kernel.run("%%ppipe -q -p host1 -o there\n1"))  # an extra one, for this cell
    fine(kernel.run("%pathos use processes -n 1\n"))
    fine(kernel.run("%pathos use host1 processes -n 1"))
    table = fine(kernel.run("%pathos hosts"))
    assert re.search(r"root@host1 +2 +mine \(1\) · host1,processes:1 \(1\)", table), table
    agents = [
        line for line in bed.on("host1", "ps", "-eo", "args").splitlines() if "sys.version_info < (3, 10)" in line
    ]
    assert len(agents) == 2, agents


def test_the_workers_of_a_host_are_gone_when_it_is_let_go(kernel, bed):
    fine(kernel.run("%pathos connect host1 -n 2"))
    assert "pathos_nb" in bed.on("host1", "ps ax -o args")
    fine(kernel.run("%pathos disconnect host1"))
    assert wait_until(lambda: "pathos_nb" not in bed.on("host1", "ps ax -o args"))


def test_a_host_behind_another_is_reached_through_it(kernel):
    assert "inner is connected" in fine(kernel.run("%pathos connect inner -n 1"))
    fine(kernel.run("%%ppipe -p inner -o there\nimport socket\nsocket.gethostname()"))
    assert kernel.value("there") == "inner"


def test_check_gives_a_verdict(kernel):
    fine(kernel.run("%pathos connect host1 -n 1"))
    said = fine(kernel.run("%pathos check"))
    assert "host1 (root@host1):" in said and re.search(r"link +[\d.]+ [kMG]B/s", said)


def test_exec_runs_words_and_shows_what_came(kernel):
    fine(kernel.run("%pathos connect host1 -n 1"))
    assert fine(kernel.run("%pathos exec host1 -- printf %s:%s '$HOME' \"a b\"")) == "$HOME:a b"
    said = kernel.run("%pathos exec host1 -- sh -c 'echo \"<b>out</b>\"; echo err >&2; exit 7'")
    assert said.result == "<b>out</b>\nerr\nexit status 7 on host1" and "<b>out" not in said.html
    assert "did not end within 0.5 s" in kernel.run("%pathos exec --timeout 0.5 host1 -- sleep 9").traceback


FAULTS = {
    "%pathos connect host1 --port 1": ("HostUnreachable", "host1"),
    "%pathos connect nobody@host1": ("LoginRefused", "nobody@host1 was not let in"),
    "%pathos connect host1 --python 3.1": ("HostError", "there is no Python 3.1 on the PATH of host1"),
    "%pathos connect no.such.host.invalid": ("HostUnreachable", "no.such.host.invalid"),
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_host_that_cannot_be_had_is_one_message_with_the_next_step(kernel, line):
    answer = kernel.run(line, timeout=60)
    ename, said = FAULTS[line]
    assert (answer.status, answer.ename) == ("error", ename), answer.traceback
    assert said in answer.traceback and "Traceback" not in answer.traceback and "site-packages" not in answer.traceback
    assert "no host is connected" in kernel.run("%pathos disconnect").result, "nothing stays open"


def test_the_bare_name_connects_a_lost_host_again_in_the_way_it_was_reached(kernel, bed):
    fine(kernel.run("%pathos connect host2 --name far -n 1 --through host1"))
    bed("kill", "host1")
    bed("start", "host1")
    assert "far is connected as root@host2, in" in fine(kernel.run("%pathos connect far", timeout=60))
    fine(kernel.run("%%ppipe -p far -o there\nimport socket\nsocket.gethostname()", timeout=60))
    assert kernel.value("there") == "host2"
    other = kernel.run("%pathos connect far -n 2")
    assert "the name 'far' is taken" in other.text, "what is said besides is another connection"


MISUSE = {
    "%pathos connect": "%pathos connect wants HOST",
    "%pathos connect -oProxyCommand=id": "has no option",
    "%pathos connect 'a;rm -rf'": "is not a name of a host",
    "%pathos connect host1 --port x": "--port wants a port from 1 to 65535",
    "%pathos connect host1 --transport telnet": "--transport wants paramiko or openssh",
    "%pathos connect host1 --name threads": "the name 'threads' is taken",
    "%pathos exec host1": "wants -- COMMAND",
    "%pathos exec host1 -- ls 'x": "a quotation mark is not closed",
    "%pathos check host1": "no host called 'host1' is connected",
    "%pathos tunnel host1 x": "wants a port from 1 to 65535",
    "%pathos kill nope": "no tunnel or server is called 'nope'; there are: none",
    "%pathos disconnect nope": "no host called 'nope' is connected",
}


@pytest.mark.parametrize("line", MISUSE)
def test_misuse_is_one_line(kernel, line):
    answer = kernel.run(line)
    assert answer.text.startswith("UsageError: ") and MISUSE[line] in answer.text, answer.traceback
    assert answer.text.count("\n") == 1


@pytest.mark.parametrize("transport", ["paramiko", "openssh"])
def test_a_password_is_asked_through_the_notebook_and_kept_nowhere(kernel, bed, home, transport):
    name = f"pw-{transport}"
    answer = kernel.begin(f"%pathos connect pwuser@host1 --name {name} -n 1 --transport {transport}")
    question = kernel.client.get_stdin_msg(timeout=60)
    prompt = question["content"]["prompt"]
    assert question["content"]["password"] is True and "pwuser@" in prompt and "host1" in prompt
    kernel.client.input(bed.password)
    assert f"{name} is connected as pwuser@host1" in fine(kernel.end(answer, 60))
    told = "\n".join(str(message) for message in answer.messages)
    assert bed.password not in told
    assert not any(bed.password in p.read_text(errors="replace") for p in home.rglob("*") if p.is_file())


def test_where_nobody_can_be_asked_the_message_says_so(kernel, home):
    mute = Kernel(allow_stdin=False)
    try:
        mute.run("%load_ext pathos_nb")
        answer = mute.run("%pathos connect pwuser@host1")
        assert answer.ename == "LoginRefused" and "where a password can be asked" in answer.traceback
    finally:
        mute.close()


def test_files_are_copied_there_and_back(kernel, home):
    fine(kernel.run("%pathos connect host1 -n 1"))
    folder = home / "data"
    folder.mkdir()
    for name in ("a.npy", "b.npy", "c d.txt"):
        (folder / name).write_bytes(name.encode() * 1000)
    said = fine(kernel.run(f"%pathos copy {folder}/*.npy '{folder}/c d.txt' host1:there/"))
    assert re.match(r"copied 3 files, 17 kB, to host1:there/ in ", said)
    assert fine(kernel.run("%pathos exec host1 -- ls there")) == "a.npy\nb.npy\nc d.txt"
    assert "copied 3 files" in fine(kernel.run(f"%pathos copy host1:there {home}/back"))
    assert (home / "back" / "c d.txt").read_bytes() == b"c d.txt" * 1000
    answer = kernel.run(f"%pathos copy host1:nothing.txt {home}")
    assert answer.ename == "CopyFailed" and "nothing.txt" in answer.traceback
    assert "no host called 'hots1' is connected" in kernel.run(f"%pathos copy {folder} hots1:x").text


def test_a_long_copy_shows_how_far_it_is(kernel, home, bed):
    bed.needs("slow")
    fine(kernel.run("%pathos connect host2 -n 1"))
    (home / "large.bin").write_bytes(os.urandom(4_000_000))
    bed("slow", "host2", "--rate", "20mbit")
    answer = kernel.run(f"%pathos copy {home}/large.bin host2:large.bin", timeout=60)
    assert "copied 1 file, 4 MB, to host2:large.bin" in fine(answer)
    (states,) = answer.displays.values()
    assert len(states) > 3 and re.search(r"█+░* [\d.]+ [kM]B of 4 MB", states[-1]["text/plain"])


def test_hosts_are_remembered_and_forgotten(kernel, home):
    fine(kernel.run("%pathos connect root@host1 --name fits -n 1"))
    assert "fits is in" in fine(kernel.run("%pathos hosts --save fits"))
    fine(kernel.run("%pathos disconnect fits"))
    assert re.search(r"fits +not connected", fine(kernel.run("%pathos hosts")))
    fine(kernel.run("%%ppipe -q -p fits -o there\nimport socket\nsocket.gethostname()"))
    assert kernel.value("there") == "host1"
    assert "fits is taken out of" in fine(kernel.run("%pathos hosts --forget fits"))
    assert "fits is not in" in fine(kernel.run("%pathos hosts --forget fits"))


def test_tab_completes_hosts(kernel):
    def complete(code: str) -> list[str]:
        return kernel.client.complete(code, reply=True, timeout=20)["content"]["matches"]

    assert complete("%pathos connect ho") == ["host1", "host2", "host3"]
    assert complete("%pathos connect host1 --through in") == ["inner"]
    assert complete("%pathos connect host1 --transport o") == ["openssh"]
    assert complete("%pathos check ") == []
    kernel.run("%pathos connect host2 -n 1")
    assert complete("%pathos exec h") == ["host2"]
    assert complete("%%pmap -p host2") == ["host2"]
    assert os.environ["HOME"], "the home of the test, whose configuration it is"


SERVED = """
import sys
from pathos_nb.session import current_session
from pathos_nb.joined.host import Plan
from pathos_nb.secure.shell import SetUp
host = current_session().connect(Plan("host1", "host1", nodes=1, python=sys.executable, setup=SetUp("", ("export PYTHONPATH={0}",))))
"""


def test_tunnels_and_servers_are_opened_listed_and_ended(kernel):
    assert "no tunnel and no server" in fine(kernel.run("%pathos tunnels"))
    fine(kernel.run(SERVED.format(ROOT)))
    said = fine(kernel.run("%pathos serve host1 -n 2"))
    address = re.search(
        r"a server with 2 workers runs on host1: ParallelPool\(0, servers=\(\"(localhost:\d+)\",\)\)", said
    )
    assert address, said
    kernel.run("import socket\nfrom pathos_nb.pools import ParallelPool")
    served = kernel.run(f"ParallelPool(0, servers=('{address[1]}',)).map(lambda v: (v, socket.gethostname()), [1, 2])")
    assert fine(served) == "[(1, 'host1'), (2, 'host1')]"
    assert re.search(r"localhost:\d+ leads to port 22 on host1", fine(kernel.run("%pathos tunnel host1 22")))
    listed = fine(kernel.run("%pathos tunnels"))
    assert re.search(r"server-1 +localhost:\d+ +host1:\d+ \(2 workers\) +connected", listed)
    assert re.search(r"tunnel-1 +localhost:\d+ +host1:22 +connected", listed)
    matches = kernel.client.complete("%pathos kill ", reply=True, timeout=20)["content"]["matches"]
    assert matches == ["server-1", "tunnel-1"]
    assert "which one? there are server-1, tunnel-1" in fine(kernel.run("%pathos kill"))
    assert "ended server-1, tunnel-1" in fine(kernel.run("%pathos kill all"))
    kernel.run("from pathos_nb.parallel import ParallelPool\nParallelPool().clear()")


def test_a_connect_that_hangs_is_interrupted(kernel, bed):
    bed.needs("cut")
    bed("cut", "host2")
    answer = kernel.begin("%pathos connect host2")
    kernel.listen(lambda: any(m["msg_type"] == "execute_input" for m in answer.messages), 20)
    time.sleep(0.5)  # it is waiting for the host by then; if not, it is interrupted all the same
    kernel.interrupt()
    kernel.end(answer, 30)
    assert answer.ename == "KeyboardInterrupt"
    assert "pathos_nb" not in answer.traceback
    assert "no host is connected" in fine(kernel.run("%pathos disconnect"))


STATE = """
import threading
from pathos_nb.launchers.registry import registry
def state():
    return sorted(t.name for t in threading.enumerate()), registry.resolver, list(registry.worker_hooks)
before = state()
"""


WAITS = """
import os, time
def wait(i):
    time.sleep(0.05)
    while i > 20 and not os.path.exists("/tmp/is-back"):
        time.sleep(0.05)
    return i
got = %pmap -p host2 wait(i) for i in range(60)
"""


def test_a_cell_whose_only_host_is_away_says_what_it_waits_for(kernel, bed):
    fine(kernel.run("%pathos connect host2 -n 1", timeout=60))
    answer = kernel.begin(WAITS)
    kernel.listen(lambda: any(shown.get("text/plain", "") for shown in pictures(answer)), 60)
    bed("kill", "host2")
    kernel.listen(lambda: "waiting for host2: its link was lost at" in answer.picture["text/plain"], 60)
    assert "is tried again until" in answer.picture["text/html"]
    bed("start", "host2")
    bed.on("host2", "touch /tmp/is-back")
    fine(kernel.end(answer, 90))
    assert "waiting" not in answer.picture["text/plain"]
    assert kernel.value("list(got)") == list(range(60))


def pictures(answer: Answer) -> list[dict[str, str]]:
    return [shown for states in answer.displays.values() for shown in states]


def test_unloading_ends_connections_and_leaves_no_thread(home, bed):
    kernel = Kernel()
    try:
        fine(kernel.run(STATE))
        kernel.run("%load_ext pathos_nb")
        fine(kernel.run("%pathos connect host1 -n 1"))
        fine(kernel.run("%pathos tunnel host1 22"))
        fine(kernel.run("%%pmap -q -p host1 for v in [1, 2]\nv;"))
        fine(kernel.run("%unload_ext pathos_nb"))
        kernel.run(
            "import time\nend = time.monotonic() + 25\nwhile state() != before and time.monotonic() < end: time.sleep(0.05)"
        )
        assert kernel.value("(before, state()) if state() != before else ()") == ()
    finally:
        kernel.close()


def test_a_kernel_that_is_killed_leaves_nothing_on_a_host(home, bed):
    kernel = Kernel()
    try:
        kernel.run("%load_ext pathos_nb")
        fine(kernel.run("%pathos connect host3 -n 1"))
        kernel.begin("%%pmap -p host3 for v in range(100)\nimport time\ntime.sleep(1)")
        assert wait_until(lambda: "pathos_nb" in bed.on("host3", "ps ax -o args"))
    finally:
        kernel.close()
    assert wait_until(lambda: "pathos_nb" not in bed.on("host3", "ps ax -o args"))


def test_a_host_key_that_is_not_known_is_shown_and_taken_only_when_asked(kernel, bed, home, tmp_path):
    config = (home / ".ssh" / "config").read_text()
    (tmp_path / "config").write_text(re.sub(r"(?im)^(\s*UserKnownHostsFile).*$", rf"\1 {tmp_path}/known", config))
    kernel.run(f"%config PathosMagics.ssh_config = '{tmp_path}/config'")
    try:
        answer = kernel.run("%pathos connect host1 -n 1")
        assert answer.ename == "HostKeyRefused" and "SHA256:" in answer.traceback and "--accept-new" in answer.traceback
        assert "host1 is connected" in fine(kernel.run("%pathos connect host1 -n 1 --accept-new"))
        kernel.run("%pathos disconnect host1")
        assert "host1 is connected" in fine(kernel.run("%pathos connect host1 -n 1")), "it is known now"
    finally:
        kernel.run("%config PathosMagics.ssh_config = ''")


def test_the_systems_own_ssh_carries_all_of_it_too(kernel, home):
    config = home / ".ssh" / "config"
    # ssh itself looks for its configuration in the home folder that the system knows, not in $HOME.
    kernel.run(f"%config PathosMagics.ssh_config = '{config}'")
    try:
        assert "host2 is connected" in fine(kernel.run("%pathos connect host2 --transport openssh -n 1", timeout=60))
        fine(kernel.run("%%ppipe -q -p host2 -o there\nimport socket\nsocket.gethostname()"))
        assert kernel.value("there") == "host2"
        assert fine(kernel.run("%pathos exec host2 -- echo well")) == "well"
        assert "leads to port 22 on host2" in fine(kernel.run("%pathos tunnel host2 22"))
        assert re.search(r"host2 +connected", fine(kernel.run("%pathos hosts")))
    finally:
        kernel.run("%config PathosMagics.ssh_config = ''")


def test_a_package_that_a_host_lacks_is_said_with_its_remedy(kernel):
    fine(kernel.run("%pathos connect host1 -n 1"))
    answer = kernel.run("%pmap -p host1 __import__('no_such_package') for i in range(2)")
    assert answer.ename == "ModuleNotFoundError"
    assert re.search(
        r"host1 has no module 'no_such_package'.*/python\S* -m pip install no_such_package", answer.traceback
    )
    assert "pathos_nb/" not in answer.traceback.replace("-m pathos_nb", "")
    assert "-m pip install no_such_package" in fine(kernel.run("%pathos errors"))


def test_what_a_host_displays_comes_back_with_its_point(kernel):
    fine(kernel.run("%pathos connect host1 -n 1"))
    body = "data = {'image/png': 'iVBORw0KGgo=', 'text/plain': 'a dot'}\ndisplay(data, raw=True)\ndisplay([v])\nv"
    answer = kernel.run(f"%%pmap -p host1 for v in [1, 2]\n{body}")
    fine(answer)
    assert answer.picture["text/html"].count('src="data:image/png;base64,iVBORw0KGgo="') == 2
    assert "a dot" in answer.picture["text/plain"] and "[2]" in answer.picture["text/plain"]
