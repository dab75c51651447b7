"""Keys that only an agent has: hardware tokens and password managers, named by their public files."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from pathos_nb.errors import LoginRefused
from pathos_nb.secure.config import public_blob, route
from pathos_nb.secure.names import parse
from pathos_nb.secure.remote import Remote
from tests.remote.fake_server import FakeServer
from tests.rig.bed import wait_until

HAS_AGENT = all(shutil.which(program) for program in ("ssh-agent", "ssh-add", "ssh-keygen"))


@pytest.fixture
def token(home, tmp_path, monkeypatch):
    """Give the public file of a key whose private half only an agent has."""
    if not HAS_AGENT:
        pytest.skip("ssh-agent is not here")
    address, key = tmp_path / "agent", home / "yubi"
    with subprocess.Popen(["ssh-agent", "-D", "-a", str(address)], stdout=subprocess.DEVNULL) as agent:
        try:
            assert wait_until(address.exists)
            monkeypatch.setenv("SSH_AUTH_SOCK", str(address))
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
            subprocess.run(["ssh-add", "-q", str(key)], check=True, timeout=30)
            key.unlink()
            yield home / "yubi.pub"
        finally:
            agent.terminate()


def _configured(server, home, lines):
    server.introduce(home)
    with (home / ".ssh" / "config").open("a") as file:
        file.write(lines)


@pytest.mark.parametrize("named", ["yubi.pub", "yubi"])
def test_a_key_of_the_agent_is_named_by_its_public_file(home, token, named):
    with FakeServer() as server:
        server.user_key = public_blob(token)
        _configured(server, home, f"  IdentitiesOnly yes\n  IdentityFile {home / named}\n")
        with Remote("fake") as host:
            assert host.is_alive()
        with Remote("fake", key=str(home / named)) as host:
            assert host.is_alive()


def test_a_named_key_that_the_agent_does_not_have_is_said(home, token):
    subprocess.run(["ssh-add", "-q", "-D"], check=True, timeout=30)
    with FakeServer() as server:
        _configured(server, home, f"  IdentityFile {token}\n")
        with pytest.raises(LoginRefused, match=r"yubi\.pub \(the agent does not have its private half\)"):
            Remote("fake")


def test_tokens_in_names_of_keys_are_those_of_ssh(home):
    (home / ".ssh").mkdir()
    for name in ("node7-me-2222", "node7.example.org", "node7-cert.pub"):
        (home / ".ssh" / name).write_text("a key")
    (home / ".ssh" / "config").write_text(
        "Host node7\n  HostName node7.example.org\n  Port 2222\n  User me\n"
        "  IdentityFile ~/.ssh/%n-%r-%p\n  IdentityFile %d/.ssh/%h\n  CertificateFile ~/.ssh/%n-cert.pub\n"
    )
    hop = route(parse("node7"))[-1]
    assert [path.name for path in hop.keys] == ["node7-me-2222", "node7.example.org"]
    assert [path.name for path in hop.certificates] == ["node7-cert.pub"]
