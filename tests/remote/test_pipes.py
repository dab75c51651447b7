"""pathos' pipes and copiers: here, and on hosts."""

from __future__ import annotations

import io
import sys
import uuid
from pathlib import Path

import pytest

from pathos_nb import connection, core, hosts, secure
from pathos_nb.connection import words_of
from pathos_nb.errors import BadOption, CommandFailed, CopyFailed, HostUnreachable, TunnelFailed
from tests.rig.bed import wait_until


@pytest.fixture(params=["here", "host2"])
def pipe(request, home):
    """Make pipes of this machine, and of a host; they are killed at the end."""
    made = []
    bed = request.getfixturevalue("bed") if request.param != "here" else None

    def make(**options):
        if bed is None:
            made.append(connection.Pipe(**options))
        else:
            made.append(secure.Pipe(host="host2", remote={"config": bed.config}, **options))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def test_a_command_answers(pipe):
    one = pipe(command="printf '%s' \"a b\" c")
    one.launch()
    assert (one.response(), one.status, one.stderr) == ("a bc", 0, "")
    assert one.response() == "a bc"


def test_what_is_not_ascii_comes_through(pipe):
    one = pipe(command=["printf", "ünï\\377"])
    one.launch()
    assert one.response() == "ünï\ufffd"
    one(decode=False)
    one.launch()
    assert one.response() == "ünï".encode() + b"\xff"


def test_stderr_and_status_are_told_apart(pipe):
    one = pipe(command=["sh", "-c", "echo out; echo err >&2; exit 3"])
    one.launch()
    assert (one.response(), one.stderr.strip(), one.status) == ("out\n", "err", 3)


@pytest.mark.parametrize("stdin", ["fed", b"fed", io.StringIO("fed"), io.BytesIO(b"fed")])
def test_stdin_is_fed(pipe, stdin):
    if hasattr(stdin, "seek"):
        stdin.seek(0)
    one = pipe(command="cat", stdin=stdin)
    one.launch()
    assert one.response() == "fed"


def test_in_the_background_there_is_a_process_to_end(pipe, monkeypatch):
    monkeypatch.setattr(connection, "PATIENCE_S", 0.1)
    one = pipe(command="sleep 1000", background=True)
    one.launch()
    assert one.pid() > 1
    assert one.response() is None
    assert one.status is None
    one.kill()
    assert one.wait(50)
    assert one.status != 0
    assert one.response() == ""


def test_what_takes_too_long_is_ended(pipe):
    one = pipe(command="sleep 1000", timeout=0.5)
    with pytest.raises(CommandFailed, match="sleep 1000 did not end within 0.5 s"):
        one.launch()
    assert one.wait(50)


def test_it_has_to_be_launched(pipe):
    one = pipe(command="true")
    with pytest.raises(connection.PipeException, match="'launch' is required"):
        one.response()
    one.launch()
    one(command="false")
    with pytest.raises(CommandFailed, match="'launch' is required"):
        one.response()


@pytest.mark.parametrize("pid", ["1; rm", "-1", 0, -5, "", "x"])
def test_what_is_no_process_id_is_refused(pid):
    for call in (core.kill, core.getppid, core.getchild):
        with pytest.raises(BadOption, match="is not the id of a process"):
            call(pid)


@pytest.mark.parametrize("given", [{"transport": "telnet"}, {"remote": {"transport": "telnet"}}])
def test_how_a_host_is_reached_is_said_to_each_verb_in_the_same_way(home, given, tmp_path):
    verbs = (
        lambda: core.execute("hostname", "node7", bg=False, **given),
        lambda: core.copy(str(tmp_path), "node7:there", **given),
        lambda: core.kill(7, "node7", **given),
        lambda: core.getpid("python", "node7", **given),
    )
    for verb in verbs:
        with pytest.raises(BadOption, match="no transport 'telnet'"):
            verb()
    with pytest.raises(BadOption, match="no option through"):
        core.execute("hostname", through="gate")


@pytest.mark.parametrize(
    "options", [{"port": 65536}, {"port": -1}, {"port": 80, "local_port": 99999}, {"port": "8;id"}]
)
def test_a_port_that_is_none_is_refused_before_anybody_is_asked(home, options):
    with pytest.raises(BadOption, match="is not a port"):
        core.connect("no-such.invalid", **options)
    with pytest.raises(BadOption, match="is not a port"):
        core.serve("ppserver", "no-such.invalid", 65536)


def test_the_registrys_python_picks_the_port(bed, home):
    (home / ".ssh").mkdir()
    (home / ".ssh" / "config").write_text(f"Include {bed.config}\n")
    hosts.save(hosts.Host("node", host="host2", python="/no/such/python"))
    with pytest.raises(TunnelFailed, match=r"no free port could be picked on root@host2.*no /no/such/python there"):
        core.randomport("node")
    hosts.save(hosts.Host("node", host="host2", python=f"3.{sys.version_info.minor}"))
    assert core.randomport("node") > 1024


def test_options_are_told_and_unknown_ones_refused(pipe):
    one = pipe(command="true")
    assert {"message", "background", "stdin", "codec"} <= set(one.config(background=True))
    with pytest.raises(BadOption, match="Pipe has no option colour"):
        one(colour="red")


@pytest.mark.parametrize(
    "command",
    ["a | b", "a; b", "a && b", "echo $HOME", "`id`", 'echo "$x"', "ls *", "cat < f", "ls ~/x", "a\nb", "echo 'x", ""],
)
def test_a_string_that_needs_a_shell_is_refused(command):
    with pytest.raises(BadOption, match=r"only a shell understands|is no command|at least one word"):
        words_of(command)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("echo 'a | b' \"c d\" e\\ f", ["echo", "a | b", "c d", "e f"]),
        ("python -c 'print(1)'", ["python", "-c", "print(1)"]),
        (["echo", "$HOME", 1], ["echo", "$HOME", "1"]),
        ("kill -n TERM 5", ["kill", "-n", "TERM", "5"]),
    ],
)
def test_a_string_is_taken_apart_as_a_shell_would(command, words):
    assert words_of(command) == words


def test_a_program_that_is_not_there_is_said(home):
    with pytest.raises(CommandFailed, match="no-such-program could not be started"):
        core.execute("no-such-program")


def test_a_host_that_is_not_there_is_said(home):
    with pytest.raises(HostUnreachable, match="no-such.invalid"):
        core.execute("true", "no-such.invalid")


@pytest.mark.parametrize("options", ["-o ProxyCommand=id", "-F x", "--bad"])
def test_options_that_would_need_ssh_itself_are_refused(home, options):
    with pytest.raises(BadOption, match="is not known here"):
        core.execute("true", "host", options=options)


# ------------------------------------------------------------------------------------------------------------ copiers


def copier(bed, **options):
    return secure.Copier(remote={"config": bed.config}, **options)


def test_a_copier_copies(bed, tmp_path):
    (tmp_path / "f").write_text("x" * 300_000)
    told = []
    one = copier(bed, source=str(tmp_path / "f"), destination="host2:copied", on_progress=told.append, options="-q -r")
    one.launch()
    assert one.response() == ""
    assert one.copied.n_bytes == one.progress.done_bytes == told[-1].total_bytes == 300_000
    one(source="host2:copied", destination=str(tmp_path / "back"), background=True)
    one.launch()
    assert one.wait(50)
    assert (tmp_path / "back").read_text() == "x" * 300_000


def test_a_copier_that_fails_says_so(bed, tmp_path):
    one = copier(bed, source="host2:/no/such", destination=str(tmp_path))
    with pytest.raises(CopyFailed, match="/no/such on root@host2"):
        one.launch()
    one(background=True)
    one.launch()
    assert one.wait(50)
    with pytest.raises(secure.copier.FileNotFound, match="/no/such"):
        one.response()
    with pytest.raises(KeyError, match="command"):
        one(command="x")


def test_a_copier_is_stopped_and_goes_on(bed, tmp_path):
    (tmp_path / "big").write_bytes(bytes(60_000_000))
    one = copier(bed, source=str(tmp_path / "big"), destination="host2:/tmp/stopped", background=True)
    one.on_progress = lambda progress: progress.done_bytes > 1_000_000 and one._running._is_stopped.set()
    one.launch()
    assert one.wait(50)
    assert (one.status, one.stderr) == (1, "it was stopped")
    one.on_progress = None
    one(background=False)
    one.launch()
    assert one.copied.resumed_bytes > 0


def test_core_copies_here_too(home, tmp_path, monkeypatch):
    (tmp_path / "f").write_text("here")
    monkeypatch.chdir(home)
    assert core.copy(str(tmp_path / "f")).copied.n_files == 1
    assert (home / "f").read_text() == "here"


# --------------------------------------------------------------------------------------------------------------- core


@pytest.fixture(params=[None, "host3"])
def host(request, home):
    """Give this machine, and a host that the home's configuration knows."""
    if request.param:
        bed = request.getfixturevalue("bed")
        (home / ".ssh").mkdir()
        (home / ".ssh" / "config").write_text(f"Include {bed.config}\n")
    return request.param


def test_processes_are_found_and_ended(host):
    n = f"{uuid.uuid4().int % 10**9 + 10**9}"  # no other test's, of this machine or of hosts that it sees into
    one = core.execute(f"sleep {n}", host)
    pid = one.pid()
    try:
        assert wait_until(lambda: core.getpid(f"^sleep {n}$", host) == pid)
        assert f"sleep {n}" in core.getpid(f"sleep {n[:-1]}.+", host, all=True)
        parent = core.getppid(pid, host)
        assert pid in core.getchild(parent, host)
        assert core.getppid(pid, host, group=True) == pid
        assert core.getchild(pid, host, group=True) == [pid]
        assert core.getchild(pid, host) == []
        assert core.kill(pid, host) == ""
        assert one.wait(50)
        with pytest.raises(OSError, match="no process that matches"):
            core.getpid(f"^sleep {n}$", host)
    finally:
        one.kill()


def test_a_process_that_is_not_there_is_said(host):
    for call in (core.kill, core.getppid, core.getchild):
        with pytest.raises(ProcessLookupError, match="no process 4194303"):
            call(4194303, host)


def test_without_a_target_it_is_this_process(home):
    import os

    assert core.getpid() == os.getpid()
    assert core.getppid() == os.getppid()
    assert core.getppid(group=True) == os.getpgrp()
    with pytest.raises(OSError, match="name a target"):
        core.getpid(host="host3")


def test_a_port_is_picked(host):
    assert 1024 <= core.randomport(host) <= 65535


def test_core_connects(bed, home):
    with core.connect("host2", 9, config=bed.config) as tunnel:
        assert tunnel.connected
        assert tunnel.remote_port == 9


def test_the_registry_says_how_to_reach_a_host(bed, home):
    from pathos_nb import hosts

    host = bed.hosts["inner"]
    (home / ".ssh").mkdir()
    (home / ".ssh" / "known_hosts").write_text(Path(bed.facts["known_hosts"]).read_text())
    gate = bed.hosts["host1"]["address"]
    key = bed.facts["key"]
    (home / ".ssh" / "config").write_text(f"Host {gate}\n  IdentityFile {key}\n  User root\n")
    hosts.save(hosts.Host("far", host["address"], "root", 0, key, gate, setup=("export FAR=1",)))
    done = core.execute(["sh", "-c", "hostname; echo $FAR"], "far", bg=False)
    assert done.response() == "inner\n1\n"
