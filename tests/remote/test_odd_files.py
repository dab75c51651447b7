"""Files of ssh that are damaged, or strange: what is wrong is said with the file's name, and nothing is read for ever."""

from __future__ import annotations

import base64
import re

import pytest

from pathos_nb.errors import BadOption
from pathos_nb.secure import known_hosts
from pathos_nb.secure.config import hosts_in_config, route
from pathos_nb.secure.names import parse

STRANGE = {
    "a number that is none": "CanonicalizeHostname yes\nCanonicalizeMaxDots many\n",
    "a quotation mark that is not closed": 'UserKnownHostsFile "~/known\n',
    "an Include with one": 'Include "~/more\n',
    "a Match of nothing": "Match host\n",
    "an option without a value": "IdentityFile \n",
    "a value that is empty": 'User ""\n',
    "itself, twice": "Include config\nInclude config\n",
}


@pytest.fixture
def config(home):
    (home / ".ssh").mkdir()
    return home / ".ssh" / "config"


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_what_is_wrong_in_the_configuration_is_said_with_its_name(config, text):
    config.write_text(f"{text}Host node7\n  User me\n")
    with pytest.raises(BadOption, match=rf"{re.escape(str(config))} cannot be (read|used).*mend the file"):
        route(parse("node7"))


def test_files_of_a_user_whom_nobody_knows_are_not_there(config):
    config.write_text(
        "Host node7\n  IdentityFile ~nobody-of-that-name/key\n  UserKnownHostsFile ~nobody-of-that-name/x\n"
        f"  IdentityFile {'k' * 5000}\n  CertificateFile {'c' * 5000}\n"
    )
    assert route(parse("node7"))[-1].keys == ()
    assert hosts_in_config() == ["node7"]


def test_a_star_goes_no_deeper_than_its_folder(config):
    (config.parent / "a" / "b").mkdir(parents=True)
    (config.parent / "a" / "one.conf").write_text("Host near\n")
    (config.parent / "a" / "b" / "two.conf").write_text("Host far\n")
    config.write_text("Include **/*.conf\n")
    assert hosts_in_config() == ["near"]


def test_a_line_of_known_hosts_that_is_no_key_is_passed_over(tmp_path):
    file, key = tmp_path / "known_hosts", base64.b64encode(b"the key").decode()
    file.write_text(f"node7 ssh-ed25519 schlüssel\n|1|ä|ö ssh-ed25519 {key}\nnode7 ssh-ed25519 {key}\n")
    verdict = known_hosts.judge(known_hosts.entries_for([file], "node7"), "ssh-ed25519", b"the key")
    assert verdict.word == "known"


def test_another_user_or_port_of_the_same_machine_is_another_hop(config):
    config.write_text("Host host3\n  User root\n")
    for name, through, way in (
        ("tester@host3", ("host3",), ["root@host3:22", "tester@host3:22"]),
        ("root@host3:2222", ("host3",), ["root@host3:22", "root@host3:2222"]),
    ):
        hops = route(parse(name), through=through)
        assert [f"{hop.where}:{hop.port}" for hop in hops] == way


def test_ways_without_an_end_and_ways_too_long_are_told_apart(config):
    config.write_text("".join(f"Host n{i}\n  User me\n  ProxyJump n{i + 1}\n" for i in range(20)))
    with pytest.raises(BadOption, match=r"more than 8 jumps lead to n0: me@n0 -> me@n1 .*name fewer"):
        route(parse("n0"))
    config.write_text("Host a\n  User me\n  ProxyJump b\nHost b\n  User me\n  ProxyJump a\n")
    with pytest.raises(BadOption, match=r"the jumps to a run in a circle: me@a -> me@b -> me@a.*mend ProxyJump"):
        route(parse("a"))
    with pytest.raises(BadOption, match=r"circle: me@b -> me@b.*--through"):
        route(parse("b"), through=("b",))


def test_an_address_is_lower_case_as_for_ssh(config):
    config.write_text("Host node7\n  HostName Node7.Example.ORG\n  User me\n")
    assert route(parse("node7"))[-1].address == "node7.example.org"
    assert route(parse("Gate.Example.ORG"))[-1].address == "gate.example.org"
