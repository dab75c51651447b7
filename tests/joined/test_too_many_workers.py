"""A number of workers that can only be a slip is refused before anything is started."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from IPython.core.error import UsageError

from pathos_nb import __main__ as connector
from pathos_nb import core, server
from pathos_nb.errors import BadOption, HostError
from pathos_nb.joined import host as hosts
from pathos_nb.joined import serving
from pathos_nb.joined.host import Host, Plan
from pathos_nb.joined.services import Services
from pathos_nb.notebook.remote_actions import REMOTE_ACTIONS
from pathos_nb.notebook.remote_commands import REMOTE_VERBS
from pathos_nb.secure.probe import HostFacts
from pathos_nb.server import LocalServer


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
    monkeypatch.setattr(serving, "interpreter", no_python)
    monkeypatch.setattr(serving, "remote_to", _Remote)


def test_too_many_are_refused_with_the_number_that_is_allowed_and_the_way_to_more():
    with pytest.raises(BadOption, match=r"100000 workers are too many for node7, .*8 cores.*512 at most.*--name"):
        Host(Plan("node7", "node7", nodes=100_000))
    assert made[0].is_closed, "nothing stays open"


@pytest.mark.parametrize("nodes", [None, 1, 512])
def test_others_are_taken(nodes):
    with pytest.raises(HostError, match="the number was taken"):
        Host(Plan("node7", "node7", nodes=nodes))


SLIPS = pytest.mark.parametrize(
    ("nodes", "said"),
    [
        (-1, r"nodes is -1; it must be a whole number of workers"),
        ("x", r"nodes is 'x'; it must be a whole number of workers"),
        (2.5, r"nodes is 2\.5; it must be"),
        (10**6, r"1000000 workers are too many for .*cores; ask for \d+ at most; for more, start another one"),
    ],
)


@SLIPS
def test_a_server_offers_no_such_number(nodes, said):
    there = SimpleNamespace(name="node7", facts=HostFacts("node7", cores=8), plan=Plan("node7", "node7"))
    for serve in (
        lambda: Services().serve(there, nodes),
        lambda: core.serve("ppserver", "node7", nodes=nodes),
        lambda: core.serve("ppserver", nodes=nodes),
        lambda: LocalServer(nodes),
    ):
        with pytest.raises(BadOption, match=said):
            serve()
    assert all(remote.is_closed for remote in made), "nothing stays open"


def test_nor_none_at_all():
    there = SimpleNamespace(name="node7", facts=HostFacts("node7", cores=8), plan=Plan("node7", "node7"))
    for serve in (lambda: Services().serve(there, 0), lambda: LocalServer(0)):
        with pytest.raises(BadOption, match="nodes is 0; it must be a whole number of workers, 1 or more"):
            serve()


@pytest.mark.parametrize("word", ["0", "-1", "x", "1000000"])
def test_a_verb_says_it_in_a_line(word):
    there = SimpleNamespace(name="node7", facts=HostFacts("node7", cores=8), plan=Plan("node7", "node7"))
    session = SimpleNamespace(services=Services(), hosts=SimpleNamespace(get=lambda _: there))
    with pytest.raises((BadOption, UsageError), match=r"whole number from 1|1000000 workers are too many for node7"):
        REMOTE_ACTIONS["serve"](session, REMOTE_VERBS["serve"].parse(f"node7 --nodes {word}"))


@pytest.mark.parametrize("word", ["-1", "1000000"])
def test_commands_say_it_and_fail(word, capsys):
    assert connector.main(["node7", "ppserver", "--nodes", word]) == 1
    with pytest.raises(SystemExit, match="2"):
        server.main(["--nodes", word])
    said = capsys.readouterr().err
    assert said.count(word) == 2 and "Traceback" not in said
