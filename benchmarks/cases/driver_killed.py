"""What is still there 3 s after the driver was killed by SIGKILL, its workers idle or in the middle of an item."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from benchmarks.figures import Goal, Outcome, Row, at_most
from benchmarks.peers import EVERY
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError, marked
from benchmarks.scene import Scene
from benchmarks.work import noop, spin

GRACE_S = 3.0
STATES = ("idle", "busy")


class Far:
    """One peer that will be killed."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer

    def warm(self) -> None:
        """Open the pool and use it."""
        self.peer.open()
        self.peer.map(noop, range(8))

    def busy(self) -> Any:
        """Keep the workers busy for minutes."""
        return self.peer.map(spin, [1_000_000_000] * 4)


class DriverKilled:
    """Each peer twice."""

    name = "driver_killed"
    title = "processes left 3 s after SIGKILL of the driver, two workers"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        outcome.rows = [self._row(scene, name, state) for name in scene.peers(EVERY) for state in STATES]
        outcome.goals = [self._goal(outcome, state) for state in STATES]
        return outcome

    def _goal(self, outcome: Outcome, state: str) -> Goal:
        return at_most(f"processes left, workers {state}", outcome.value("pathos_nb", state), 0)

    def _row(self, scene: Scene, name: str, state: str) -> Row:
        try:
            with scene.open_contender(self.name, name) as contender:
                if state == "busy":
                    contender.tell("busy")
                    time.sleep(0.7)
                os.kill(contender.pid, signal.SIGKILL)
                time.sleep(GRACE_S)
                return Row(name, state, len(marked(contender.mark)), "processes")
        except ContenderError as error:
            return Row(name, state, None, "processes", note=str(error))


CASE = DriverKilled()
