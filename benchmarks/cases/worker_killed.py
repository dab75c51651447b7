"""A worker dies by SIGKILL in the middle of an item: who notices, when, and does the work go on."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.figures import Outcome, Row, at_most
from benchmarks.peers import LOCAL
from benchmarks.peers.base import Peer
from benchmarks.process import ContenderError
from benchmarks.scene import Scene
from benchmarks.work import noop

NOTICED, AGAIN, ANSWER = "noticed", "the item runs again", "answer"
DEADLINE_S = 15.0
FATAL = 20


class FatalOnce:
    """An item that kills its worker the first time it is run; a file remembers.

    Parameters
    ----------
    folder : str
        Where it writes when it killed and when it ran again.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, number: int) -> int:
        time.sleep(0.01)
        if number == FATAL:
            self._kill_or_tell()
        return number

    def _kill_or_tell(self) -> None:
        killed = Path(self.folder, "killed")
        if killed.exists():
            Path(self.folder, "again").write_text(repr(time.time()))
            return
        killed.write_text(repr(time.time()))
        os.kill(os.getpid(), signal.SIGKILL)


class Far:
    """One peer whose worker dies."""

    def __init__(self, peer: Peer, is_quick: bool) -> None:
        self.peer = peer
        self.downs: list[float] = []

    def warm(self) -> None:
        """Open the pool and use it."""
        self.peer.open()
        self.peer.map(noop, range(8))

    def fatal(self, folder: str) -> dict[str, Any]:
        """Map 60 items of which one kills; give what came of it and when."""
        answer = "every result"
        try:
            assert self._map(FatalOnce(folder), list(range(60))) == list(range(60))
        except Exception as error:
            answer = f"{type(error).__name__}"
        return {"answer": answer, "at": time.time(), "noticed": self.downs[0] if self.downs else None}

    def _map(self, function: FatalOnce, items: list[int]) -> list[Any]:
        if self.peer.name != "pathos_nb":
            return self.peer.map(function, items, 1 if self.peer.name == "mpire" else None)
        run = self.peer.pool.start(function, items)  # type: ignore[attr-defined]  # the peer's own pool
        run.subscribe(self._hear)
        result: list[Any] = run.result()
        return result

    def _hear(self, event: object) -> None:
        if type(event).__name__ == "WorkerDown":
            self.downs.append(time.time())


class WorkerKilled:
    """Each peer once, pathos_nb three times (the worst counts)."""

    name = "worker_killed"
    title = "a worker killed by SIGKILL in the middle of a map"

    def run(self, scene: Scene) -> Outcome:
        """Measure."""
        outcome = Outcome(self.name, self.title)
        for name in scene.peers(LOCAL):
            outcome.rows += self._rows(scene, name)
        outcome.goals = [
            at_most("kill to notice", outcome.value("pathos_nb", NOTICED), 0.2, "s"),
            at_most("kill to the item running again", outcome.value("pathos_nb", AGAIN), 0.5, "s"),
        ]
        return outcome

    def _rows(self, scene: Scene, name: str) -> list[Row]:
        seen = [self._once(scene, name) for _ in range(3 if name == "pathos_nb" else 1)]
        rows = []
        for what in (NOTICED, AGAIN):
            values = [one[what] for one in seen if one.get(what) is not None]
            if values:
                rows.append(Row(name, what, max(values), "s", n=len(values)))
        return [*rows, Row(name, ANSWER, seen[-1].get("after"), "s", note=str(seen[-1]["answer"]))]

    def _once(self, scene: Scene, name: str) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                with scene.open_contender(self.name, name) as contender:
                    reply = contender.ask("fatal", DEADLINE_S, folder=folder)
            except ContenderError as error:
                return {"answer": str(error)}
            killed = float(Path(folder, "killed").read_text())
            again = Path(folder, "again")
            return {
                "answer": reply["answer"],
                "after": reply["at"] - killed,
                NOTICED: reply["noticed"] - killed if reply["noticed"] else None,
                AGAIN: float(again.read_text()) - killed if again.exists() else None,
            }


CASE = WorkerKilled()
