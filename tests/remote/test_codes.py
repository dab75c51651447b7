"""One-time codes of a real sshd: PAM asks for a password and then for a code (HOTP, RFC 4226), which is good once."""

from __future__ import annotations

import hmac
from pathlib import Path

import pytest

from pathos_nb.errors import LoginRefused
from tests.remote.test_connecting import answers, user_of
from tests.rig.bed import says_all

SEED = b"12345678901234567890"
SERVICE = """auth required pam_unix.so nodelay
auth required pam_oath.so usersfile=/etc/ssh/users.oath window=5 digits=6
account required pam_permit.so
session required pam_permit.so
"""
ASKS = ("KbdInteractiveAuthentication yes", "AuthenticationMethods keyboard-interactive")
both = pytest.mark.parametrize("transport", ["paramiko", "openssh"])


def code(counter: int) -> str:
    digest = hmac.digest(SEED, counter.to_bytes(8, "big"), "sha1")
    place = digest[-1] & 15
    return f"{(int.from_bytes(digest[place : place + 4], 'big') & 0x7FFFFFFF) % 10**6:06}"


@pytest.fixture
def coded(bed):
    """Have host2 ask pwuser for a password and a code."""
    bed.needs("password")
    if not list(Path("/lib").glob("*/security/pam_oath.so")):
        pytest.skip("libpam-oath is not installed: tools/testbed.sh installs it (Debian, root)")
    bed.on("host2", "sh", "-c", 'printf %s "$1" >/etc/ssh/pam', "sh", SERVICE)
    bed.on("host2", f"umask 077; echo HOTP pwuser - {SEED.hex()} >/etc/ssh/users.oath")
    bed.on("host2", "mount --bind /etc/ssh/pam /etc/pam.d/sshd")
    try:
        with bed.obeying("host2", "UsePAM yes", pwuser=ASKS):
            yield "pwuser@host2"
    finally:
        bed.on("host2", "umount /etc/pam.d/sshd")


def test_the_codes_are_those_of_the_standard():
    assert [code(counter) for counter in range(3)] == ["755224", "287082", "359152"]  # RFC 4226, appendix D


@both
def test_password_and_code_are_asked_once_and_a_code_is_good_once(connect, bed, coded, transport):
    ask, asked = answers(bed.password, code(0))
    host = connect(coded, ask=ask, transport=transport)
    assert [user_of(host) for _ in range(2)] == ["pwuser"] * 2
    assert len(asked) == 2 and all(is_secret for _, is_secret in asked)
    assert "Password" in asked[0][0] and "One-time password" in asked[1][0]
    ask, _ = answers(bed.password, code(0), *[None] * 3)
    with pytest.raises(LoginRefused, match="pwuser@host2"):
        connect(coded, ask=ask, transport=transport)
    ask, _ = answers(bed.password, code(1))
    assert connect(coded, ask=ask, transport=transport).is_alive()


@both
def test_a_wrong_code_may_be_mended_and_is_refused_if_not(connect, bed, coded, transport):
    ask, _ = answers(bed.password, "000000", bed.password, code(0))
    assert connect(coded, ask=ask, transport=transport).is_alive()
    ask, asked = answers(*[bed.password, "000000"] * 3)
    with pytest.raises(LoginRefused, match="pwuser@host2") as caught:
        connect(coded, ask=ask, transport=transport)
    says_all(caught.value, "host2")
    assert len(asked) == 6
