"""A number of workers that can only be a slip is refused before anything is started."""

from __future__ import annotations

import pytest

from pathos_nb.errors import BadOption, HostError
from pathos_nb.joined import host as hosts
from pathos_nb.joined.host import Host, Plan
from pathos_nb.secure.probe import HostFacts


class _Remote:
    def __init__(self, *_, **__):
        self.where, self.is_closed = "me@node7", False
        made.append(self)

    def probe(self):
        return HostFacts("node7", cores=8)

    def close(self):
        self.is_closed = True


made: list[_Remote] = []


@pytest.fixture(autouse=True)
def looked_at(monkeypatch):
    """Have a host of 8 cores answer; its Python is not looked for."""

    def no_python(*_):
        raise HostError("the number was taken")

    made.clear()
    monkeypatch.setattr(hosts, "Remote", _Remote)
    monkeypatch.setattr(hosts, "interpreter", no_python)


def test_too_many_are_refused_with_the_number_that_is_allowed_and_the_way_to_more():
    with pytest.raises(BadOption, match=r"100000 workers are too many for node7, .*8 cores.*512 at most.*--name"):
        Host(Plan("node7", "node7", nodes=100_000))
    assert made[0].is_closed, "nothing stays open"


@pytest.mark.parametrize("nodes", [None, 1, 512])
def test_others_are_taken(nodes):
    with pytest.raises(HostError, match="the number was taken"):
        Host(Plan("node7", "node7", nodes=nodes))
