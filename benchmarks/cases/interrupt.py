"""Interrupt of a running map: how soon the prompt is back, and how soon the pool works again."""

from __future__ import annotations

import os
import signal
import time

from benchmarks.figures import Outcome, Row, at_most, row_of
from benchmarks.peers import LOCAL
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop, rounds_for, spin

PROMPT, AGAIN = "interrupt to prompt", "prompt to next results"
DEADLINE_S = 15.0


class Far:
    """One peer in the middle of long items."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer

    def warm(self) -> None:
        """Open the pool and use it."""
        self.peer.open()
        self.peer.map(noop, range(8))

    def hold(self) -> float:
        """Map items of 3 s until interrupted; give the time of the prompt."""
        try:
            self.peer.map(spin, [rounds_for(3e6)] * 8)
        except KeyboardInterrupt:
            return time.time()
        raise RuntimeError("not interrupted")

    def again(self) -> float:
        """Use the pool after the interrupt; give the seconds."""
        begin = time.perf_counter()
        assert list(self.peer.map(noop, range(8))) == list(range(8))
        return time.perf_counter() - begin


class Interrupt:
    """Each peer; the signal goes to the driver's process group, as terminals and Jupyter send it."""

    name = "interrupt"
    title = "interrupt of a map whose items last 3 s"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        for name in scene.peers(LOCAL):
            outcome.rows += self._rows(scene, name)
        outcome.goals = [at_most("interrupt to prompt", outcome.value("pathos_nb", PROMPT), 0.5, "s")]
        return outcome

    def _rows(self, scene: Scene, name: str) -> list[Row]:
        prompts: list[float] = []
        nexts: list[float] = []
        try:
            with scene.open_contender(self.name, name) as contender:
                for _ in range(3 if name == "pathos_nb" else 1):
                    contender.tell("hold")
                    time.sleep(0.5)
                    sent = time.time()
                    os.killpg(contender.pid, signal.SIGINT)
                    prompts.append(contender.hear(DEADLINE_S) - sent)
                    nexts.append(contender.ask("again", DEADLINE_S))
        except ContenderError as error:
            what = AGAIN if len(prompts) > len(nexts) else PROMPT
            missing = [Row(name, what, None, "s", note=str(error))]
            return ([row_of(name, PROMPT, prompts, "s")] if prompts else []) + missing
        return [Row(name, PROMPT, max(prompts), "s", n=len(prompts)), Row(name, AGAIN, max(nexts), "s", n=len(nexts))]


CASE = Interrupt()
