"""Users whom a host knows by an authority that has signed their key, and by nothing else."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from pathos_nb.errors import LoginRefused

AUTHORIZED = "/etc/ssh/authorized_keys"
both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])


def keygen(*words: object) -> None:
    subprocess.run(["ssh-keygen", "-q", *map(str, words)], check=True, timeout=30, capture_output=True)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authority") / "authority"
    keygen("-t", "ed25519", "-N", "", "-f", path)
    return path


@pytest.fixture
def trusting(bed, authority):
    """Have a host believe the authority."""
    before = bed.on("host2", f"cat {AUTHORIZED}")
    line = f"cert-authority {authority.with_suffix('.pub').read_text().strip()}"
    bed.on("host2", "sh", "-c", 'printf "%s\\n" "$1" >>"$2"', "sh", line, AUTHORIZED)
    yield "host2"
    bed.on("host2", "sh", "-c", 'printf "%s" "$1" >"$2"', "sh", before, AUTHORIZED)


def signed(authority: Path, folder: Path, kind: str = "ed25519", who: str = "root") -> Path:
    key = folder / f"key-{kind}"
    keygen("-t", kind, *(["-b", "2048"] if kind == "rsa" else []), "-N", "", "-f", key)  # larger ones take seconds
    keygen("-s", authority, "-I", "somebody", "-n", who, "-V", "-5m:+1h", f"{key}.pub")
    return key


@both
def test_the_certificate_beside_a_key_lets_in(connect, trusting, authority, tmp_path, transport):
    key = signed(authority, tmp_path)
    host = connect(trusting, key=str(key), transport=transport)
    assert host.run(["id", "-un"]).stdout == b"root\n"


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_whatever_kind_the_key_is_of(connect, trusting, authority, tmp_path, kind):
    assert connect(trusting, key=str(signed(authority, tmp_path, kind))).is_alive()


def test_a_certificate_that_the_configuration_names_is_shown(connect, bed, trusting, authority, tmp_path):
    key = signed(authority, tmp_path)
    elsewhere = tmp_path / "elsewhere.pub"
    Path(f"{key}-cert.pub").rename(elsewhere)
    config = tmp_path / "config"
    config.write_text(f"Host {trusting}\n  IdentityFile {key}\n  CertificateFile {elsewhere}\nInclude {bed.config}\n")
    assert connect(trusting, config=str(config)).is_alive()


def test_one_for_somebody_else_is_no_use_and_what_was_tried_is_said(connect, trusting, authority, tmp_path):
    key = signed(authority, tmp_path, who="nobody-here")
    with pytest.raises(LoginRefused, match="key-ed25519 with its certificate, .*key-ed25519") as caught:
        connect(trusting, key=str(key))
    assert caught.value.host == "host2"


def test_what_is_no_certificate_of_this_key_is_passed_over(connect, bed, tmp_path):
    key = Path(bed.facts["key"])
    config = tmp_path / "config"
    other = tmp_path / "other"
    other.write_text("garbage")
    config.write_text(f"Host host2\n  IdentityFile {key}\n  CertificateFile {other}\nInclude {bed.config}\n")
    assert connect("host2", config=str(config)).is_alive()
