"""What a configuration says about a host: the same as ``ssh`` understands, which is asked too where it is there."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess

import pytest

from pathos_nb.errors import BadOption, HostUnreachable
from pathos_nb.secure import ssh_config, ssh_config_lines
from pathos_nb.secure.config import hosts_in_config, route
from pathos_nb.secure.names import parse
from tests.remote.ssh_configs import Made, differences
from tests.rig.sampling import seldom

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


@pytest.mark.skipif(not shutil.which("ssh"), reason="there is no ssh to compare with")
@pytest.mark.parametrize("seed", [0, *seldom(*range(1, 10))])
def test_random_configurations_are_read_as_ssh_reads_them(tmp_path, seed):
    for n in range(40 * seed, 40 * seed + 40):
        (folder := tmp_path / str(n)).mkdir()
        assert not differences(Made(n, folder)), f"the configuration of {n}"


def test_what_is_included_counts_for_whom_its_include_is_about(config):
    (config.parent / "more").write_text(MORE)
    config.write_text("Host a\n  Include more\n  Port 10\nHost *\n  User me\n")
    assert [understood(name, config) for name in "ab"] == ["b.included 10 none", "b 22 none"]


def test_a_short_name_is_looked_for_in_the_domains_that_are_named(config, monkeypatch):
    known = {
        "a.far.org.": "",
        "b.far.org.": "Mail.Near.Org",
        "c.": "",
    }  # asked for to the end, so that no other is found

    def resolve(name, *_, **__):
        if name not in known:
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, known[name], ("10.0.0.1", 0))]

    monkeypatch.setattr(ssh_config.socket, "getaddrinfo", resolve)
    asked = "CanonicalizeHostname yes\nCanonicalDomains near.org far.org\n"
    config.write_text(f"{asked}Host a.far.org\n  Port 7\nMatch canonical host *.far.org\n  ProxyJump none\n")
    assert understood("a", config) == "a.far.org 7 none"
    assert understood("d", config) == "d 22 none"
    assert understood("a.b.c", config) == "a.b.c 22 none"
    assert understood("c.", config) == "c 22 none"
    for rules, name in (("", "b.far.org"), ("*", "mail.near.org"), ("x:y *.far.org:*.near.org", "mail.near.org")):
        more = f"CanonicalizePermittedCNAMEs {rules}\n" if rules else ""
        config.write_text(f"{asked}{more}Host mail.*\n  Port 7\n")
        assert understood("b", config) == f"{name} {7 if name.startswith('mail') else 22} none"
    config.write_text(f"{asked}CanonicalizeFallbackLocal no\n")
    with pytest.raises(BadOption, match=r"config cannot be used for d: d is in none of its CanonicalDomains"):
        route(parse("d"))


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


def test_what_only_ssh_understands_concerns_the_hosts_that_it_is_about(config):
    config.write_text("Match localnetwork 10.0.0.0/8 host b\n  Port 8\n")
    assert understood("a", config) == "a 22 none"
    with pytest.raises(HostUnreachable, match="line 1 of .* which ssh alone knows"):
        route(parse("b"))


def test_no_line_is_run_for_a_host_that_it_is_not_about(config, tmp_path):
    mark = tmp_path / "run"
    config.write_text(f'Match exec "touch {mark}" host b\n  Port 8\nHost b\n  Include {tmp_path}/more\n')
    (tmp_path / "more").write_text(f'Match exec "touch {mark}"\n  Port 9\n')
    assert understood("a", config) == "a 22 none"
    assert hosts_in_config(str(config)) == ["b"]
    assert not mark.exists()
    assert understood("b", config) == "b 8 none"
    assert mark.exists()


def test_what_is_typed_is_one_word_for_the_shell_of_a_line(config, tmp_path, monkeypatch):
    monkeypatch.delenv("SHELL", raising=False)
    config.write_text(f'Match exec "printf [%%s] %n %r >{tmp_path}/told"\n  Port 8\n')
    assert route(parse("corp\\joe@a"))[-1].port == 8
    assert (tmp_path / "told").read_text() == "[a][corp\\joe]"


LINE_BREAKS = "\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\r"


def test_a_line_ends_where_ssh_ends_it_and_nowhere_else(config):
    hidden = "".join(f"# nothing{char}ProxyJump gate{char}User other\n" for char in LINE_BREAKS)
    config.write_bytes(f"{hidden}Host a\n  Port 7\r\n".encode())
    hops = route(parse("a"))
    assert [(hop.name, hop.port) for hop in hops] == [("a", 7)] and hops[0].user != "other"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_file_that_others_could_have_written_is_not_believed(config, tmp_path):
    (more := tmp_path / "more").write_text("Match exec true\n  Port 8\n")
    config.write_text(f"Include {more}\n")
    for file in (more, config):
        file.chmod(0o666)
        with pytest.raises(
            BadOption, match=rf"config cannot be used for a: others could have written {file}.*chmod go-w"
        ):
            route(parse("a"))
        file.chmod(0o644)
    assert understood("a", config) == "a 8 none"


def test_what_is_no_file_is_not_opened_and_what_is_endless_is_refused(config, monkeypatch):
    os.mkfifo(config.parent / "pipe")
    config.write_text("Include pipe /dev/zero .\nHost a\n  Port 7\n")
    assert understood("a", config) == "a 7 none"
    config.write_text("Host b\n  Include config\n")
    with pytest.raises(
        BadOption, match="config cannot be used for a: its Includes lead more than 16 files deep, or back"
    ):
        route(parse("a"))
    monkeypatch.setattr(ssh_config_lines, "MAX_BYTES", 1 << 20)
    config.write_text("#" * (1 << 20) + "\n")
    with pytest.raises(BadOption, match="has more than 1 MB"):
        route(parse("a"))


def test_many_stars_are_no_riddle(config):
    config.write_text(f"Host {'*a' * 60}b\n  Port 9\n")
    assert understood("a" * 200, config) == f"{'a' * 200} 22 none"


def test_an_address_is_taken_in_its_usual_form(config):
    config.write_text("Host a\n  HostName 127.1\nHost b\n  HostName 0:0::1\n")
    assert [route(parse(name))[-1].address for name in "ab"] == ["127.0.0.1", "::1"]


def test_none_is_no_file_and_words_for_yes_are_all_known(config, home):
    words = "IdentityFile none", "UserKnownHostsFile none", "IdentitiesOnly true", "StrictHostKeyChecking false"
    config.write_text("\n".join([*words, "HostKeyAlias Gate", "ProxyJump NONE"]))
    (hop,) = route(parse("a"))
    assert (hop.keys, hop.only_these_keys, hop.accepts_new, hop.key_name) == ((), True, True, "gate")
    assert str(hop.known_hosts[0]) == os.devnull


def test_the_users_name_is_the_systems_word(config, monkeypatch):
    """As for ssh: the environment may be another user's, of whom this one was made."""
    pwd = pytest.importorskip("pwd")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    config.write_text("Match localuser somebody-else\n  Port 9\n")
    (hop,) = route(parse("a"))
    assert (hop.user, hop.port) == (pwd.getpwuid(os.getuid()).pw_name, 22)


def test_a_configuration_that_is_named_has_to_be_there(home):
    with pytest.raises(BadOption, match=r"there is no file .*/no-such.*name the configuration"):
        route(parse("a"), config=str(home / "no-such"))
    assert route(parse("a"), config="none")[-1].address == "a"
