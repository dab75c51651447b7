"""What a configuration says about a host: the same as ``ssh`` understands, which is asked too where it is there."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess

import pytest

from pathos_nb.errors import BadOption, HostUnreachable
from pathos_nb.secure import ssh_config
from pathos_nb.secure.config import route
from pathos_nb.secure.names import parse

# What is written, about whom is asked, and what ssh says: address, port, jump hosts.
CASES = {
    "tokens": ("Host a b\n HostName %h.example.org\n", "a", "a.example.org 22 none"),
    "the first counts": ("Host a\n Port 1\nHost *\n Port 2\n", "a", "a 1 none"),
    "all but one": ("Host * !a\n Port 2\nHost a\n Port 3\n", "a", "a 3 none"),
    "equals signs": ('Host=a\nPort = 2201\nHostName="b"\n', "a", "b 2201 none"),
    "comments": ("Host a # the first\n Port 2201 # its port\n HostName b#c # no comment\n", "a", "b#c 2201 none"),
    "a name by its address": ("Host a\n HostName b.org\nMatch host *.org\n Port 2\n", "a", "b.org 2 none"),
    "a name as typed": ("Host a\n HostName b.org\nMatch originalhost a\n Port 3\n", "a", "b.org 3 none"),
    "the user as typed": ("Match user joe,jim\n Port 4\n", "joe@a", "a 4 none"),
    "the port as typed": ("Host a\n Port 4\n", "a:5", "a 5 none"),
    "another user": ("Match user joe\n Port 4\n", "tom@a", "a 22 none"),
    "a line that goes well": ('Match host a exec "test %h = a"\n Port 5\n', "a", "a 5 none"),
    "a line that does not": ("Match exec false\n Port 5\nMatch !exec false\n Port 6\n", "a", "a 6 none"),
    "not this one": ("Match !host b\n Port 7\nMatch all\n Port 8\n", "a", "a 7 none"),
    "in the end": ("Host a\n HostName b.org\nMatch final all\n Port 8\nHost b.org\n Port 9\n", "a", "b.org 8 none"),
    "nothing canonical": ("Match canonical all\n Port 9\n", "a", "a 22 none"),
    "included for one": ("Host a\n Include more\n Port 10\n", "a", "a 10 none"),
    "included for another": ("Host a\n Include more\nHost b\n Port 11\n", "b", "b 11 none"),
    "jumps": ("Host a\n ProxyJump u@g:2022,h\nHost *\n ProxyCommand none\n", "a", "a 22 u@g:2022,h"),
    "a jump by its address": ("Host a\n ProxyJump ssh://u@g:2022\n", "a", "a 22 u@g:2022"),
    "no jump": ("Host a\n ProxyJump none\nHost *\n ProxyJump g\n", "a", "a 22 none"),
}
MORE = "HostName b.included\nHost b\n Port 9\n"  # the rest of which is not about a


@pytest.fixture
def config(home):
    (home / ".ssh").mkdir()
    (home / ".ssh" / "more").write_text(MORE.removeprefix("HostName b.included\n"))
    return home / ".ssh" / "config"


def understood(text, config):
    hops = route(parse(text), config=str(config))
    named = [f"u@{hop.name}:{hop.port}" if hop.user == "u" else hop.name for hop in hops[:-1]]
    return f"{hops[-1].address} {hops[-1].port} {','.join(named) or 'none'}"


@pytest.mark.parametrize(("text", "host", "said"), CASES.values(), ids=CASES)
def test_it_is_read_as_ssh_reads_it(config, text, host, said):
    config.write_text(text.replace("Include more", f"Include {config.parent}/more"))
    if "#c" in text:
        with pytest.raises(BadOption, match="'b#c' is not a name of a host"):
            route(parse(host))
    else:
        assert understood(host, config) == said
    if shutil.which("ssh"):
        told = subprocess.run(
            ["ssh", "-F", config, "-G", f"ssh://{host}"], capture_output=True, text=True, timeout=30, check=True
        )
        values = dict(line.partition(" ")[::2] for line in told.stdout.splitlines())
        assert f"{values['hostname']} {values['port']} {values.get('proxyjump', 'none')}" == said


def test_what_is_included_counts_for_whom_its_include_is_about(config):
    (config.parent / "more").write_text(MORE)
    config.write_text("Host a\n  Include more\n  Port 10\nHost *\n  User me\n")
    assert [understood(name, config) for name in "ab"] == ["b.included 10 none", "b 22 none"]


def test_a_short_name_is_looked_for_in_the_domains_that_are_named(config, monkeypatch):
    known = {"a.far.org"}

    def resolve(name, _):
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "not known")

    monkeypatch.setattr(ssh_config.socket, "getaddrinfo", resolve)
    asked = "CanonicalizeHostname yes\nCanonicalDomains near.org far.org\n"
    config.write_text(f"{asked}Host a.far.org\n  Port 7\nMatch canonical host *.far.org\n  ProxyJump none\n")
    assert understood("a", config) == "a.far.org 7 none"
    assert understood("b", config) == "b 22 none"
    assert understood("a.b.c", config) == "a.b.c 22 none"
    config.write_text(f"{asked}CanonicalizeFallbackLocal no\n")
    with pytest.raises(BadOption, match=r"config cannot be used for b: b is in none of its CanonicalDomains"):
        route(parse("b"))


def test_files_are_named_by_tokens_and_variables(config, home, monkeypatch):
    monkeypatch.setenv("KEYS", str(home / "keys"))
    (home / "keys").mkdir()
    (home / "keys" / "a key").touch()
    lines = ["IdentityFile ${KEYS}/nobody", 'IdentityFile "${KEYS}/a key"', "IdentityFile ${NO_SUCH_VARIABLE}/key"]
    known = "UserKnownHostsFile ~/known/%k ${KEYS}/%h:%p # and no more"
    config.write_text("\n  ".join(["Host a", *lines, known, "HostName b", "HostKeyAlias c"]))
    hop = route(parse("a"))[-1]
    assert hop.keys == (home / "keys" / "a key",)
    assert hop.known_hosts[:2] == (home / "known" / "c", home / "keys" / "b:22")
    config.write_text("UserKnownHostsFile ${NO_SUCH_VARIABLE}/known\n")
    with pytest.raises(BadOption, match="the variable NO_SUCH_VARIABLE of .* is not set; mend the file"):
        route(parse("a"))


def test_the_systems_file_is_read_after_the_users(config, tmp_path, monkeypatch):
    system = tmp_path / "ssh_config"
    system.write_text("Host a\n  Port 7\n  User everybody\n  ProxyJump gate\n")
    monkeypatch.setattr("pathos_nb.secure.config.SYSTEM", system)
    config.write_text("Host a\n  Port 8\nHost b\n")
    hops = route(parse("a"))
    assert [(hop.name, hop.port) for hop in hops] == [("gate", 22), ("a", 8)]
    assert hops[-1].user == "everybody"
    assert understood("a", config) == "a 8 none", "a file that is named is the only one"


def test_what_only_ssh_understands_is_left_to_it(config):
    config.write_text("Host a\n  Port 7\nMatch localnetwork 10.0.0.0/8\n  Port 8\n")
    with pytest.raises(HostUnreachable, match=r'line 3 of .* which ssh alone knows; use transport="openssh"'):
        route(parse("a"))
    config.write_text("Match weather fine\n  Port 8\n")
    with pytest.raises(BadOption, match=rf"{re.escape(str(config))} cannot be used for a: line 1 .*'weather'.*mend"):
        route(parse("a"))


def test_a_line_of_a_match_that_does_not_end_is_not_waited_for(config, monkeypatch):
    monkeypatch.setattr(ssh_config, "EXEC_S", 0.1)
    config.write_text('Match exec "sleep 60"\n  Port 8\n')
    with pytest.raises(BadOption, match=r"Match exec 'sleep 60' did not end in 0\.1 s"):
        route(parse("a"))
