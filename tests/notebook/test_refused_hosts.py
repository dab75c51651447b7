"""A host that refuses to be connected anew: the list of hosts says why, and not only that the link is lost."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from pathos_nb.errors import HostError, HostKeyRefused, HostUnreachable, LoginRefused
from pathos_nb.joined import host as hosts
from pathos_nb.joined.host import Host, Plan
from pathos_nb.notebook.remote_actions import REMOTE_ACTIONS
from pathos_nb.secure.probe import HostFacts

NOTHING_ASKED = {"add": "", "save": "", "forget": ""}


class _Remote:
    """A connection that can be cut, and does not come back while there is an error."""

    def __init__(self, *_, **__):
        self.where, self.is_direct, self.stands, self.error = "me@node7", True, True, None

    def probe(self):
        return HostFacts("node7", cores=8)

    def is_alive(self):
        return self.stands

    def mend(self):
        if self.error is not None:
            raise self.error
        self.stands = True

    def open(self, command):
        return command

    def close(self):
        self.stands = False


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Give a host that is connected."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(hosts, "Remote", _Remote)
    monkeypatch.setattr(hosts, "interpreter", lambda *_: SimpleNamespace(path="python3", version="3.12"))
    return Host(Plan("node7", "node7"))


def listed(host):
    """Give what %pathos hosts says."""
    there = SimpleNamespace(connected={"node7": host}, names=lambda: ["node7"])
    session = SimpleNamespace(hosts=there, workers_at=lambda name: {})
    return repr(REMOTE_ACTIONS["hosts"](session, NOTHING_ASKED))


@pytest.mark.parametrize("kind", [HostKeyRefused, LoginRefused])
def test_why_it_is_refused_is_said_until_it_is_let_in_again(host, kind):
    assert "connected" in listed(host)
    host.remote.stands, host.remote.error = False, kind("node7 shows another key", cause="not the one that is known")
    with pytest.raises(kind):
        host.open_carrier(["true"])
    assert "link lost; node7 shows another key" in listed(host)
    host.remote.error = None
    assert host.open_carrier(["true"]) == ["true"]
    assert "another key" not in listed(host) and "connected" in listed(host)


def test_what_may_mend_by_itself_is_only_lost(host):
    host.remote.stands, host.remote.error = False, HostUnreachable("node7 does not answer")
    with pytest.raises(HostError, match="does not answer"):
        host.open_carrier(["true"])
    assert "link lost" in listed(host) and "link lost;" not in listed(host)
