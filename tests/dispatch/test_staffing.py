"""Pools take settings of their places, and objects as places."""

from __future__ import annotations

import threading
from typing import ClassVar

import pytest

from pathos_nb import Pool
from pathos_nb.errors import BadOption, UnknownPlace
from pathos_nb.launchers.contract import Launcher
from pathos_nb.launchers.registry import registry
from pathos_nb.launchers.threads import ThreadsLauncher


class Cluster:
    """An object that stands for a place."""


class ClusterLauncher(ThreadsLauncher):
    name = "cluster"
    settings = frozenset({"queue"})
    queue: ClassVar[str] = "any"
    seen: ClassVar[list[str]] = []

    def start_slot(self, name):
        self.seen.append(self.queue)
        return super().start_slot(name)

    @classmethod
    def configured(cls, **settings) -> type[Launcher]:
        if not isinstance(settings["queue"], str):
            raise BadOption(f"queue is {settings['queue']!r}", cure="it is a name")
        return type("Configured", (cls,), settings)

    @classmethod
    def of(cls, thing) -> type[Launcher] | None:
        return cls if isinstance(thing, Cluster) else None


@pytest.fixture(autouse=True)
def known(monkeypatch):
    monkeypatch.setitem(registry._known, "cluster", ClusterLauncher)
    monkeypatch.setattr(ClusterLauncher, "seen", [])


def test_settings_go_to_the_places_that_take_them():
    with Pool("cluster", "threads", nodes=1, queue="long") as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2] and pool.places == ("cluster", "threads")
        assert ClusterLauncher.seen == ["long"]
        pool.restart()
        assert ClusterLauncher.seen == ["long", "long"]
        pool.drop_place("cluster")
        assert pool.places == ("threads",) and pool.nodes == 1
        pool.add_place("cluster", 1, queue="short")
        assert ClusterLauncher.seen[-1] == "short"


@pytest.mark.parametrize(
    ("settings", "word"),
    [({"quue": "x"}, "did you mean queue"), ({"queue": 3}, "queue is 3"), ({"node": 2}, "did you mean nodes")],
)
def test_a_wrong_setting_is_told(settings, word):
    with pytest.raises(BadOption, match=word):
        Pool("cluster", **settings)


def test_an_object_is_a_place_where_a_launcher_knows_it():
    with Pool(Cluster(), nodes=2) as pool:
        assert pool.places == ("cluster",) and pool.map(abs, [-1]) == [1]
        pool.restart()
        assert pool.map(abs, [-1]) == [1]
    with pytest.raises(UnknownPlace, match="at int 3"):
        Pool(3)


@pytest.mark.parametrize("in_turn", [True, False])
def test_nobody_else_handles_what_a_launcher_hears_at_its_end(in_turn, monkeypatch):
    found = []

    class Ending(ClusterLauncher):
        is_closed_in_turn = in_turn

        def close(self):
            own = pool._maps.dispatcher.lock
            other = threading.Thread(target=lambda: found.append(own.acquire(timeout=0.05) and (own.release() or True)))
            other.start()
            other.join()
            super().close()

    monkeypatch.setitem(registry._known, "cluster", Ending)
    with Pool("threads", "cluster", nodes=1) as pool:
        assert pool.map(abs, [-1, -2]) == [1, 2]
        pool.drop_place("cluster")
        assert found == [not in_turn], "whether another thread gets the lock meanwhile"
