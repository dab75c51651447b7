"""Who is let in, and how: keys, passphrases, passwords, codes, jump hosts, the configuration."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from pathos_nb.errors import BadOption, HostKeyRefused, HostUnreachable, LoginRefused
from pathos_nb.secure.config import hosts_in_config
from pathos_nb.secure.remote import Remote
from tests.remote.fake_server import FakeServer
from tests.rig.bed import says_all, wait_until

both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])


def answers(*given):
    """Give an ``ask`` that has these answers, and the list of what it was asked."""
    left, asked = list(given), []

    def ask(prompt, is_secret):
        asked.append((prompt, is_secret))
        return left.pop(0) if left else None

    return ask, asked


def user_of(host):
    return host.run(["id", "-un"]).stdout.decode().strip()


# ------------------------------------------------------------------------------------------------ keys and passwords


def test_a_key_of_the_configuration_lets_in(connect):
    assert user_of(connect("host1")) == "root"
    assert user_of(connect("tester@host1")) == "tester"
    assert user_of(connect("host1", user="tester")) == "tester"


def test_a_key_with_a_passphrase_is_asked_for_it(connect, bed):
    phrase = Path(bed.facts["passphrase_file"]).read_text()
    ask, asked = answers("wrong", phrase)
    host = connect("host1", key=bed.facts["encrypted_key"], ask=ask)
    assert user_of(host) == "root"
    question = f"Passphrase of {bed.facts['encrypted_key']}: "
    assert asked == [(question, True), (f"That was not accepted. {question}", True)]
    assert phrase not in repr(vars(host))


def test_a_wrong_passphrase_is_said(connect, bed):
    ask, asked = answers("a", "b", "c")
    with pytest.raises(
        LoginRefused, match="root@host1 was not let in.*wrong passphrase.*type the passphrase anew"
    ) as caught:
        connect("host1", key=bed.facts["encrypted_key"], ask=ask)
    assert len(asked) == 3
    says_all(caught.value, "host1")


def test_without_anybody_to_ask_a_passphrase_is_missing(connect, bed):
    with pytest.raises(LoginRefused, match="its passphrase was not given.*add the key to the agent") as caught:
        connect("host1", key=bed.facts["encrypted_key"])
    says_all(caught.value, "host1")


def test_a_password_is_asked_and_kept_nowhere(connect, bed):
    bed.needs("password")
    ask, asked = answers("wrong", bed.password)
    host = connect("pwuser@host1", ask=ask)
    assert user_of(host) == "pwuser"
    question = "Password of pwuser@host1: "
    assert asked == [(question, True), (f"That was not accepted. {question}", True)]
    assert bed.password not in repr(vars(host))


def test_a_wrong_password_is_said(connect, bed):
    bed.needs("password")
    ask, _ = answers("no", "no", "no", "no")
    with pytest.raises(
        LoginRefused, match="pwuser@host1 was not let in.*tried: .*a password.*the host takes password"
    ) as caught:
        connect("pwuser@host1", ask=ask)
    says_all(caught.value, "host1")


def test_without_anybody_to_ask_the_password_is_missing(connect, bed):
    bed.needs("password")
    with pytest.raises(
        LoginRefused, match="the host takes password.*a terminal or a notebook, where a password"
    ) as caught:
        connect("pwuser@host1")
    says_all(caught.value, "host1")


@both
def test_a_wrong_user_is_said(connect, transport):
    with pytest.raises(LoginRefused, match="nobody-here@host1") as caught:
        connect("nobody-here@host1", transport=transport)
    says_all(caught.value, "host1")


def test_a_wrong_key_is_said(connect, tmp_path):
    key = tmp_path / "id_other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    with pytest.raises(LoginRefused, match=f"tried: {re.escape(str(key))}") as caught:
        connect("host1", key=str(key))
    says_all(caught.value, "host1")


@pytest.fixture
def agent(bed, tmp_path, monkeypatch):
    """Run an ssh-agent that has the key of the bed."""
    address = str(tmp_path / "agent")
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", address], stdout=subprocess.DEVNULL)
    try:
        _wait_for(address)
        monkeypatch.setenv("SSH_AUTH_SOCK", address)
        subprocess.run(["ssh-add", "-q", bed.facts["key"]], check=True, timeout=30)
        yield address
    finally:
        agent.terminate()
        agent.wait(10)


def test_keys_of_the_agent_are_used(bed, home, agent):
    config = _write(home / ".ssh" / "config", _host_lines(bed, "host1"))
    with Remote("host1", config=str(config)) as host:
        assert user_of(host) == "root"


def test_an_agent_that_the_configuration_names_is_used(bed, home, agent, monkeypatch):
    monkeypatch.delenv("SSH_AUTH_SOCK")
    monkeypatch.setenv("TOKEN_AGENT", agent)
    for named in (agent, "${TOKEN_AGENT}", "$TOKEN_AGENT"):
        text = _host_lines(bed, "host1", f"IdentityAgent {named}")
        with Remote("host1", config=str(_write(home / ".ssh" / "config", text))) as host:
            assert user_of(host) == "root"
    config = _write(home / ".ssh" / "config", _host_lines(bed, "host1", f"IdentityAgent {agent}-gone"))
    with pytest.raises(LoginRefused, match="root@host1"):
        Remote("host1", config=str(config))


@both
def test_a_key_that_is_named_is_the_only_one_that_is_tried(bed, tmp_path, home, agent, transport):
    config, key = _write(home / ".ssh" / "config", _host_lines(bed, "host1")), tmp_path / "id_other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    with pytest.raises(LoginRefused, match="root@host1|ssh did not connect to host1"):
        Remote("host1", config=str(config), key=str(key), transport=transport)
    with pytest.raises(BadOption, match="no key file"):
        Remote("host1", config=str(config), key=str(tmp_path / "id_none"), transport=transport)


def _wait_for(path):
    assert wait_until(lambda: os.path.exists(path))


def _write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def _host_lines(bed, name, *more):
    address, known = bed.hosts[name]["address"], bed.facts["known_hosts"]
    lines = [f"Host {name}", f"HostName {address}", "User root", f"UserKnownHostsFile {known}", *more]
    return "\n  ".join(lines) + "\n"


# ------------------------------------------------------------------------------------------------- one-time codes


def test_one_time_codes_are_asked(home):
    ask, asked = answers("424242")
    with FakeServer(codes=["424242"]) as server, server.connect(home, ask=ask) as host:
        assert host.is_alive()
    assert asked == [("me@fake: Your second factor: Code: ", True)]


def test_a_wrong_code_is_said(home):
    ask, asked = answers("1", "2", "3", "4")
    with (
        FakeServer(codes=["424242"]) as server,
        pytest.raises(LoginRefused, match="me@fake was not let in.*the host's questions.*a wrong answer") as caught,
    ):
        server.connect(home, ask=ask)
    says_all(caught.value, "fake")
    assert asked


def test_after_wrong_passwords_it_is_said_that_they_are_wrong(home):
    ask, asked = answers("no", "not this", "nor that")
    with (
        FakeServer(password="secret") as server,
        pytest.raises(
            LoginRefused, match=r"tried: a password \(3 times\).*wrong password: .*the user's name"
        ) as caught,
    ):
        server.connect(home, ask=ask)
    assert len(asked) == 3
    assert "--key" not in str(caught.value)


def test_who_does_not_answer_is_not_let_in(home):
    ask, asked = answers()
    with FakeServer(codes=["424242"]) as server, pytest.raises(LoginRefused, match="me@fake was not let in"):
        server.connect(home, ask=ask)
    assert len(asked) == 1


def test_a_host_may_want_password_and_code(home):
    ask, asked = answers("secret", "424242")
    with (
        FakeServer(password="secret", codes=["424242"], wants_both=True) as server,
        server.connect(home, ask=ask) as host,
    ):
        assert host.is_alive()
    assert [prompt for prompt, _ in asked] == ["Password of me@fake: ", "me@fake: Your second factor: Code: "]


# ----------------------------------------------------------------------------------------------------- jump hosts


@both
def test_a_host_behind_a_jump_host_is_reached(connect, transport):
    host = connect("inner", transport=transport)
    assert host.run(["hostname"]).stdout == b"inner\n"


@both
def test_through_may_be_said(connect, transport):
    assert connect("host3", through="host1,host2", transport=transport).run(["hostname"]).stdout == b"host3\n"


def test_a_bastion_that_is_down_is_named(connect, bed):
    bed("kill", "host1")
    with pytest.raises(HostUnreachable, match="host1 .*refuses the connection") as caught:
        connect("inner")
    says_all(caught.value, "host1")
    assert connect("host2").run(["hostname"]).stdout == b"host2\n"


def test_a_host_that_its_jump_host_does_not_reach_is_named(connect, bed):
    bed("kill", "inner")
    with pytest.raises(HostUnreachable, match="inner .*cannot be reached through its jump host root@host1") as caught:
        connect("inner")
    says_all(caught.value, "inner")


def test_the_configuration_is_read_with_its_patterns_and_includes(bed, home):
    inner = f"HostName {bed.hosts['inner']['address']}\n  ProxyJump gate"
    common = f"User root\n  IdentityFile {bed.facts['key']}\n  UserKnownHostsFile {bed.facts['known_hosts']}"
    _write(home / ".ssh" / "more" / "a.conf", f"Host node?\n  {inner}\nHost node5\n  User tester\n")
    gate = f"Host gate\n  HostName {bed.hosts['host1']['address']}\n"
    _write(home / ".ssh" / "config", f"Include more/*.conf\n{gate}Host * !other\n  {common}\n")
    with Remote("node7") as host:
        assert (host.run(["hostname"]).stdout, host.where) == (b"inner\n", "root@node7")
    assert hosts_in_config() == ["node5", "gate"]


def test_jumps_in_a_circle_are_said(home):
    _write(home / ".ssh" / "config", "Host a\n  ProxyJump b\nHost b\n  ProxyJump a\n")
    with pytest.raises(ValueError, match="the jumps to a run in a circle"):
        Remote("a")


def test_whether_somebody_stands_between_is_known(connect):
    assert connect("host1").is_direct
    assert not connect("inner").is_direct


def test_a_proxy_command_is_left_to_ssh(home):
    _write(home / ".ssh" / "config", "Host a\n  ProxyCommand nc %h %p\n")
    with pytest.raises(HostUnreachable, match='ProxyCommand for a.*transport="openssh"') as caught:
        Remote("a")
    says_all(caught.value, "a")


# ------------------------------------------------------------------------------------------------------- host keys


def _unknown(bed, home):
    """Give a configuration whose known_hosts has nothing in it, and that file."""
    known = home / ".ssh" / "known_hosts"
    text = Path(bed.config).read_text().replace(bed.facts["known_hosts"], str(known))
    return str(_write(home / "config", text)), known


def _fingerprint(bed, name):
    line = subprocess.run(
        ["ssh-keygen", "-lf", "-"],
        input=bed.hosts[name]["host_key"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout
    return line.split()[1]


def test_an_unknown_key_is_refused_with_its_fingerprint(bed, home):
    config, known = _unknown(bed, home)
    with pytest.raises(HostKeyRefused, match="the key of host2 is not known.*accept-new") as caught:
        Remote("host2", config=config)
    says_all(caught.value, "host2")
    assert caught.value.fingerprint == _fingerprint(bed, "host2")
    assert caught.value.fingerprint in str(caught.value)
    assert not known.exists()


@both
def test_an_unknown_key_is_accepted_on_request_and_known_from_then_on(bed, home, transport):
    config, known = _unknown(bed, home)
    known.parent.mkdir(exist_ok=True)
    for accept_new in (True, False):
        with Remote("host2", config=config, accept_new=accept_new, transport=transport) as host:
            assert host.run(["hostname"]).stdout == b"host2\n"
    assert known.stat().st_mode & 0o077 == 0 or transport == "openssh"
    assert len(known.read_text().splitlines()) == 1


def test_a_key_that_cannot_be_remembered_is_good_for_the_connection(bed, home):
    config, known = _unknown(bed, home)
    known.mkdir(parents=True)  # no file can be there
    with pytest.warns(UserWarning, match=r"the key of host2 was taken, but cannot be remembered in .*known_hosts"):
        Remote("host2", config=config, accept_new=True).close()


def test_hashed_entries_are_known(bed, home):
    config, known = _unknown(bed, home)
    _write(known, Path(bed.facts["known_hosts"]).read_text())
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", str(known)], check=True, capture_output=True, timeout=30)
    assert "|1|" in known.read_text()
    assert bed.hosts["host2"]["address"] not in known.read_text()
    Remote("host2", config=config).close()


@both
def test_a_changed_key_is_refused_even_if_new_ones_are_accepted(bed, connect, transport):
    before = connect("host3", transport=transport)
    bed("rekey", "host3")
    for accept_new in (False, True):
        with pytest.raises(HostKeyRefused, match=f"host3.*ssh-keygen -R '{bed.hosts['host3']['address']}'") as caught:
            connect("host3", accept_new=accept_new, transport=transport)
        says_all(caught.value, "host3")
    if transport == "paramiko":  # a session that stands goes on; it only cannot be made anew
        assert before.run(["hostname"]).stdout == b"host3\n"
        with pytest.raises(HostKeyRefused, match="is not the one that is known.*known_hosts:.*ssh-keygen -R") as caught:
            before.reconnect()
        says_all(caught.value, "host3")
    bed("trust", "host3")
    assert connect("host3", transport=transport).run(["true"]).status == 0


def test_a_key_of_another_type_than_the_known_one_is_no_new_key(bed, home):
    config, known = _unknown(bed, home)
    key = home / "rsa"
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", str(key)], check=True, timeout=50)
    public = key.with_name("rsa.pub").read_text().split()[:2]
    _write(known, f"{bed.hosts['host2']['address']} {' '.join(public)}\n")
    with pytest.raises(HostKeyRefused, match="is not the one that is known"):
        Remote("host2", config=config, accept_new=True)


def test_a_revoked_key_is_refused(bed, home):
    config, known = _unknown(bed, home)
    address, key = bed.hosts["host2"]["address"], bed.hosts["host2"]["host_key"]
    _write(known, f"{address} {key}\n@revoked * {key}\n")
    with pytest.raises(HostKeyRefused, match="the key of host2 is one that was revoked.*as revoked") as caught:
        Remote("host2", config=config, accept_new=True)
    says_all(caught.value, "host2")
    assert "ssh-keygen -R" not in str(caught.value)


def test_one_unknown_key_is_taken_by_its_fingerprint_and_no_other(bed, home):
    config, known = _unknown(bed, home)
    wanted, other = _fingerprint(bed, "host2"), "SHA256:" + "A" * 43
    with pytest.raises(HostKeyRefused, match="is not known") as unknown:
        Remote("host2", config=config, fingerprints=(other,))
    assert unknown.value.is_new and not known.exists()
    assert f"connect with --fingerprint {wanted}," in str(unknown.value)  # to be copied as it stands
    Remote("host2", config=config, fingerprints=(other, wanted)).close()
    Remote("host2", config=config).close()
    bed("rekey", "host2")
    with pytest.raises(HostKeyRefused, match="is not the one that is known") as changed:
        Remote("host2", config=config)
    assert not changed.value.is_new
    with pytest.raises(HostKeyRefused, match="is not the one that is known"):
        Remote("host2", config=config, fingerprints=(changed.value.fingerprint,))
