"""What the system's ssh asks is asked by us, and once: the first ssh that is let in carries all that come after it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest

from pathos_nb.errors import CommandFailed, HostKeyRefused, HostUnreachable, LoginRefused
from pathos_nb.secure.remote import Remote
from pathos_nb.secure.transfer import copy
from pathos_nb.secure.tunnel import Tunnel
from tests.remote.test_connecting import answers, user_of
from tests.rig.bed import wait_until


@pytest.fixture(autouse=True)
def folders(tmp_path_factory, monkeypatch):
    """Give the folder in which ours are made, which is empty again at the end."""
    with tempfile.TemporaryDirectory(prefix="ask-") as folder:  # short: there are sockets in it
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)
        assert wait_until(lambda: not list(Path(folder).iterdir())), list(Path(folder).rglob("*"))


@pytest.fixture
def openssh(connect):
    return lambda name, **options: connect(name, transport="openssh", **options)


@pytest.fixture
def locked(bed, home):
    """Give a configuration whose only key has a passphrase, and that."""
    config = home / "config"
    config.write_text(Path(bed.config).read_text().replace(bed.facts["key"], bed.facts["encrypted_key"]))
    return str(config), Path(bed.facts["passphrase_file"]).read_text()


def told_to_programs() -> str:
    """Give all that processes of this machine were started with."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        for file in ("cmdline", "environ"):
            try:
                found.append((process / file).read_text(errors="replace"))
            except OSError:
                continue
    return "".join(found)


def test_a_passphrase_is_asked_once_and_is_in_no_argument_environment_or_file(openssh, bed, locked, folders):
    config, phrase, seen, files = *locked, [], []
    ask, asked = answers("a-wrong-phrase", phrase)

    def watching(prompt, is_secret):
        answer = ask(prompt, is_secret)
        seen.append(told_to_programs())
        files.extend(p.read_text() for p in folders.rglob("*") if p.is_file())
        assert all(p.stat().st_mode & 0o077 == 0 for p in folders.rglob("*"))
        return answer

    with openssh("host1", config=config, ask=watching) as host:
        assert [user_of(host) for _ in range(3)] == ["root"] * 3
        seen.append(told_to_programs())
        assert not any(p.is_file() and phrase in p.read_text() for p in folders.rglob("*"))
    question = f"host1: Enter passphrase for key '{bed.facts['encrypted_key']}': "
    assert asked == [(question, True), (f"That was not accepted. {question}", True)]
    for secret in ("a-wrong-phrase", phrase):
        assert not any(secret in text for text in [*seen, *files])


def test_a_password_is_asked_and_what_comes_after_needs_none(openssh, bed, tmp_path):
    bed.needs("password")
    ask, asked = answers("wrong", bed.password)
    with openssh("pwuser@host1", ask=ask) as host:
        assert user_of(host) == "pwuser"
        (tmp_path / "file").write_text("what is copied")
        copy(str(tmp_path / "file"), "host1:there", lambda _: host)
        assert host.run(["cat", "there"]).stdout == b"what is copied"
        assert host.run(["sh", "-c", "exit 3"]).status == 3
        assert host.round_trip() > 0
    assert len(asked) == 2
    assert all("password" in prompt and is_secret for prompt, is_secret in asked)


def test_a_wrong_password_is_refused(openssh, bed):
    bed.needs("password")
    ask, asked = answers("no", "no", "no")
    with pytest.raises(
        LoginRefused, match="pwuser@host1 was not let in.*tried: answers to pwuser@.*password"
    ) as caught:
        openssh("pwuser@host1", ask=ask)
    assert len(asked) == 3 and "no, no" not in str(caught.value)


def test_who_does_not_answer_is_not_asked_again(openssh, bed):
    bed.needs("password")
    ask, asked = answers()
    with pytest.raises(LoginRefused, match=r"pwuser@host1 was not let in.*password.*had no answer.*a notebook"):
        openssh("pwuser@host1", ask=ask)
    assert len(asked) == 1


def test_an_interrupted_question_leaves_nothing(openssh, bed):
    bed.needs("password")
    before = threading.active_count()

    def interrupted(prompt, is_secret):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        openssh("pwuser@host1", ask=interrupted)
    assert wait_until(lambda: threading.active_count() <= before)


def test_a_key_is_enough_even_where_somebody_could_be_asked(openssh):
    ask, asked = answers("unused")
    with openssh("host1", ask=ask) as host:
        assert user_of(host) == "root"
    assert not asked


def test_the_jump_hosts_password_is_asked_too(openssh, bed):
    bed.needs("password")
    ask, asked = answers(bed.password)
    with openssh("inner", through="pwuser@host1", ask=ask) as host:
        assert host.run(["hostname"]).stdout == b"inner\n"
    assert len(asked) == 1 and "pwuser@" in asked[0][0]


# --------------------------------------------------------------------------------------------------------- unknown keys


def strangers(bed, home) -> tuple[str, Path]:
    """Give a configuration whose known_hosts has nothing in it, and that file."""
    known, config = home / "known_hosts", home / "config"
    config.write_text(Path(bed.config).read_text().replace(bed.facts["known_hosts"], str(known)))
    return str(config), known


def fingerprint(bed, name: str) -> str:
    command, key = ["ssh-keygen", "-lf", "-"], bed.hosts[name]["host_key"]
    return subprocess.run(command, input=key, capture_output=True, text=True, check=True, timeout=30).stdout.split()[1]


def test_an_unknown_key_is_shown_and_refused(bed, home):
    config, known = strangers(bed, home)
    ask, asked = answers("yes")
    with pytest.raises(HostKeyRefused, match="is not known.*--fingerprint.*--accept-new") as caught:
        Remote("host2", config=config, transport="openssh", ask=ask)
    assert (caught.value.fingerprint, caught.value.is_new) == (fingerprint(bed, "host2"), True)
    assert not asked and not known.exists()


def test_it_is_taken_by_its_fingerprint_and_by_no_other(bed, home):
    config, known = strangers(bed, home)
    with pytest.raises(HostKeyRefused, match="is not known"):
        Remote("host2", config=config, transport="openssh", fingerprints=("SHA256:" + "A" * 43,))
    assert not known.exists()
    with Remote("host2", config=config, transport="openssh", fingerprints=(fingerprint(bed, "host2"),)) as host:
        assert host.run(["hostname"]).stdout == b"host2\n"
    with Remote("host2", config=config, transport="openssh") as host:
        assert host.run(["hostname"]).stdout == b"host2\n"


def test_a_revoked_key_is_not_taken_at_all(bed, home):
    config, known = strangers(bed, home)
    known.write_text(f"@revoked * {bed.hosts['host2']['host_key']}\n")
    with pytest.raises(HostKeyRefused) as caught:
        Remote("host2", config=config, transport="openssh", fingerprints=(fingerprint(bed, "host2"),))
    assert not caught.value.where.get("is_new")


# ------------------------------------------------------------------------------------------------------ what goes over it

SERVICE = """
import socket
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    stream = listener.accept()[0]
    while got := stream.recv(65536):
        stream.sendall(got)
"""


def master_of(host: Remote) -> int:
    """Give the process id of the ssh that others go over."""
    return host._master._carrier._far._process.pid  # type: ignore[union-attr]


def echoed(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as stream:
        stream.sendall(b"hello")
        return stream.recv(5)


def test_a_tunnel_goes_over_it_and_is_mended_with_one_more_answer(openssh, bed, locked):
    config, phrase = locked
    ask, asked = answers(phrase, phrase)
    with openssh("host1", config=config, ask=ask) as host:
        service = host.open([bed.hosts["host1"]["python"], "-c", SERVICE])
        port = int(service.sock.makefile().readline())
        with Tunnel() as tunnel:
            assert echoed(tunnel.connect("host1", port, remote=host)) == b"hello"
            assert wait_until(lambda: (tunnel.sent_bytes, tunnel.received_bytes) == (5, 5))
            assert len(asked) == 1
            other = host.open([bed.hosts["host1"]["python"], "-c", SERVICE])
            tunnel.lead_to(int(other.sock.makefile().readline()))
            assert echoed(tunnel.port) == b"hello"
            os.kill(master_of(host), signal.SIGKILL)
            assert wait_until(lambda: tunnel.n_reconnects == 1, 60)
            service = host.open([bed.hosts["host1"]["python"], "-c", SERVICE])
            tunnel.lead_to(int(service.sock.makefile().readline()))
            assert echoed(tunnel.port) == b"hello"
        assert len(asked) == 2


def test_a_link_that_is_lost_is_said_and_opened_again_with_an_answer(openssh, locked):
    config, phrase = locked
    ask, asked = answers(phrase, phrase)
    with openssh("host1", config=config, ask=ask) as host:
        os.kill(master_of(host), signal.SIGKILL)
        assert wait_until(lambda: not host.is_alive())
        with pytest.raises(HostUnreachable, match="the link to host1 was lost"):
            host.run(["true"])
        host.mend()
        host.mend()  # it stands
        assert user_of(host) == "root"
    assert len(asked) == 2


def test_a_link_that_is_cut_is_found_by_asking_and_left_at_once(openssh, bed, locked):
    bed.needs("cut")
    config, phrase = locked
    ask, asked = answers(phrase, phrase)
    with openssh("host2", config=config, ask=ask) as host:
        bed("cut", "host2")
        with pytest.raises(HostUnreachable, match="the link to host2 was lost.*no answer within 1 s"):
            host.round_trip(1.0)
        assert not host.is_alive()
        bed("heal", "host2")
        host.mend()
        assert user_of(host) == "root"
    assert len(asked) == 2


def test_a_host_that_opens_no_further_session_is_said_to_be_full(openssh, bed, locked):
    config, phrase = locked
    ask, asked = answers(phrase)
    with bed.obeying("host3", "MaxSessions 2"), openssh("host3", config=config, ask=ask) as host:
        other = host.open(["cat"])
        with pytest.raises(CommandFailed, match="host3.*MaxSessions"):
            host.open(["cat"])
        other.close()
        assert user_of(host) == "root"
    assert len(asked) == 1
