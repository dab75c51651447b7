"""Hosts that nobody knows by their key: an authority has signed it, and `known_hosts` trusts that authority."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import pytest

from pathos_nb.errors import HostKeyRefused
from pathos_nb.secure import known_hosts
from pathos_nb.secure.host_certificates import fault_of
from pathos_nb.secure.remote import Remote

NAME = "node7.example.org"
both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])


def keygen(*words: object) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, words)], check=True, timeout=50, capture_output=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a host's key and authorities of each kind."""
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in (("host", "ed25519"), ("ed25519", "ed25519"), ("ecdsa", "ecdsa"), ("rsa", "rsa")):
        keygen("-t", kind, *(["-b", "2048"] if kind == "rsa" else []), "-N", "", "-f", folder / name)
    return folder


def shown(keys: Path, *words: str, by: str = "ed25519") -> tuple[str, bytes]:
    """Sign the host's key, and give the certificate."""
    keygen("-s", keys / by, "-I", "a host", *words, keys / "host.pub")
    kind, text = (keys / "host-cert.pub").read_text().split()[:2]
    return kind, base64.b64decode(text)


def trusting(keys: Path, line: str = "@cert-authority *.example.org {}", by: str = "ed25519"):
    file = keys / "known_hosts"
    file.write_text(line.replace("{}", (keys / f"{by}.pub").read_text().strip()))
    return known_hosts.entries_for([file], NAME)


@pytest.mark.parametrize("by", ["ed25519", "ecdsa", "rsa"])
def test_a_certificate_of_a_trusted_authority_proves_who_the_host_is(keys, by):
    certificate = shown(keys, "-h", "-n", f"other,{NAME}", "-V", "-5m:+1h", by=by)
    assert fault_of(*certificate, NAME, trusting(keys, by=by)) == ""


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("-h", "-n", "node8.example.org"), "is for node8.example.org, and not for node7"),
        (("-h", "-n", NAME, "-V", "-2h:-1h"), "out of date"),
        (("-h", "-n", NAME, "-V", "+1h:+2h"), "not valid yet"),
        (("-n", NAME), "is one for users"),
        (("-h",), 'names no host.*left to transport="openssh"'),
        (("-h", "-n", NAME, "-O", "critical:only-on-mondays"), 'has conditions.*left to transport="openssh"'),
    ],
)
def test_one_that_does_not_fit_says_why(keys, words, fault):
    assert re.search(fault, fault_of(*shown(keys, *words), NAME, trusting(keys)))


def test_one_that_is_signed_with_sha_1_proves_nothing(keys):
    certificate = shown(keys, "-h", "-n", NAME, "-t", "ssh-rsa", by="rsa")
    assert "SHA-1" in fault_of(*certificate, NAME, trusting(keys, by="rsa"))


def test_nor_does_one_of_another_authority_or_of_one_that_is_revoked(keys):
    certificate = shown(keys, "-h", "-n", NAME, by="ecdsa")
    assert "another authority" in fault_of(*certificate, NAME, trusting(keys))
    assert "another authority" in fault_of(*certificate, NAME, [])
    revoked = trusting(keys, "@cert-authority * {}\n@revoked * {}\n", by="ecdsa")
    assert "is revoked" in fault_of(*certificate, NAME, revoked)


@pytest.mark.parametrize("place", [40, 200, 300, -10])
def test_whoever_changes_a_bit_of_it_is_found_out(keys, place):
    kind, blob = shown(keys, "-h", "-n", NAME)
    forged = bytearray(blob)
    forged[place] ^= 1
    assert fault_of(kind, bytes(forged), NAME, trusting(keys))


@pytest.mark.parametrize("blob", [b"", b"\0" * 50, b"\xff" * 50], ids=["nothing", "zeros", "ones"])
def test_garbage_is_no_certificate(keys, blob):
    assert "read" in fault_of("ssh-ed25519-cert-v01@openssh.com", blob, NAME, trusting(keys))


# --------------------------------------------------------------------------------------------------- on a real sshd


@pytest.fixture
def certified(bed, home):
    """Give host2 a certificate, and a configuration whose known_hosts is still to be written."""
    address = bed.hosts["host2"]["address"]
    bed.on("host2", "rm -f ~/authority*; ssh-keygen -q -t ed25519 -N '' -f ~/authority")
    bed.on("host2", f"ssh-keygen -q -s ~/authority -h -I host2 -n {address} /etc/ssh/host_key.pub")
    known = home / ".ssh" / "known_hosts"
    known.parent.mkdir()
    config = home / "config"
    config.write_text(Path(bed.config).read_text().replace(bed.facts["known_hosts"], str(known)))
    with bed.obeying("host2", "HostCertificate /etc/ssh/host_key-cert.pub"):
        yield config, known, bed.on("host2", "cat ~/authority.pub")


@both
def test_a_host_whose_authority_is_trusted_needs_no_other_word(certified, transport):
    config, known, authority = certified
    known.write_text(f"@cert-authority 10.* {authority}")
    with Remote("host2", config=str(config), transport=transport) as host:
        assert host.run(["hostname"]).stdout == b"host2\n"
    assert known.read_text() == f"@cert-authority 10.* {authority}"


def test_a_host_without_a_certificate_that_fits_is_refused_and_why_is_said(certified, bed):
    config, known, authority = certified
    known.write_text(f"@cert-authority 10.* {authority}")
    with pytest.raises(HostKeyRefused, match=r"known_hosts:1 trusts an authority.*it shows no certificate.*openssh"):
        Remote("host3", config=str(config))
    known.write_text(f"@cert-authority 10.* {bed.hosts['host3']['host_key']}")
    with pytest.raises(HostKeyRefused, match=r"certificate is of another authority.*accept-new") as caught:
        Remote("host2", config=str(config))
    assert caught.value.is_new
    with Remote("host2", config=str(config), fingerprints=(caught.value.fingerprint,)) as host:
        assert host.run(["hostname"]).stdout == b"host2\n"


def test_a_revoked_key_is_no_better_for_its_certificate(certified, bed):
    config, known, authority = certified
    known.write_text(f"@cert-authority * {authority}@revoked * {bed.hosts['host2']['host_key']}\n")
    with pytest.raises(HostKeyRefused, match="as revoked"):
        Remote("host2", config=str(config), accept_new=True)
