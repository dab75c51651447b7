"""Real hosts as places: an agent over ssh on each."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pathos_nb.errors import HostError
from pathos_nb.launchers.agent import agent_launcher
from pathos_nb.launchers.agent_link import LinkSettings, LinkState
from pathos_nb.launchers.registry import registry
from pathos_nb.secure.remote import Remote
from tests.rig.bed import Bed, bed, raised_bed

__all__ = ["bed", "places", "raised_bed"]

SETTINGS = LinkSettings(boot_s=60.0, beat_s=1.0, first_pause_s=0.1, longest_pause_s=1.0, patience_s=90.0)


class Place:
    """A host of the bed as a place, with the connection that its agents come by."""

    def __init__(self, bed: Bed, name: str, **options: Any) -> None:
        self.name, self.states = name, list[LinkState]()
        login = {word: options.pop(word) for word in ("user", "transport") if word in options}
        self.remote = Remote(name, config=bed.config, timeout=10.0, **login)
        more = {"python": sys.executable, "cores": 2, "settings": SETTINGS, **options}
        registry.register(name, agent_launcher(name, self.open, on_link=self.states.append, **more))

    def open(self, command: Any) -> Any:
        """Give a carrier, over a new connection if the old one does not answer."""
        try:
            self.remote.round_trip(3.0)
        except (HostError, OSError):
            self.remote.reconnect()
        return self.remote.open(command)

    def n(self, state: str) -> int:
        return sum(known.state == state for known in self.states)


@pytest.fixture
def places(bed: Bed, tmp_path, monkeypatch) -> Iterator[Callable[..., Place]]:
    """Make hosts of the bed places; their connections are closed at the end."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SSH_AUTH_SOCK", "XDG_CONFIG_HOME", "SSH_ASKPASS"):
        monkeypatch.delenv(name, raising=False)
    made: list[Place] = []

    def make(name: str, **options: Any) -> Place:
        made.append(Place(bed, name, **options))
        return made[-1]

    yield make
    for place in made:
        place.remote.close()
        registry._known.pop(place.name, None)  # the same hosts are places of sessions in other tests
